"""The exact distribution of Euler-Langevin on a quadratic, the test of every Langevin sampler."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.langevin.potential import QuadraticPotential, check_steps, energy


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LangevinDistribution:
    """Distribution of ``w' = rho w + noise`` in every coordinate, started at ``w* = 0``.

    Attributes:
        curvatures: ``a_i`` of ``K = 1/2 sum a_i w_i^2``, shape ``(d,)``.
        nbeta: inverse temperature ``t``.
        autocorrelation: ``rho_i = 1 - step_size h_i / 2`` with ``h_i = t a_i + gamma``, ``(d,)``.
        innovation: variance of the noise of one step, shape ``(d,)``.
    """

    curvatures: NDArray[np.float64]
    nbeta: float
    autocorrelation: NDArray[np.float64]
    innovation: NDArray[np.float64]

    @property
    def stable(self) -> bool:
        """Return whether a stationary distribution exists: ``step_size h < 4`` everywhere."""
        return bool(np.all(np.abs(self.autocorrelation) < 1.0))

    @property
    def variance(self) -> NDArray[np.float64]:
        """Return the stationary variance of each coordinate; infinite where unstable."""
        rho = self.autocorrelation
        room = (1.0 - rho) * (1.0 + rho)
        return np.where(room > 0.0, self.innovation / np.where(room > 0.0, room, 1.0), np.inf)

    @property
    def llc(self) -> float:
        """Return the stationary estimate ``t E[K]``; infinite if the step is unstable."""
        return self._estimate(self.variance) if self.stable else math.inf

    @property
    def integrated_autocorrelation_time(self) -> float:
        """Return that of the trace of ``K``; infinite if the step is unstable.

        Squares of a Gaussian autoregression are correlated by ``rho^(2 lag)``, so coordinate
        ``i`` has time ``(1 + rho^2) / (1 - rho^2)`` and weight ``(a_i v_i)^2``.
        """
        if not self.stable:
            return math.inf
        weight = (self.curvatures * self.variance) ** 2
        if not np.any(weight):
            return 1.0
        rho2 = self.autocorrelation**2
        return float(np.sum(weight * (1.0 + rho2) / (1.0 - rho2)) / np.sum(weight))

    def llc_after(self, steps: int) -> float:
        """Return ``t E[K]`` after a number of steps from ``w*``.

        The variance is then ``innovation * (1 - rho^(2 steps)) / (1 - rho^2)``, which holds for
        unstable steps too.

        Raises:
            ValueError: if ``steps`` is negative or not an integer.
        """
        check_steps(steps)
        # log rho^2 through log1p: a step far below the time scale must not round to rho = 1.
        room = (1.0 - self.autocorrelation) * (1.0 + self.autocorrelation)
        with np.errstate(over="ignore", divide="ignore"):
            growth = -np.expm1(steps * np.log1p(-room)) if steps else np.zeros_like(room)
        safe = np.where(room == 0.0, 1.0, room)
        return self._estimate(self.innovation * np.where(room == 0.0, steps, growth / safe))

    def _estimate(self, variance: NDArray[np.float64]) -> float:
        return energy(self.curvatures, self.nbeta, variance)


def euler_langevin(
    curvatures: ArrayLike,
    nbeta: float,
    gamma: float,
    step_size: float,
    gradient_noise: float = 0.0,
) -> LangevinDistribution:
    """Return the exact distribution of Euler-Langevin on a diagonal quadratic.

    ``w' = w - eps/2 grad U(w) + sqrt(eps) xi`` on ``U = 1/2 sum_i h_i w_i^2`` with
    ``h_i = t a_i + gamma``, whose stationary variance is
    ``(1 + eps t^2 s^2 / 4) / (h (1 - eps h / 4))``. The stationary estimate is therefore
    ``1/2 sum_i (t a_i / h_i) (1 + eps t^2 s^2 / 4) / (1 - eps h_i / 4)``.

    Args:
        curvatures: ``a_i >= 0``, shape ``(d,)``.
        nbeta: inverse temperature ``t``, positive.
        gamma: localisation, positive, or zero if every curvature is positive.
        step_size: ``eps``, positive.
        gradient_noise: ``s^2``, variance of the noise of the mean gradient in each coordinate
            (independent of the state and Gaussian); it enters the step as ``eps/2 t`` times it.

    Returns:
        The distribution; with ``stable`` False and an infinite ``llc`` if ``eps h >= 4`` somewhere.

    Raises:
        ValueError: if a parameter is out of range or some ``h_i`` is zero.

    Source:
        The autoregression of order one; a derivation takes three lines.
    """
    potential = QuadraticPotential.of(curvatures, nbeta, gamma)
    a, t, h = potential.curvatures, potential.nbeta, potential.stiffness
    eps = require_positive("step_size", step_size)
    noise = require_positive("gradient_noise", gradient_noise, zero=True)
    return LangevinDistribution(
        curvatures=a,
        nbeta=t,
        autocorrelation=1.0 - 0.5 * eps * h,
        innovation=np.full(a.shape, eps * (1.0 + 0.25 * eps * t * t * noise)),
    )
