"""Samplers over ladders of step sizes: errors, order kept and windows, compared over networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from llcbench.compare.window import Ladder, Rung
from paper_figures.common.intervals import Interval, bootstrap, ends, means, redrawn

Array = NDArray[np.float64]
# Relative errors count within this; a failed run has it.
CAP = 1.0
RESAMPLES = 2000
# Of those, as many as orders are counted in: a count is slow.
ORDERS = 400


@final
@dataclass(frozen=True)
class Grid:
    """A sampler at one localisation.

    Attributes:
        steps: Step sizes, ``(steps,)``.
        llc: Estimates, NaN for failed runs, ``(networks, steps)``.
        local: Exact local coefficients, ``(networks,)``.
        tempered: What a perfect sampler returns, ``(networks,)``.
    """

    steps: Array
    llc: Array
    local: Array
    tempered: Array

    def error(self, truth: Array) -> Array:
        """Return relative errors within the cap, which failed runs have."""
        found = (self.llc - truth[:, None]) / truth[:, None]
        return np.clip(np.nan_to_num(found, nan=CAP), -CAP, CAP)

    def order(self) -> Array:
        """Return the share of pairs of unequal coefficients that estimates order rightly."""
        asked = self.local[:, None] < self.local[None, :]
        right = self.llc[:, None, :] < self.llc[None, :, :]
        return np.asarray((asked[..., None] & right).sum((0, 1)) / asked.sum())

    def widths(self) -> Array:
        """Return the decades of good step sizes per network."""
        errors, gone = self.error(self.tempered), np.isnan(self.llc)
        found = []
        for row, lost in zip(errors, gone, strict=True):
            rungs = tuple(
                Rung(float(step), None if miss else float(error), None, float(miss))
                for step, error, miss in zip(self.steps, row, lost, strict=True)
            )
            ladder = Ladder(sampler="", estimator="", problem="", nbeta="", rungs=rungs)
            found.append(ladder.window.decades)
        return np.array(found)


# Takes networks that were drawn, ``(resamples, networks)``, and returns a figure for each sample.
Statistic = Callable[[Grid, NDArray[np.int64]], Array]


def best(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return mean absolute errors, in per cent, at the step size that is best in every sample."""
    return np.asarray(100 * np.abs(grid.error(grid.tempered))[drawn].mean(1).min(1))


def mean_width(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return mean widths of windows, in decades."""
    return np.asarray(grid.widths()[drawn].mean(1))


def kept_order(grid: Grid, drawn: NDArray[np.int64]) -> Array:
    """Return the order kept, in per cent, averaged over step sizes."""
    parts = (Grid(grid.steps, grid.llc[k], grid.local[k], grid.tempered[k]) for k in drawn[:ORDERS])
    return np.array([100 * part.order().mean() for part in parts])


def everything(statistic: Statistic, grid: Grid) -> float:
    """Return a statistic of all networks."""
    return float(statistic(grid, np.arange(len(grid.local))[None, :])[0])


def width(grid: Grid, seed: Sequence[int]) -> Interval:
    """Return the mean width of windows with its 95 % interval over networks."""
    return bootstrap(grid.widths(), seed, means, resamples=RESAMPLES)


def compared(statistic: Statistic, a: Grid, b: Grid) -> tuple[float, float, Interval]:
    """Return a statistic of two samplers on the same networks, and its difference.

    The 95 % interval is a bootstrap over networks; whatever the statistic chooses, such as a step
    size, it chooses again in every sample.
    """
    drawn = redrawn(len(a.local), (18, 50), RESAMPLES)
    first, second = everything(statistic, a), everything(statistic, b)
    low, high = ends(statistic(a, drawn) - statistic(b, drawn))
    return first, second, Interval(first - second, low, high)
