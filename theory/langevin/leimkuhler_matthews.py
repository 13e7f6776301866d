"""The exact distribution of the Leimkuhler-Matthews method on a quadratic."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.langevin.potential import QuadraticPotential, check_steps, energy


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeimkuhlerMatthewsDistribution:
    """Distribution of ``w' = rho w + s (xi + xi') + noise``, started at ``w* = 0``.

    An autoregression of order one with a moving average of order one, in every coordinate:
    ``rho_i = 1 - eps h_i / 2`` and ``s^2 = eps / 4``. As ``E[w xi] = s`` from the first step on,
    the variance obeys ``V' = rho^2 V + 2 s^2 (1 + rho)``, which ``V = 1 / h`` solves.

    Attributes:
        potential: The quadratic, with its curvatures ``a_i`` and stiffnesses ``h_i``.
        step_size: ``eps``.
        heat: variance that the noise of the gradient adds to w in one step.
    """

    potential: QuadraticPotential
    step_size: float
    heat: float

    @property
    def decay(self) -> NDArray[np.float64]:
        """Return ``rho_i``, shape ``(d,)``."""
        return 1.0 - 0.5 * self.step_size * self.potential.stiffness

    @property
    def stable(self) -> bool:
        """Return whether a stationary distribution exists: ``step_size h < 4`` everywhere."""
        return bool(np.all(np.abs(self.decay) < 1.0))

    @property
    def variance(self) -> NDArray[np.float64]:
        """Return the stationary variance of each coordinate; infinite where unstable.

        It is ``1 / h``, exactly that of the target, and ``heat / (1 - rho^2)`` above it.
        """
        room = self._room
        above = self.heat / np.where(room > 0.0, room, 1.0)
        return np.where(room > 0.0, 1.0 / self.potential.stiffness + above, np.inf)

    def autocorrelation(self, lag: int) -> NDArray[np.float64]:
        """Return the stationary correlation of each coordinate with itself, shape ``(d,)``.

        Without gradient noise it is ``(1 + rho) / 2 * rho^(lag - 1)`` from lag 1 on.

        Raises:
            ValueError: if the step is unstable, or ``lag`` is negative or not an integer.
        """
        if not isinstance(lag, int) or lag < 0:
            raise ValueError(f"lag = {lag!r} is not allowed: give an integer >= 0")
        if not self.stable:
            raise ValueError(
                f"step_size = {self.step_size!r} is unstable and has no stationary correlation: "
                f"give one below {4.0 / self.potential.stiffness.max():.4g}"
            )
        if lag == 0:
            return np.ones_like(self.decay)
        return self._first * self.decay ** (lag - 1)

    def energy_autocorrelation(self, lag: int) -> float:
        """Return the stationary correlation of the trace of ``K`` with itself; 1 if K is 0.

        Squares of Gaussians are correlated by the square of their correlation; coordinate ``i`` has
        weight ``(a_i v_i)^2``.

        Raises:
            ValueError: as for `autocorrelation`.
        """
        return self._weighted(self.autocorrelation(lag) ** 2)

    @property
    def llc(self) -> float:
        """Return the stationary estimate ``t E[K]``; infinite if the step is unstable."""
        return self._energy(self.variance) if self.stable else math.inf

    @property
    def integrated_autocorrelation_time(self) -> float:
        """Return that of the trace of ``K``; infinite if the step is unstable.

        ``1 + 2 sum_lag r_lag^2`` in every coordinate; ``1/2 + 2 / (eps h)`` without gradient noise.
        """
        if not self.stable:
            return math.inf
        return self._weighted(1.0 + 2.0 * self._first**2 / self._room)

    def variance_after(self, steps: int) -> NDArray[np.float64]:
        """Return the variance of each coordinate after a number of steps from ``w*``.

        ``1/h + (eps/2 - 1/h) rho^(2 steps - 2)`` from the first step on, as the noise that the
        first step shares is independent of the start; with that of the gradient,
        ``heat (1 - rho^(2 steps)) / (1 - rho^2)`` more. It holds for unstable steps too.

        Raises:
            ValueError: if ``steps`` is negative or not an integer.
        """
        h, room = self.potential.stiffness, self._room
        if check_steps(steps) == 0:
            return np.zeros_like(h)
        first = 0.5 * self.step_size
        variance = first + (1.0 / h - first) * self._relaxed(steps - 1)
        if self.heat == 0.0:
            return variance
        safe = np.where(room == 0.0, 1.0, room)
        return variance + self.heat * np.where(room == 0.0, steps, self._relaxed(steps) / safe)

    def llc_after(self, steps: int) -> float:
        """Return ``t E[K]`` after a number of steps from ``w*``.

        Raises:
            ValueError: if ``steps`` is negative or not an integer.
        """
        return self._energy(self.variance_after(steps))

    @property
    def _room(self) -> NDArray[np.float64]:
        """Return ``1 - rho^2``, accurate for small steps."""
        rate = 0.5 * self.step_size * self.potential.stiffness
        return rate * (2.0 - rate)

    @property
    def _first(self) -> NDArray[np.float64]:
        """Return the correlation at lag 1."""
        rho, variance = self.decay, self.variance
        exact = 1.0 / self.potential.stiffness
        return (0.5 * (1.0 + rho) * exact + rho * (variance - exact)) / variance

    def _relaxed(self, steps: int) -> NDArray[np.float64]:
        """Return ``1 - rho^(2 steps)``, accurate for small steps."""
        if steps == 0:
            return np.zeros_like(self.potential.stiffness)
        with np.errstate(over="ignore", divide="ignore"):
            relaxed: NDArray[np.float64] = -np.expm1(steps * np.log1p(-self._room))
        return relaxed

    def _weighted(self, values: NDArray[np.float64]) -> float:
        weight = (self.potential.curvatures * self.variance) ** 2
        return float(np.sum(weight * values) / np.sum(weight)) if np.any(weight) else 1.0

    def _energy(self, variance: NDArray[np.float64]) -> float:
        return energy(self.potential.curvatures, self.potential.nbeta, variance)


def leimkuhler_matthews(
    curvatures: ArrayLike,
    nbeta: float,
    gamma: float,
    step_size: float,
    gradient_noise: float = 0.0,
) -> LeimkuhlerMatthewsDistribution:
    """Return the exact distribution of the Leimkuhler-Matthews method on a diagonal quadratic.

    ``w' = w - eps/2 grad U(w) + sqrt(eps) (xi + xi') / 2`` on ``U = 1/2 sum_i h_i w_i^2`` with
    ``h_i = t a_i + gamma``. With full gradients the stationary distribution of w is the target's
    for every stable step; noise of the gradient adds ``(eps t s / 2)^2 / (1 - rho^2)`` to the
    variance, that is ``eps t^2 s^2 / (4 h (1 - eps h / 4))``.

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
        The method: leimkuhler2013; the rate at which it becomes exact: leimkuhler2014. The
        distribution: moments of an autoregression whose noise is a moving average.
    """
    potential = QuadraticPotential.of(curvatures, nbeta, gamma)
    eps = require_positive("step_size", step_size)
    noise = require_positive("gradient_noise", gradient_noise, zero=True)
    return LeimkuhlerMatthewsDistribution(
        potential=potential,
        step_size=eps,
        heat=0.25 * (eps * potential.nbeta) ** 2 * noise,
    )
