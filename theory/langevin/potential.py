"""The quadratic potential that samplers are solved on exactly."""

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuadraticPotential:
    """``U = 1/2 sum_i h_i w_i^2`` with ``h_i = t a_i + gamma``, of ``K = 1/2 sum_i a_i w_i^2``.

    Attributes:
        curvatures: ``a_i``, shape ``(d,)``.
        nbeta: inverse temperature ``t``.
        stiffness: ``h_i``, shape ``(d,)``.
    """

    curvatures: NDArray[np.float64]
    nbeta: float
    stiffness: NDArray[np.float64]

    @classmethod
    def of(cls, curvatures: ArrayLike, nbeta: float, gamma: float) -> "QuadraticPotential":
        """Return the potential of a quadratic.

        Args:
            curvatures: ``a_i >= 0``, shape ``(d,)``.
            nbeta: inverse temperature ``t``, positive.
            gamma: localisation, positive, or zero if every curvature is positive.

        Raises:
            ValueError: if a parameter is out of range or some ``h_i`` is zero.
        """
        a = np.array(curvatures, dtype=np.float64, ndmin=1)
        if a.ndim != 1 or a.size == 0 or not np.all(np.isfinite(a)) or np.any(a < 0.0):
            raise ValueError(
                f"curvatures = {curvatures!r} is not allowed: give a vector of finite numbers >= 0"
            )
        t = require_positive("nbeta", nbeta)
        h = t * a + require_positive("gamma", gamma, zero=True)
        if np.any(h == 0.0):
            raise ValueError(
                f"gamma = {gamma!r} with a zero curvature is not allowed: a flat direction has no "
                "stationary distribution; give gamma > 0"
            )
        return cls(curvatures=a, nbeta=t, stiffness=h)


def energy(curvatures: NDArray[np.float64], nbeta: float, variance: NDArray[np.float64]) -> float:
    """Return ``t E[K] = t/2 sum_i a_i v_i``; flat directions add nothing, infinite variances too.

    Args:
        curvatures: ``a_i``, shape ``(d,)``.
        nbeta: ``t``.
        variance: ``v_i``, shape ``(d,)``.
    """
    curved = curvatures > 0.0
    return 0.5 * nbeta * float(np.sum(curvatures[curved] * variance[curved]))


def check_steps(steps: int) -> int:
    """Return a number of steps.

    Raises:
        ValueError: if it is negative or not an integer.
    """
    if not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps = {steps!r} is not allowed: give an integer >= 0")
    return steps
