"""Learning coefficient and multiplicity from volumes of sublevel sets, by a rule fixed in advance.

``V(t) = t^lambda (c_0 L^(m-1) + c_1 L^(m-2) + ...)`` up to higher powers of t, with
``L = log(1/t)`` (watanabe2009, chapter 4). The fits use
``log V = c - lambda L + (m - 1) log(L + b)`` with b within half the least L.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import minimize_scalar

from theory.volume.slices import Array
from theory.volume.strata import Volumes

LEVELS = tuple(float(-np.log(10.0) * k) for k in np.linspace(10, 24, 11))
"""Values of log t: eleven levels from 1e-10 down to 1e-24."""

TOLERANCE = 0.01
"""Largest error of lambda; the standard error must be below half of it."""

FLOOR = 0.003
"""Relative error added to every volume for the higher powers of t."""

ORDERS = (1, 2, 3, 4, 5)


@final
@dataclass(frozen=True)
class VolumeFit:
    """What the volumes say about a claim.

    Attributes:
        value: lambda, fitted with the claimed multiplicity.
        error: Its standard error; scaled up when the fit is poor.
        multiplicity: The order that fits best when lambda is the claimed one.
        agrees: True when ``value`` is within `TOLERANCE` of the claim, its error is below half of
            that, and ``multiplicity`` is the claimed one.
    """

    value: float
    error: float
    multiplicity: int
    agrees: bool


def judge(volumes: Volumes, value: float, multiplicity: int) -> VolumeFit:
    """Compare a claimed pair with volumes.

    Args:
        volumes: At `LEVELS`.
        value: The claimed lambda.
        multiplicity: The claimed order of the pole.
    """
    fitted, error = _slope(volumes, multiplicity)
    misfit = {order: _misfit(volumes, order, value)[0] for order in ORDERS}
    best = min(ORDERS, key=lambda order: misfit[order])
    near = abs(fitted - value) <= TOLERANCE and error <= TOLERANCE / 2
    return VolumeFit(fitted, error, best, near and best == multiplicity)


def _slope(volumes: Volumes, order: int) -> tuple[float, float]:
    """Return lambda and its standard error for a given order."""
    misfit, shift = _misfit(volumes, order, None)
    size = -volumes.levels
    weight = 1 / np.hypot(volumes.error, FLOOR)
    design, target = _line(volumes, order, shift, None)
    solution = np.linalg.lstsq(design * weight[:, None], target * weight, rcond=None)[0]
    columns = design
    if order > 1:
        columns = np.column_stack([design, (order - 1) / (size + shift)])
    information = np.linalg.inv((columns * weight[:, None]).T @ (columns * weight[:, None]))
    freedom = len(size) - columns.shape[1]
    return float(solution[1]), float(np.sqrt(information[1, 1] * max(1.0, misfit / freedom)))


def _misfit(volumes: Volumes, order: int, value: float | None) -> tuple[float, float]:
    """Return the least chi-square and its shift b; lambda is free if ``value`` is None."""
    weight = 1 / np.hypot(volumes.error, FLOOR)

    def chi_square(shift: float) -> float:
        design, target = _line(volumes, order, shift, value)
        design, target = design * weight[:, None], target * weight
        rest = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        return float(rest @ rest)

    if order == 1:
        return chi_square(0.0), 0.0
    bound = float(-volumes.levels.max()) / 2
    minimum = minimize_scalar(chi_square, bounds=(-bound, bound), method="bounded")
    return float(minimum.fun), float(minimum.x)


def _line(volumes: Volumes, order: int, shift: float, value: float | None) -> tuple[Array, Array]:
    """Return the linear problem that remains when b is given."""
    size = -volumes.levels
    target = volumes.log_volume - (order - 1) * np.log(size + shift)
    ones = np.ones_like(size)
    if value is None:
        return np.column_stack([ones, -size]), target
    return ones[:, None], target + value * size
