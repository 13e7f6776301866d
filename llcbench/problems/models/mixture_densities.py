"""Densities of mixtures; weights by softmax, or redundant ones by squares."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.models.densities import LOG_TAU
from llcbench.problems.models.likelihood import Array

# The trapezoidal rule converges like exp(-2 pi a / step) for an integrand that is analytic within a
# of the real axis: the log of a mixture is within pi / GAP for centres that far apart, and that of
# a single normal everywhere.
GAP = 3.0
FINE, COARSE = 0.2, 0.7
REACH = 8.0


def weights_log(theta: Tensor, true: int, spare: int) -> Tensor:
    """Return log weights ``(chains, true + spare)`` from ``true - 1`` logits and ``spare`` roots.

    Weights are proportional to ``1, exp(c_2), ..., exp(c_true), t_1^2, ..., t_spare^2``.
    """
    logits = torch.cat([torch.zeros_like(theta[:, :1]), theta[:, : true - 1]], dim=1)
    roots = theta[:, true - 1 : true - 1 + spare]
    # A zero weight must have a finite logarithm for its gradient to be zero, not undefined.
    tiny = torch.finfo(theta.dtype).tiny
    return torch.log_softmax(torch.cat([logits, (roots.square() + tiny).log()], dim=1), dim=1)


def grid(true: int, dim: int) -> Tensor:
    """Return equidistant points of a box, ``(N, dim)``, about all true centres."""
    step = COARSE if true == 1 else FINE
    high = GAP * (true - 1) + REACH + step / 2
    first = torch.arange(-REACH, high, step, dtype=torch.float64)
    other = torch.arange(-REACH, REACH + COARSE / 2, COARSE, dtype=torch.float64)
    return torch.cartesian_prod(first, *[other] * (dim - 1)).reshape(-1, dim)


@final
@dataclass(frozen=True)
class NormalMixture:
    """``p(x) = sum_k a_k N(x; mu_k, s^2 I)`` with redundant components.

    Parameters: weights (see ``weights_log``), centres ``mu_1 .. mu_H`` and, if it is learned,
    ``log s``. True centres are ``0, 3, 6, ...`` on the first axis; redundant ones sit on the first.

    Attributes:
        true: True components.
        components: Fitted components H.
        space: Dimension of x.
        spare: Whether redundant weights are squares, zero at the reference point.
        learned_variance: Whether s is a parameter; else it is 1.
    """

    true: int
    components: int
    space: int = 1
    spare: bool = False
    learned_variance: bool = False

    def __post_init__(self) -> None:
        if self.space not in (1, 2) or self.true < 1:
            raise ValueError(
                f"components live in dimension 1 or 2, got {self.space};"
                f" one or more are true, got {self.true}"
            )

    @property
    def dim(self) -> int:
        """Weights, centres and the variance."""
        return self._roots + self._logits + self.components * self.space + self.learned_variance

    @property
    def _roots(self) -> int:
        return self.components - self.true if self.spare else 0

    @property
    def _logits(self) -> int:
        return self.components - self._roots - 1

    def point(self) -> Array:
        """Return the reference point; weights ``1, 1/2, 1/4, ...`` up to a factor."""
        logits = -math.log(2) * np.arange(1, self._logits + 1)
        centres = np.zeros((self.components, self.space))
        centres[: self.true, 0] = GAP * np.arange(self.true)
        scale = np.zeros(int(self.learned_variance))
        return np.concatenate([logits, np.zeros(self._roots), centres.ravel(), scale])

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density of observations in R^space."""
        head = self._logits + self._roots
        logs = weights_log(theta, self._logits + 1, self._roots)
        size = self.components * self.space
        centres = theta[:, head : head + size].reshape(-1, 1, self.components, self.space)
        squares = (x.unsqueeze(2) - centres).square().sum(3)
        log_scale = theta[:, -1:] if self.learned_variance else theta.new_zeros(1, 1)
        squares = squares * torch.exp(-2 * log_scale.unsqueeze(2))
        mixed = torch.logsumexp(logs.unsqueeze(1) - 0.5 * squares, dim=2)
        return mixed - self.space * (log_scale + 0.5 * LOG_TAU)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return a trapezoidal grid weighted by the true density."""
        x = grid(self.true, self.space)
        reference = torch.from_numpy(self.point()).unsqueeze(0)
        density = self.log_density(reference, x.unsqueeze(0))[0].exp()
        return x, density / density.sum()

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw from the true mixture."""
        theta = torch.from_numpy(self.point()).unsqueeze(0)
        shares = weights_log(theta, self._logits + 1, self._roots)[0].exp()
        centres = theta[0, self._logits + self._roots :][: self.components * self.space]
        label = torch.multinomial(shares, count, replacement=True, generator=rng)
        noise = torch.randn(count, self.space, generator=rng, dtype=torch.float64)
        return centres.reshape(self.components, self.space)[label] + noise


@final
@dataclass(frozen=True)
class PartlyKnown:
    """``p(x) = (1 - a) N(x; 0, I) + a N(x; b, I)``, ``a = |t|/(1+|t|)``, truth ``N(0, I)``.

    Parameters ``(t, b_1 .. b_d)``.

    Attributes:
        space: Dimension d.
    """

    space: int

    @property
    def dim(self) -> int:
        """One weight and a centre."""
        return 1 + self.space

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log density of observations in R^d."""
        size = theta[:, :1].abs()
        centre = theta[:, None, 1:]
        tilt = (x * centre).sum(2) - 0.5 * centre.square().sum(2)
        tiny = torch.finfo(theta.dtype).tiny
        mixed = torch.logaddexp(torch.zeros_like(tilt), (size + tiny).log() + tilt)
        return mixed - torch.log1p(size) - 0.5 * (x.square().sum(2) + self.space * LOG_TAU)

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return a trapezoidal grid weighted by the standard normal density."""
        x = grid(1, self.space)
        density = (-0.5 * x.square().sum(1)).exp()
        return x, density / density.sum()

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw standard normal vectors."""
        return torch.randn(count, self.space, generator=rng, dtype=torch.float64)


@final
@dataclass(frozen=True)
class BinomialMixture:
    """``p(x) = sum_k a_k Bin(x; n, q_k)``; parameters: logits of the weights and of the ``q_k``.

    Attributes:
        trials: n.
        true: True components, at different q.
        components: Fitted components; redundant ones sit on the first.
    """

    trials: int
    true: int
    components: int

    @property
    def dim(self) -> int:
        """Weights and probabilities."""
        return 2 * self.components - 1

    def point(self) -> Array:
        """Return the reference point: logits of q at -1, 1, 3, ..."""
        logits = -math.log(2) * np.arange(1, self.components)
        centres = np.full(self.components, -1.0)
        centres[: self.true] += 2.0 * np.arange(self.true)
        return np.concatenate([logits, centres])

    def log_density(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the log probability of a count."""
        logs = weights_log(theta, self.components, 0).unsqueeze(1)
        odds = theta[:, None, self.components - 1 :]
        each = x * odds - self.trials * torch.nn.functional.softplus(odds)
        n = x.new_tensor(self.trials + 1.0)
        count = x[..., 0]
        choose = torch.lgamma(n) - torch.lgamma(count + 1) - torch.lgamma(n - count)
        return torch.logsumexp(logs + each, dim=2) + choose

    def nodes(self) -> tuple[Tensor, Tensor]:
        """Return all counts with their true probabilities."""
        x = torch.arange(self.trials + 1, dtype=torch.float64)[:, None]
        reference = torch.from_numpy(self.point()).unsqueeze(0)
        density = self.log_density(reference, x.unsqueeze(0))[0].exp()
        return x, density / density.sum()

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw counts from the true distribution."""
        x, weights = self.nodes()
        return x[torch.multinomial(weights, count, replacement=True, generator=rng)]
