"""Densities of the statistical problems; each is a few lines of batched array code."""

import math
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np
import torch
from torch import Tensor

LOG_TAU = math.log(2 * math.pi)
NODES = 32


def _normal_nodes(count: int = NODES) -> tuple[Tensor, Tensor]:
    """Return Gauss-Hermite nodes and weights of the standard normal distribution."""
    x, w = np.polynomial.hermite_e.hermegauss(count)
    return torch.from_numpy(x), torch.from_numpy(w / w.sum())


@final
@dataclass(frozen=True)
class Tanh:
    """``y = sum_k b_k tanh(a_k x) + N(0, I)``, scalar input, true function 0.

    Parameters ``(a_1..a_H, b_11..b_1M, ..., b_H1..b_HM)``. The inputs are standard normal; in
    population they are quadrature nodes and the mean over y is closed: ``E |f(x)|^2 / 2``.

    Attributes:
        units: Hidden units H.
        outputs: Outputs M.
    """

    units: int
    outputs: int

    @property
    def dim(self) -> int:
        """``H + H M``."""
        return self.units * (1 + self.outputs)

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return ``-|y - f(x)|^2 / 2``; the columns of x are the input and the M targets."""
        slopes = theta[:, : self.units]
        weights = theta[:, self.units :].view(-1, self.units, self.outputs)
        values = torch.tanh(x[..., :1] * slopes.unsqueeze(1)) @ weights
        return -0.5 * (x[..., 1:] - values).square().sum(2)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return inputs at quadrature nodes with the true, noise-free targets 0."""
        x, weights = _normal_nodes()
        return torch.cat([x[:, None], x.new_zeros(len(x), self.outputs)], dim=1), weights

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw inputs and label noise."""
        return torch.randn(count, 1 + self.outputs, generator=rng, dtype=torch.float64)


@final
@dataclass(frozen=True)
class NormalPair:
    """``p(x) = N(x; u, 1)/2 + N(x; v, 1)/2``, parameters ``(u, v)``, truth ``N(0, 1)``."""

    @property
    def dim(self) -> int:
        """Two centres."""
        return 2

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density of a scalar observation."""
        gaps = x - theta.unsqueeze(1)
        return torch.logsumexp(-0.5 * gaps.square(), dim=2) - math.log(2) - 0.5 * LOG_TAU

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return quadrature nodes of the standard normal distribution."""
        x, weights = _normal_nodes()
        return x[:, None], weights

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw from the standard normal distribution."""
        return torch.randn(count, 1, generator=rng, dtype=torch.float64)


@final
@dataclass(frozen=True)
class NaiveBayes:
    """A hidden fair coin and n binary features that depend on it; truth: independent fair bits.

    ``p(x) = 1/2 sum_z prod_i q_i(z)^x_i (1 - q_i(z))^(1 - x_i)`` with
    ``logit q_i(z) = c_i + (2 z - 1) d_i``; parameters ``(c_1..c_n, d_1..d_n)``.

    Attributes:
        features: n.
    """

    features: int

    @property
    def dim(self) -> int:
        """Two per feature."""
        return 2 * self.features

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a vector of bits."""
        centre, effect = theta[:, None, : self.features], theta[:, None, self.features :]
        signs = 2 * x - 1
        classes = [
            torch.nn.functional.logsigmoid(signs * (centre + side * effect)).sum(2)
            for side in (-1.0, 1.0)
        ]
        return torch.logsumexp(torch.stack(classes), dim=0) - math.log(2)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all states with equal weights."""
        states = torch.tensor(list(product((0.0, 1.0), repeat=self.features)), dtype=torch.float64)
        return states, states.new_full((len(states),), 1.0 / len(states))

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw fair bits."""
        return torch.randint(2, (count, self.features), generator=rng).double()


@final
@dataclass(frozen=True)
class OneFactor:
    """``x ~ N(0, diag(exp(s)) + l l^T)``, parameters ``(s_1..s_p, l_1..l_p)``; truth: ``N(0, I)``.

    Attributes:
        variables: p.
    """

    variables: int

    @property
    def dim(self) -> int:
        """Two per variable."""
        return 2 * self.variables

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density; the inverse of a rank-one update is closed."""
        logs, loadings = theta[:, None, : self.variables], theta[:, None, self.variables :]
        precision = torch.exp(-logs)
        shrink = 1 + (loadings.square() * precision).sum(2)
        form = (x.square() * precision).sum(2) - (x * loadings * precision).sum(2).square() / shrink
        return -0.5 * (form + logs.sum(2) + shrink.log() + self.variables * LOG_TAU)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return a product rule that is exact for the quadratic log density: ``x_i = -1, 1``."""
        states = torch.tensor(list(product((-1.0, 1.0), repeat=self.variables)))
        return states.double(), torch.full((len(states),), 1.0 / len(states), dtype=torch.float64)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw standard normal vectors."""
        return torch.randn(count, self.variables, generator=rng, dtype=torch.float64)
