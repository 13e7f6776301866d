"""Sums of losses in disjoint parameters."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from llcbench.sampling import loss_abilities
from llcbench.types import Loss, Matmul, NoiseSource, Problem, Truth
from theory import combine, tempered
from theory.tempered import Tempered


@final
@dataclass(frozen=True)
class DirectSum:
    """``L(u, v) = L_1(u) + L_2(v)`` in disjoint parameters.

    Attributes:
        id: Stable name.
        first: Problem of the leading parameters.
        second: Problem of the others, with the same kind of data.
    """

    id: str
    first: Problem
    second: Problem

    def __post_init__(self) -> None:
        if (self.first.num_data is None) != (self.second.num_data is None):
            raise ValueError(f"{self.id}: one part has data, the other has none")

    version = property(lambda self: max(self.first.version, self.second.version))
    dim = property(lambda self: self.first.dim + self.second.dim)
    num_data = property(lambda self: self.first.num_data)
    formula = property(lambda self: f"{self.first.formula}  +  {self.second.formula}")
    why_hard = property(lambda self: f"{self.first.why_hard} {self.second.why_hard}")
    keywords = property(lambda self: self.first.keywords | self.second.keywords | {"sum"})

    @cached_property
    def truth(self) -> Truth:
        """Sums of both coefficients."""
        a, b = self.first.truth, self.second.truth
        return Truth(combine.direct_sum(a.local, b.local), combine.direct_sum(a.global_, b.global_))

    def w_star(self) -> Tensor:
        """Return both points, one after the other."""
        return torch.cat([self.first.w_star(), self.second.w_star()])

    def sample_data(self, rng: torch.Generator) -> Any:
        """Draw a data set for each part."""
        if self.num_data is None:
            return None
        return self.first.sample_data(rng), self.second.sample_data(rng)

    def bind(self, data: Any, dtype: torch.dtype) -> "SumLoss":
        """Return the sum of both losses."""
        a, b = (None, None) if data is None else data
        parts = (self.first.bind(a, dtype), self.second.bind(b, dtype))
        return SumLoss(parts, self.first.dim)

    def tempered(self, nbeta: float, gamma: float, data: Any = None) -> Tempered | None:
        """Return the sum of both tempered values, None if one is unknown."""
        a, b = (None, None) if data is None else data
        parts = [self.first.tempered(nbeta, gamma, a), self.second.tempered(nbeta, gamma, b)]
        known = [part for part in parts if part is not None]
        return tempered.direct_sum(*known) if len(known) == len(parts) else None


@final
@dataclass(frozen=True)
class SumLoss:
    """Sum of two losses in disjoint parameters.

    Minibatches of both parts are drawn alternately, step by step: a source that runs ahead would
    draw other numbers.

    Attributes:
        parts: Both losses.
        cut: Number of parameters of the first.
    """

    parts: tuple[Loss, Loss]
    cut: int

    @property
    def autograd(self) -> bool:
        """Whether one of the parts needs it."""
        return any(part.autograd for part in self.parts)

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Any:
        """Draw a batch for each part."""
        return tuple(part.draw(num_chains, batch_size, rng) for part in self.parts)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the sum of the excess losses."""
        terms = zip(self.parts, self._split(theta), batch, strict=True)
        first, second = (part.excess(own, b) for part, own, b in terms)
        return first + second

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the sum of the excess losses and both gradients, one after the other."""
        terms = zip(self.parts, self._split(theta), batch, strict=True)
        (a, grad_a), (b, grad_b) = (part.excess_and_grad(own, x) for part, own, x in terms)
        return a + b, torch.cat([grad_a, grad_b], dim=1)

    def baseline(self, batch: Any) -> Tensor:
        """Return the sum of the losses at ``w_star``."""
        first, second = (p.baseline(b) for p, b in zip(self.parts, batch, strict=True))
        return first + second

    def dtype(self) -> torch.dtype | None:
        """Return the precision of the tensors of both parts."""
        first, second = map(loss_abilities.dtype_of, self.parts)
        return first or second

    def placed(self, device: str, matmul: Matmul) -> "SumLoss":
        """Return the sum of both parts on a device; itself where nothing changes.

        Raises:
            ValueError: If a part cannot be there.
        """
        first, second = (loss_abilities.placed(part, device, matmul) for part in self.parts)
        same = first is self.parts[0] and second is self.parts[1]
        return self if same else replace(self, parts=(first, second))

    def release(self) -> None:
        """Let both parts forget their buffers."""
        for part in self.parts:
            loss_abilities.release(part)

    def row_lookup(self) -> Callable[[Tensor], Any] | None:
        """Return what takes numbers of samples to the samples of both parts."""
        first, second = map(loss_abilities.row_lookup, self.parts)
        if first is None or second is None:
            return None
        return lambda index: (first(index), second(index))

    def noisy_labels(self) -> bool:
        """Return whether labels of one of the parts carry noise."""
        return any(map(loss_abilities.noisy_labels, self.parts))

    def noise_sources(self) -> tuple[NoiseSource, ...] | None:
        """Return the sources of label noise of both parts; None where one has unknown ones."""
        first, second = map(loss_abilities.noise_sources, self.parts)
        return None if first is None or second is None else (*first, *second)

    def excess_and_deltas(self, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the excess on all data and ``M(w) - M(w_star)`` of every source."""
        parts = zip(self.parts, self._split(theta), strict=True)
        (a, first), (b, second) = (
            loss_abilities.excess_and_deltas(part, own) for part, own in parts
        )
        return a + b, (*first, *second)

    def _split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return theta[:, : self.cut].contiguous(), theta[:, self.cut :].contiguous()
