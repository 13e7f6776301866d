"""Regression with squared loss through any parametrised linear map.

Every built-in problem is ``y = M(w) x + noise``; polynomials are one-row maps whose entries are the
generators, so that the population loss is their sum of squares. The loss is quadratic in ``M``,
hence data enter through two moments only, and one small class serves all families.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.types import Data, Truth
from theory.tempered import Tempered

Array = NDArray[np.float64]
Pullback = Callable[[Tensor], Tensor]


class Map(Protocol):
    """A parametrised linear map ``M(w)``, batched over chains."""

    @property
    def dim(self) -> int:
        """Number of parameters."""

    @property
    def outputs(self) -> int:
        """Rows of ``M``."""

    @property
    def inputs(self) -> int:
        """Columns of ``M``."""

    def value(self, theta: Tensor) -> Tensor:
        """Return ``M``, ``(chains, out, in)``."""

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return ``M`` and the function that takes ``dL/dM`` to ``dL/dw``, ``(chains, dim)``."""


class Moments(NamedTuple):
    """A full data set or the population: all that a squared loss needs to know of it.

    Attributes:
        second: Mean of ``x x^T``, ``(in, in)``.
        cross: Mean of ``noise x^T``, ``(out, in)``.
        noise: Mean of ``|noise|^2``, a scalar.
    """

    second: Tensor
    cross: Tensor
    noise: Tensor


class Population(NamedTuple):
    """Independent inputs of one variance and no noise: nothing but a number.

    Attributes:
        second: Variance of an input.
    """

    second: float


class Samples(NamedTuple):
    """One minibatch per chain: inputs ``(chains, batch, in)``, noise ``(chains, batch, out)``."""

    inputs: Tensor
    noise: Tensor


Batch = Moments | Population | Samples


@final
@dataclass(frozen=True)
class SquaredLoss:
    """``L(w) = scale * mean |y - M(w) x|^2``, as the excess over ``w_star`` on the same batch.

    With ``D = M(w) - M(w_star)`` the excess is ``scale * mean (D x) . (D x - 2 noise)``: the noise
    that both losses share is never formed, so nothing cancels in single precision.
    """

    map: Map
    scale: float
    reference: Tensor
    moments: Moments | Population
    data: Data | None

    @property
    def autograd(self) -> bool:
        """Gradients are closed."""
        return False

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Batch:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None or self.data is None:
            return self.moments
        size = (num_chains, batch_size)
        index = torch.randint(self.data.inputs.shape[0], size, generator=rng)
        return Samples(self.data.inputs[index], self.data.noise[index])

    def excess(self, theta: Tensor, batch: Batch) -> Tensor:
        """Return the excess loss, ``(chains,)``."""
        return self._head(self.map.value(theta) - self.reference, batch)[0]

    def excess_and_grad(self, theta: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""
        value, pullback = self.map.value_and_pullback(theta)
        loss, grad = self._head(value - self.reference, batch)
        return loss, pullback(grad)

    def baseline(self, batch: Batch) -> Tensor:
        """Return the loss at ``w_star``: a scalar for the full batch, else ``(chains,)``."""
        if isinstance(batch, Population):
            return torch.zeros(())
        if isinstance(batch, Moments):
            return self.scale * batch.noise
        return self.scale * batch.noise.square().sum(2).mean(1)

    def _head(self, delta: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the excess and its gradient in ``M`` at ``delta``, ``(chains, out, in)``."""
        if isinstance(batch, Population):
            grad = delta * (2 * self.scale * batch.second)
            return 0.5 * (delta * grad).sum((1, 2)), grad
        if isinstance(batch, Moments):
            moved = delta @ batch.second - batch.cross
            loss = (delta * (moved - batch.cross)).sum((1, 2))
            return self.scale * loss, (2 * self.scale) * moved
        error = batch.inputs @ delta.mT
        residual = error - batch.noise
        weight = self.scale / error.shape[1]
        loss = (error * (residual - batch.noise)).sum((1, 2))
        return weight * loss, (2 * weight) * (residual.mT @ batch.inputs)


@final
@dataclass(frozen=True)
class Inputs:
    """Law of the regression inputs: independent entries, standard normal or uniform on [-10, 10].

    The second is the published one for deep linear networks (Lau et al. 2023).
    """

    kind: Literal["normal", "uniform10"] = "normal"

    @property
    def second_moment(self) -> float:
        """Variance of an entry."""
        return 1.0 if self.kind == "normal" else 100.0 / 3.0

    def sample(self, shape: tuple[int, int], rng: torch.Generator) -> Tensor:
        """Draw a matrix of inputs in double precision."""
        if self.kind == "normal":
            return torch.randn(shape, generator=rng, dtype=torch.float64)
        return torch.rand(shape, generator=rng, dtype=torch.float64).mul_(20).sub_(10)


# (nbeta, gamma, second moment, cross moment) -> the tempered truth; moments are None in population.
TemperedFunction = Callable[[float, float, Array | None, Array | None], Tempered | None]


@final
@dataclass(frozen=True)
class Regression:
    """A problem ``y = M(w) x + noise`` with known coefficients at ``point``.

    Attributes:
        id: Stable name, with ``/n<samples>`` when it has data.
        map: The parametrisation ``M(w)``.
        point: The reference point ``w_star``, ``(dim,)``.
        truth_function: Computes both exact coefficients; called once, on demand.
        tempered_function: Computes the tempered truth.
        formula: The loss in one line.
        why_hard: What an estimator can get wrong here.
        keywords: Tags for selection.
        scale: Factor of the mean squared error; 1/2 for a unit-variance Gaussian likelihood.
        inputs: Law of the inputs.
        noise_sd: Standard deviation of the label noise in sampled data.
        num_data: Number of samples, None for the population loss.
        version: Raised when the density changes.
    """

    id: str
    map: Map
    point: Array
    truth_function: Callable[[], Truth]
    tempered_function: TemperedFunction
    formula: str
    why_hard: str
    keywords: frozenset[str] = frozenset()
    scale: float = 0.5
    inputs: Inputs = Inputs()
    noise_sd: float = 1.0
    num_data: int | None = None
    version: int = 1

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return self.map.dim

    @cached_property
    def truth(self) -> Truth:
        """Exact local and global coefficients."""
        return self.truth_function()

    def w_star(self) -> Tensor:
        """Return the reference point in double precision."""
        return torch.from_numpy(self.point.copy())

    def with_data(self, num_data: int) -> "Regression":
        """Return the same problem on sampled data with label noise instead of the population."""
        keywords = self.keywords | {"data"}
        return replace(self, id=f"{self.id}/n{num_data}", num_data=num_data, keywords=keywords)

    def sample_data(self, rng: torch.Generator) -> Data | None:
        """Draw inputs and label noise, None for the population loss."""
        if self.num_data is None:
            return None
        inputs = self.inputs.sample((self.num_data, self.map.inputs), rng)
        shape = (self.num_data, self.map.outputs)
        noise = torch.randn(shape, generator=rng, dtype=torch.float64).mul_(self.noise_sd)
        return Data(inputs, noise)

    def bind(self, data: Data | None, dtype: torch.dtype) -> SquaredLoss:
        """Return the loss on a data set, or in population."""
        reference = self.map.value(self.w_star().unsqueeze(0)).to(dtype)
        if data is None:
            population = Population(self.inputs.second_moment)
            return SquaredLoss(self.map, self.scale, reference, population, None)
        moments = Moments(*(moment.to(dtype) for moment in _moments(data)))
        kept = Data(data.inputs.to(dtype), data.noise.to(dtype))
        return SquaredLoss(self.map, self.scale, reference, moments, kept)

    def tempered(self, nbeta: float, gamma: float, data: Data | None = None) -> Tempered | None:
        """Return the estimate of a perfect sampler, on the given data or in population."""
        if data is None:
            return self.tempered_function(nbeta, gamma, None, None)
        second, cross, _ = _moments(data)
        return self.tempered_function(nbeta, gamma, second.numpy(), cross.numpy())


def _moments(data: Data) -> Moments:
    """Return the moments of a data set in double precision."""
    x, noise = data
    n = x.shape[0]
    return Moments(x.mT @ x / n, noise.mT @ x / n, noise.square().sum() / n)


def flat(parts: list[Any]) -> Array:
    """Concatenate arrays into one flat double-precision vector."""
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
