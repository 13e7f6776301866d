"""Losses times a constant or in other coordinates: the coefficients stay."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from llcbench.sampling.loss_abilities import Forwarding, squared_form
from llcbench.types import (
    Data,
    LayerGradient,
    MomentForm,
    NoiseSource,
    Problem,
    SquaredForm,
    Truth,
    Visit,
)
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

    def squared_form(self) -> SquaredForm | None:
        """Return the base as plain data with the factor on its scale."""
        form = squared_form(self.base)
        return None if form is None else form._replace(scale=self.factor * form.scale)


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
class ChangedLoss(Forwarding):
    """A loss times a factor, after a map of the parameters.

    What the base can do, this loss can do as well, except that gradients come layer by layer, and
    the loss as plain data, where the parameters stay what they are.

    Attributes:
        base: The loss.
        factor: Positive factor.
        forward: Map of the parameters, None for the identity.
        pull: Pullback of the gradient under that map.
    """

    factor: float = 1.0
    forward: Callable[[Tensor], Tensor] | None = None
    pull: Callable[[Tensor, Tensor], Tensor] | None = None

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the changed excess loss."""
        return self.factor * super().excess(self._moved(theta), batch)

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the changed excess loss and its gradient."""
        loss, grad = super().excess_and_grad(self._moved(theta), batch)
        if self.pull is not None:
            grad = self.pull(theta, grad)
        return self.factor * loss, self.factor * grad

    def excess_and_grad_into(self, theta: Tensor, batch: Any, out: Tensor) -> Tensor:
        """Return the changed excess loss and write its gradient."""
        if self.forward is None:
            loss = super().excess_and_grad_into(theta, batch, out)
            out.mul_(self.factor)
            return self.factor * loss
        # Buffers of the base are kept for a tensor that comes again, which moved ones do not.
        loss, grad = self.excess_and_grad(theta, batch)
        out.copy_(grad)
        return loss

    def num_parts(self, batch: Any) -> int:
        """Return in how many layers the base hands out its gradient, 0 after a map."""
        return super().num_parts(batch) if self.forward is None else 0

    def excess_and_visit(self, theta: Tensor, batch: Any, visit: Visit) -> Tensor:
        """Return the changed excess loss, and hand out its gradient layer by layer."""

        def changed(gradient: LayerGradient) -> None:
            visit(gradient._replace(weight=self.factor * gradient.weight))

        return self.factor * super().excess_and_visit(theta, batch, changed)

    def baseline(self, batch: Any) -> Tensor:
        """Return the loss at ``w_star`` times the factor."""
        return self.factor * super().baseline(batch)

    def noise_sources(self) -> tuple[NoiseSource, ...] | None:
        """Return the sources of label noise of the base with the factor on their weights."""
        sources = super().noise_sources()
        if sources is None:
            return None
        return tuple(source._replace(weight=self.factor * source.weight) for source in sources)

    def excess_and_deltas(self, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the changed excess on all data and ``M - M(w_star)`` where the map leads."""
        excess, deltas = super().excess_and_deltas(self._moved(theta))
        return self.factor * excess, deltas

    def moment_form(self) -> MomentForm | None:
        """Return the base as plain data with the factor on its scale, None after a map."""
        form = super().moment_form() if self.forward is None else None
        return None if form is None else form._replace(scale=self.factor * form.scale)

    def _moved(self, theta: Tensor) -> Tensor:
        return theta if self.forward is None else self.forward(theta).contiguous()
