"""Statistical models by their log-likelihood, with gradients by automatic differentiation.

The population loss is a finite sum: over all states of a discrete model, over quadrature nodes of
a continuous one. It is then the exact loss of the model observed at those nodes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.types import Data, Truth
from theory import tempered
from theory.tempered import Tempered

Array = NDArray[np.float64]

# In three dimensions quadrature takes millions of points, at each of which all observations count.
SPATIAL_LIMIT = 10


class Model(Protocol):
    """A parametric density with a known true parameter."""

    @property
    def dim(self) -> int:
        """Number of parameters."""

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return ``log p(x | w)``: ``(chains, dim)``, ``(chains or 1, batch, k)`` -> ``(c, b)``."""

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return points ``(N, k)`` and weights ``(N,)`` of the true distribution, sum one."""

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw observations from the true distribution, ``(count, k)``."""


class Observations(NamedTuple):
    """Observations ``(chains or 1, batch, k)`` with weights ``(batch,)`` of sum one."""

    x: Tensor
    weights: Tensor


@final
@dataclass(frozen=True)
class LikelihoodLoss:
    """Mean of ``log p(x | w*) - log p(x | w)`` over observations.

    The values at ``w_star`` are evaluated on the same observations and subtracted one by one. Both
    are in double precision in every run: what a density and its value at ``w_star`` have in common,
    such as a normalising constant, leaves no rounding in their difference.
    """

    model: Model
    reference: Tensor
    full: Observations
    drawn: bool

    @property
    def autograd(self) -> bool:
        """Gradients come from automatic differentiation."""
        return True

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Observations:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None or not self.drawn:
            return self.full
        count = self.full.x.shape[1]
        return self.rows(torch.randint(count, (num_chains, batch_size), generator=rng))

    def rows(self, index: Tensor) -> Observations:
        """Return the observations of given numbers, ``(chains, batch)``."""
        data, size = self.full.x[0], index.shape[1]
        return Observations(data[index], data.new_full((size,), 1.0 / size))

    def row_lookup(self) -> Callable[[Tensor], Observations] | None:
        """Return `rows`; None in population."""
        return self.rows if self.drawn else None

    def excess(self, theta: Tensor, batch: Observations) -> Tensor:
        """Return the excess loss, ``(chains,)``."""
        star = self.model.log_density(self.reference, batch.x)
        gaps = star - self.model.log_density(theta.double(), batch.x)
        return (gaps @ batch.weights).to(theta.dtype)

    def excess_and_grad(self, theta: Tensor, batch: Observations) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_(True)
            loss = self.excess(leaf, batch)
            (grad,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach(), grad

    def baseline(self, batch: Observations) -> Tensor:
        """Return the loss at ``w_star``, ``(chains,)`` or ``(1,)``."""
        return -(self.model.log_density(self.reference, batch.x) @ batch.weights)


@final
@dataclass(frozen=True)
class Likelihood:
    """A statistical problem ``L(w) = E[-log p(x | w)]`` with known coefficients at ``point``.

    Attributes:
        id: Stable name, with ``/n<samples>`` when it has data.
        model: The density.
        point: The reference point.
        truth_function: Computes both exact coefficients; called once, on demand.
        formula: The model in one line.
        why_hard: What an estimator can get wrong here.
        keywords: Tags for selection.
        num_data: Number of samples, None for the population loss.
        version: Raised when the density changes.
    """

    id: str
    model: Model
    point: Array
    truth_function: Callable[[], Truth]
    formula: str
    why_hard: str
    keywords: frozenset[str]
    num_data: int | None = None
    version: int = 1

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return self.model.dim

    @cached_property
    def truth(self) -> Truth:
        """Exact local and global coefficients."""
        return self.truth_function()

    def w_star(self) -> Tensor:
        """Return the reference point in double precision."""
        return torch.from_numpy(self.point.copy())

    def with_data(self, num_data: int) -> "Likelihood":
        """Return the same problem on sampled data instead of the population."""
        keywords = self.keywords | {"data"}
        return replace(self, id=f"{self.id}/n{num_data}", num_data=num_data, keywords=keywords)

    def sample_data(self, rng: torch.Generator) -> Data | None:
        """Draw observations, None for the population loss."""
        if self.num_data is None:
            return None
        x = self.model.sample(self.num_data, rng)
        # The noise of a likelihood is in the observations themselves.
        return Data(x, x.new_zeros(0))

    def bind(self, data: Data | None, dtype: torch.dtype) -> LikelihoodLoss:
        """Return the loss on a data set, or in population; it is evaluated in double precision."""
        if data is None:
            x, weights = self.model.nodes()
        else:
            x = data.inputs
            weights = x.new_full((x.shape[0],), 1.0 / x.shape[0])
        full = Observations(x.double().unsqueeze(0), weights.double())
        reference = self.w_star().double().unsqueeze(0)
        return LikelihoodLoss(self.model, reference, full, data is not None)

    def tempered(self, nbeta: float, gamma: float, data: Data | None = None) -> Tempered | None:
        """Return the estimate of a perfect sampler by quadrature, None where it costs too much.

        That is above three parameters, and for three above ``SPATIAL_LIMIT`` observations.
        """
        if self.dim > 3 or gamma <= 0:
            return None
        loss = self.bind(data, torch.float64)
        batch = loss.full
        if self.dim == 3 and len(batch.weights) > SPATIAL_LIMIT:
            return None

        def potential(points: Array) -> Array:
            rows = torch.from_numpy(np.ascontiguousarray(points.T))
            parts = [loss.excess(rows[i : i + 4096], batch) for i in range(0, len(rows), 4096)]
            return torch.cat(parts).numpy()

        return tempered.quadrature(
            potential, self.point, nbeta, gamma, rtol=1e-3 if self.dim == 3 else 1e-4
        )
