"""Ways to make a new problem from known ones, with exact truth."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from llcbench.problems.points import frame, generator_of
from llcbench.problems.regression import Regression
from llcbench.types import Data, Loss, Problem, Truth
from theory import combine, tempered
from theory.tempered import Tempered

MODIFIERS = {
    "n<samples>": r"n(\d+)",
    "scaled-<factor>": r"scaled-(\d+(?:\.\d+)?)",
    "padded-<directions>": r"padded-(\d+)",
    "rotated-<seed>": r"rotated-(\d+)",
}


def split_modifiers(identifier: str) -> tuple[str, list[str]]:
    """Split trailing modifiers off an id: ``poly/x2/scaled-4/n100`` gives two."""
    parts = identifier.split("/")
    found: list[str] = []
    while len(parts) > 2 and any(re.fullmatch(p, parts[-1]) for p in MODIFIERS.values()):
        found.insert(0, parts.pop())
    return "/".join(parts), found


def modify(problem: Problem, modifiers: list[str], identifier: str) -> Problem:
    """Apply modifiers from left to right.

    Raises:
        ValueError: If a modifier does not apply to this problem.
    """
    for text in modifiers:
        kind, _, value = text.partition("-")
        if kind == "scaled":
            problem = rescaled(problem, float(value))
        elif kind == "padded":
            problem = padded(problem, int(value))
        elif kind == "rotated":
            problem = rotated(problem, int(value))
        elif isinstance(problem, Regression):
            if int(kind[1:]) < 2:
                raise ValueError(f"{identifier!r}: {text!r} must name at least 2 samples")
            problem = problem.with_data(int(kind[1:]))
        else:
            raise ValueError(f"{identifier!r}: put {text!r} right after the base problem")
    return problem


def direct_sum(first: Problem, second: Problem, identifier: str | None = None) -> "DirectSum":
    """Return ``L(u, v) = L_1(u) + L_2(v)``: coefficients add, tempered values too."""
    name = identifier or f"sum.{first.id.replace('/', '_')}.{second.id.replace('/', '_')}"
    return DirectSum(name, first, second)


def padded(problem: Problem, directions: int) -> "DirectSum":
    """Return the problem with regular directions added: the coefficient grows by half of them.

    Raises:
        ValueError: If the number of directions is not positive.
    """
    from llcbench.problems.regular import build

    if directions < 1:
        raise ValueError(f"padded-{directions}: the number of directions must be positive")
    extra = build(f"regular/d{directions}")
    if problem.num_data is not None:
        extra = extra.with_data(problem.num_data)
    return direct_sum(problem, extra, f"{problem.id}/padded-{directions}")


def rescaled(problem: Problem, factor: float) -> "Rescaled":
    """Return ``factor * L``: the coefficient stays, the tempered value is that at another nbeta.

    Raises:
        ValueError: If the factor is not positive.
    """
    if not factor > 0:
        raise ValueError(f"scaled-{factor:g}: the factor must be positive")
    return Rescaled(f"{problem.id}/scaled-{factor:g}", problem, factor)


def rotated(problem: Problem, seed: int) -> "Reparametrised":
    """Return the problem in rotated coordinates: all three truths stay, the axes do not."""
    rotation = frame(problem.dim, problem.dim, generator_of(f"rotation/{problem.dim}/{seed}"))
    matrix = torch.from_numpy(rotation)
    return Reparametrised(
        id=f"{problem.id}/rotated-{seed}",
        base=problem,
        forward=lambda theta: theta @ matrix.to(theta.dtype).T,
        pullback=lambda theta, grad: grad @ matrix.to(theta.dtype),
        point=matrix.T @ problem.w_star(),
        isometry=True,
        statement=f"rotation with seed {seed}, an isometry",
    )


def sheared(problem: Problem, strength: float = 1.0) -> "Reparametrised":
    """Return the problem seen through ``w_1 -> w_1 + strength * w_2^2``, which bends its zero set.

    A polynomial diffeomorphism of the plane: both coefficients stay; the localisation is no longer
    centred in the same way, so the tempered value changes and is left to the caller.

    Raises:
        ValueError: If the problem has fewer than two parameters.
    """
    if problem.dim < 2:
        raise ValueError(f"{problem.id} has one parameter; a shear needs two")

    def forward(theta: Tensor) -> Tensor:
        moved = theta.clone()
        moved[:, 0] += strength * theta[:, 1].square()
        return moved

    def pullback(theta: Tensor, grad: Tensor) -> Tensor:
        moved = grad.clone()
        moved[:, 1] += 2 * strength * theta[:, 1] * grad[:, 0]
        return moved

    point = problem.w_star()
    point[0] -= strength * point[1] ** 2
    return Reparametrised(
        id=f"{problem.id}/sheared-{strength:g}",
        base=problem,
        forward=forward,
        pullback=pullback,
        point=point,
        isometry=False,
        statement=f"w_1 -> w_1 + {strength:g} w_2^2, a polynomial diffeomorphism",
    )


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

    Attributes:
        parts: Both losses.
        cut: Number of parameters of the first.
    """

    parts: tuple[Loss, Loss]
    cut: int

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Any:
        """Draw a batch for each part."""
        return tuple(part.draw(num_chains, batch_size, rng) for part in self.parts)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the sum of the excess losses."""
        pieces = zip(self.parts, self._split(theta), batch, strict=True)
        first, second = (part.excess(piece, b) for part, piece, b in pieces)
        return first + second

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the sum of the excess losses and both gradients, one after the other."""
        pieces = zip(self.parts, self._split(theta), batch, strict=True)
        (a, grad_a), (b, grad_b) = (part.excess_and_grad(piece, x) for part, piece, x in pieces)
        return a + b, torch.cat([grad_a, grad_b], dim=1)

    def baseline(self, batch: Any) -> Tensor:
        """Return the sum of the losses at ``w_star``."""
        first, second = (p.baseline(b) for p, b in zip(self.parts, batch, strict=True))
        return first + second

    def _split(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        return theta[:, : self.cut].contiguous(), theta[:, self.cut :].contiguous()


@final
@dataclass(frozen=True)
class Rescaled:
    """``factor * L``: same coefficient, other temperature.

    Attributes:
        id: Stable name.
        base: The problem.
        factor: Positive factor of its loss.
    """

    id: str
    base: Problem
    factor: float

    version = property(lambda self: self.base.version)
    dim = property(lambda self: self.base.dim)
    num_data = property(lambda self: self.base.num_data)
    formula = property(lambda self: f"{self.factor:g} * [{self.base.formula}]")
    why_hard = property(lambda self: self.base.why_hard)
    keywords = property(lambda self: self.base.keywords | {"scaled"})

    @cached_property
    def truth(self) -> Truth:
        """Both coefficients of the base."""
        statement = f"K multiplied by the constant {self.factor:g}"
        return Truth(*(combine.equivalent(value, statement) for value in self.base.truth))

    def w_star(self) -> Tensor:
        """Return the point of the base."""
        return self.base.w_star()

    def sample_data(self, rng: torch.Generator) -> Data | None:
        """Draw data of the base."""
        return self.base.sample_data(rng)

    def bind(self, data: Data | None, dtype: torch.dtype) -> "ChangedLoss":
        """Return the loss times the factor."""
        return ChangedLoss(self.base.bind(data, dtype), factor=self.factor)

    def tempered(self, nbeta: float, gamma: float, data: Data | None = None) -> Tempered | None:
        """Return the tempered value of the base at ``factor * nbeta``."""
        return self.base.tempered(self.factor * nbeta, gamma, data)


@final
@dataclass(frozen=True)
class Reparametrised:
    """``L(phi(w))`` for a diffeomorphism phi: same coefficient, other coordinates.

    Attributes:
        id: Stable name.
        base: The problem.
        forward: ``phi`` on rows of parameters.
        pullback: Takes ``w`` and the gradient at ``phi(w)`` to the gradient at ``w``.
        point: The point that phi maps to the base's ``w_star``.
        isometry: Whether phi keeps distances, so that the localisation stays the same.
        statement: What phi is, for the proof.
    """

    id: str
    base: Problem
    forward: Callable[[Tensor], Tensor]
    pullback: Callable[[Tensor, Tensor], Tensor]
    point: Tensor
    isometry: bool
    statement: str

    version = property(lambda self: self.base.version)
    dim = property(lambda self: self.base.dim)
    num_data = property(lambda self: self.base.num_data)
    formula = property(lambda self: f"[{self.base.formula}] after {self.statement}")
    why_hard = property(lambda self: self.base.why_hard + " No coordinate axis is special.")
    keywords = property(lambda self: self.base.keywords | {"reparametrised"})

    @cached_property
    def truth(self) -> Truth:
        """Both coefficients of the base."""
        return Truth(*(combine.equivalent(value, self.statement) for value in self.base.truth))

    def w_star(self) -> Tensor:
        """Return the point over the base's."""
        return self.point.clone()

    def sample_data(self, rng: torch.Generator) -> Data | None:
        """Draw data of the base."""
        return self.base.sample_data(rng)

    def bind(self, data: Data | None, dtype: torch.dtype) -> "ChangedLoss":
        """Return the loss after the map."""
        return ChangedLoss(self.base.bind(data, dtype), forward=self.forward, pull=self.pullback)

    def tempered(self, nbeta: float, gamma: float, data: Data | None = None) -> Tempered | None:
        """Return the tempered value of the base for an isometry, None otherwise."""
        return self.base.tempered(nbeta, gamma, data) if self.isometry else None


@final
@dataclass(frozen=True)
class ChangedLoss:
    """A loss times a factor, after a map of the parameters.

    Attributes:
        base: The loss.
        factor: Positive factor.
        forward: Map of the parameters, None for the identity.
        pull: Pullback of the gradient under that map.
    """

    base: Loss
    factor: float = 1.0
    forward: Callable[[Tensor], Tensor] | None = None
    pull: Callable[[Tensor, Tensor], Tensor] | None = None

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Any:
        """Draw a batch of the base."""
        return self.base.draw(num_chains, batch_size, rng)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the changed excess loss."""
        return self.factor * self.base.excess(self._moved(theta), batch)

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the changed excess loss and its gradient."""
        loss, grad = self.base.excess_and_grad(self._moved(theta), batch)
        if self.pull is not None:
            grad = self.pull(theta, grad)
        return self.factor * loss, self.factor * grad

    def baseline(self, batch: Any) -> Tensor:
        """Return the loss at ``w_star`` times the factor."""
        return self.factor * self.base.baseline(batch)

    def _moved(self, theta: Tensor) -> Tensor:
        return theta if self.forward is None else self.forward(theta).contiguous()
