"""Regression through any batched function, with normal noise and an exact finite design."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.likelihood import Array

# (theta (chains, dim), x (chains or 1, batch, inputs)) -> (chains, batch, outputs)
Function = Callable[[Tensor, Tensor], Tensor]


@final
@dataclass(frozen=True)
class InputDesign:
    """A distribution of independent inputs and a product rule for it.

    ``normal``: standard normal with Gauss-Hermite nodes; ``uniform``: on [-2, 2] with
    Gauss-Legendre nodes; ``signs``: fair signs, all of them.

    Attributes:
        distribution: Name of the distribution.
        inputs: Number of inputs.
        count: Nodes on each axis.
    """

    distribution: Literal["normal", "uniform", "signs"]
    inputs: int
    count: int = 2

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return points ``(N, inputs)`` and weights of sum one."""
        if self.distribution == "normal":
            x, w = np.polynomial.hermite_e.hermegauss(self.count)
        elif self.distribution == "uniform":
            x, w = np.polynomial.legendre.leggauss(self.count)
            x = 2 * x
        else:
            x, w = np.array([-1.0, 1.0]), np.ones(2)
        points = np.array(list(product(x, repeat=self.inputs)))
        weights = np.array([np.prod(row) for row in product(w / w.sum(), repeat=self.inputs)])
        return torch.from_numpy(points), torch.from_numpy(weights)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw inputs."""
        shape = (count, self.inputs)
        if self.distribution == "normal":
            return torch.randn(shape, generator=rng, dtype=torch.float64)
        if self.distribution == "uniform":
            return torch.rand(shape, generator=rng, dtype=torch.float64) * 4 - 2
        return 2.0 * torch.randint(2, shape, generator=rng).double() - 1.0


@final
@dataclass(frozen=True, eq=False)
class LeastSquares:
    """``y = f(x; w) + N(0, I)``; the true function is that at the reference point.

    In population the targets are noise-free and the loss is ``E |f - f*|^2 / 2``, a finite sum over
    the nodes of the design: exact where f is polynomial in x, and else the exact loss of the model
    observed at these nodes.

    Attributes:
        dim: Number of parameters.
        function: f.
        design: Distribution of x.
        star: Reference point.
    """

    dim: int
    function: Function
    design: InputDesign
    star: Array

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return ``-|y - f(x)|^2 / 2``; the columns of x are inputs and targets."""
        k = self.design.inputs
        return -0.5 * (x[..., k:] - self.function(theta, x[..., :k])).square().sum(2)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return the nodes of the design with noise-free targets."""
        x, weights = self.design.nodes()
        return torch.cat([x, self._truth(x)], dim=1), weights

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw inputs and targets with noise."""
        x = self.design.sample(count, rng)
        y = self._truth(x)
        noise = torch.randn(y.shape, generator=rng, dtype=torch.float64)
        return torch.cat([x, y + noise], dim=1)

    def _truth(self, x: Tensor) -> Tensor:
        return self.function(torch.from_numpy(self.star).unsqueeze(0), x.unsqueeze(0))[0]
