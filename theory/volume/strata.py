"""Volumes of sublevel sets by lines through log-scaled strata, with standard errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from theory.volume.slices import Array, FactoredPotential

Numbers = NDArray[np.int64]
"""Numbers of strata, or of points in each of them."""

# Coordinates below e^-36 of the box are left out: less than 1e-3 of the finest width e^-27.6.
REACH = 36.0
_WIDTHS = {1: 0.25, 2: 1.0, 3: 2.0}
_PILOT = {1: 8, 2: 4, 3: 2}
_CHUNK = 1 << 14


@final
@dataclass(frozen=True)
class Volumes:
    """Estimates of ``V(t) = int_{K < t} prod |x_i|^h_i dx`` over a box around the point.

    Attributes:
        levels: log t, descending.
        log_volume: log V(t).
        error: Relative standard error of every V(t); the estimates are independent.
    """

    levels: Array
    log_volume: Array
    error: Array


def volumes(
    potential: FactoredPotential,
    prior: Sequence[float],
    levels: Sequence[float],
    *,
    size: float = 0.5,
    points: int = 1 << 14,
    seed: int = 0,
) -> Volumes:
    """Estimate V(t) at several levels.

    All coordinates but one are drawn on a logarithmic scale with both signs, in strata of a factor
    e (e^(1/4) for one coordinate, e^2 for three); along the last one the set is measured by its
    end points. A pilot finds the strata that matter at a level; a fresh sample, allotted in
    proportion, gives V and its error. Strata that are empty with all their neighbours are left out.
    Valleys should run along the lines or the axes: others are narrower than the strata, which shows
    as an error above 0.1; change the coordinates then.

    Args:
        potential: K with the coordinate of the lines.
        prior: Exponents ``h_i >= 0`` of the density.
        levels: Values of log t.
        size: Half the side of the box.
        points: Lines per level.
        seed: Of the generator of all points.

    Raises:
        ValueError: If K has fewer than two or more than four variables, or is not zero at the
            point.
    """
    dim = len(prior)
    if dim - 1 not in _WIDTHS:
        raise ValueError(f"K must have 2 to 4 variables, got {dim}; drop regular directions first")
    rng = np.random.default_rng(seed)
    strata = _Strata(dim - 1, size)
    h = np.delete(np.array(prior, dtype=float), potential.axis)
    along = float(prior[potential.axis])

    def sample(cells: Numbers, chosen: Sequence[float]) -> Array:
        parts = [
            _integrand(potential, strata.draw(part, rng), h, chosen, size, along)
            for part in np.array_split(cells, max(1, len(cells) // _CHUNK))
        ]
        return np.concatenate(parts, axis=1)

    everything = np.arange(strata.count)
    count = _PILOT[dim - 1]
    pilot = sample(np.repeat(everything, count), levels)
    spread = np.sqrt((pilot.reshape(len(levels), -1, count) ** 2).mean(axis=2))
    result = []
    for level, score in zip(levels, spread, strict=True):
        if not score.any():
            raise ValueError(f"K must be zero at the point: no set K < exp({level:.4g}) was found")
        quota = strata.allotment(score, points)
        cells = np.repeat(everything, quota)
        values = sample(cells, [level])[0]
        used = np.maximum(quota, 1)
        mean = np.bincount(cells, values, strata.count) / used
        square = np.bincount(cells, values**2, strata.count) / used
        variance = np.maximum(square - mean**2, 0) / np.maximum(used - 1, 1)
        volume = float(mean.sum())
        result.append((np.log(volume), np.sqrt(variance.sum()) / volume))
    table = np.array(result)
    return Volumes(np.array(levels, dtype=float), table[:, 0], table[:, 1])


@final
class _Strata:
    """Boxes in ``log |x_i|`` with signs; a stratum is one number."""

    def __init__(self, dim: int, size: float) -> None:
        self.dim, self.top = dim, float(np.log(size))
        self.width = _WIDTHS[dim]
        self.cells = round(REACH / self.width)
        self.shape = (2**dim, *(self.cells,) * dim)
        self.count = int(np.prod(self.shape))

    def draw(self, strata: Numbers, rng: np.random.Generator) -> Array:
        """Return a point of each stratum, shape (points, dim), with its weight as last column."""
        signs, *index = np.unravel_index(strata, self.shape)
        u = self.top - self.width * (np.stack(index, axis=1) + rng.random((len(strata), self.dim)))
        sign = 1.0 - 2.0 * (signs[:, None] >> np.arange(self.dim) & 1)
        weight = self.width**self.dim * np.exp(u.sum(axis=1, keepdims=True))
        return np.concatenate([sign * np.exp(u), weight], axis=1)

    def allotment(self, score: Array, points: int) -> Numbers:
        """Return how many points each stratum gets: none, or at least two."""
        grid = score.reshape(self.shape)
        nearby = maximum_filter(grid, size=(1, *(3,) * self.dim))
        merit = np.maximum(grid, 0.2 * nearby).ravel()
        merit = np.where(merit > 1e-7 * merit.sum(), merit, 0.0)
        quota = np.ceil(points * merit / merit.sum()).astype(np.int64)
        return np.where(merit > 0, np.maximum(quota, 2), 0)


def _integrand(
    potential: FactoredPotential,
    drawn: Array,
    h: Array,
    levels: Sequence[float],
    size: float,
    along: float,
) -> Array:
    outer, weight = drawn[:, :-1], drawn[:, -1]
    density: Array = weight * np.prod(np.abs(outer) ** h, axis=1)
    return density * potential.lines(outer).measure(levels, size, along)
