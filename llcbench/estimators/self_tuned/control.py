"""The control variate that the virial gives, and where a chain counts as stationary."""

import math
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.self_tuned.constants import GAIN, SMALLEST_ERROR, ZMAX
from llcbench.sampling.diagnostics import MeanError
from llcbench.sampling.jackknife import Statistic, error_of, split

Array = NDArray[np.float64]


@final
class Mean(NamedTuple):
    """The mean energy with its error.

    Attributes:
        value: The mean.
        error: Its standard error with the degrees of freedom.
        per_unit: Values whose mean it is.
        gain: Error over that of the plain mean; 1 where that was taken.
        z: Mean of ``phi = d - r . grad U`` over its error; 0 under the target.
    """

    value: float
    error: MeanError
    per_unit: Array
    gain: float
    z: float

    @property
    def stationary(self) -> bool:
        """Whether the virial is that of the target within its error."""
        return abs(self.z) < ZMAX


def controlled(energy: Array, phi: Array) -> Mean:
    """Return the mean energy, after regression on ``phi`` where that is right and pays.

    ``mean(E - theta phi)``, theta by least squares on the other units, so that it does not know
    the draws it corrects. It is right where the chains are stationary: a drifting chain has
    another mean of phi.

    Args:
        energy: ``nbeta (L - L*)``, ``(chains, draws)``.
        phi: ``d - r . grad U`` at the same draws.
    """
    chains = len(energy)
    units, controls = split(np.ascontiguousarray(energy)), split(np.ascontiguousarray(phi))
    plain = _mean(units.mean(1), chains)
    drift = _mean(controls.mean(1), chains)
    error = drift[1].stderr
    # A control variate without spread or error cannot be tested and is not used.
    z = drift[0] / error if error > 0 else math.inf
    if not math.isfinite(z) or abs(z) >= ZMAX:
        return Mean(*plain, 1.0, z if math.isfinite(z) else 0.0)
    theta = _slopes(units, controls)
    better = _mean(units.mean(1) - theta * controls.mean(1), chains)
    gain = better[1].stderr / plain[1].stderr if plain[1].stderr > 0 else 1.0
    return Mean(*better, gain, z) if gain < GAIN else Mean(*plain, 1.0, z)


def _slopes(units: Array, controls: Array) -> Array:
    """Return theta of every unit, from all the other ones."""
    ours, theirs = units - units.mean(), controls - controls.mean()
    counts = np.full(len(units), units.shape[1])

    def others(values: Array) -> Array:
        sums = values.sum(1)
        return np.asarray((sums.sum() - sums) / (counts.sum() - counts))

    energy, control = others(ours), others(theirs)
    variance = others(theirs**2) - control**2
    covariance = others(ours * theirs) - energy * control
    return np.divide(covariance, variance, out=np.zeros_like(energy), where=variance > 0)


def _mean(per_unit: Array, chains: int) -> tuple[float, MeanError, Array]:
    value = float(per_unit.mean())
    spread = float(per_unit.std(ddof=1) / len(per_unit) ** 0.5)
    error = error_of(Statistic(value, spread, len(per_unit), per_unit), chains)
    least = SMALLEST_ERROR * abs(value)
    return value, MeanError(max(error.stderr, least), error.freedom), per_unit
