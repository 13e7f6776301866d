"""Losses times a constant or in other coordinates: the coefficients stay."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from llcbench.types import Data, Loss, Problem, Truth
from theory import combine
from theory.tempered import Tempered


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

    def sample_data(self, rng: torch.Generator) -> Any:
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

    def sample_data(self, rng: torch.Generator) -> Any:
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

    @property
    def autograd(self) -> bool:
        """Whether the base needs it."""
        return self.base.autograd

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
