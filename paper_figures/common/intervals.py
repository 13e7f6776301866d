"""Intervals of 95 % for what claims rest on: statistics over networks, shares and means."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench import intervals

Array = NDArray[np.float64]
# Takes samples along the last axis.
Statistic = Callable[[Array], Any]
LEVEL = 0.95


class Interval(NamedTuple):
    """A value with its interval.

    Attributes:
        value: The value.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def __format__(self, form: str) -> str:
        """Return the value and its interval, all numbers in the given form."""
        return f"{self.value:{form}}, 95 % {self.bracket(form)}"

    def bracket(self, form: str) -> str:
        """Return the interval alone."""
        return f"[{self.low:{form}}, {self.high:{form}}]"


def medians(samples: Array) -> Array:
    """Return medians along the last axis."""
    return np.asarray(np.median(samples, axis=-1))


def means(samples: Array) -> Array:
    """Return means along the last axis."""
    return np.asarray(samples.mean(axis=-1))


def deviations(samples: Array) -> Array:
    """Return standard deviations along the last axis, with one degree of freedom less."""
    return np.asarray(samples.std(axis=-1, ddof=1))


def redrawn(count: int, seed: Sequence[int], resamples: int) -> NDArray[np.int64]:
    """Return places that bootstrap samples draw, ``(resamples, count)``."""
    return np.random.default_rng(seed).integers(count, size=(resamples, count))


def ends(samples: Any, level: float = LEVEL) -> tuple[float, float]:
    """Return the central interval of samples, by quantiles."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap(
    values: Array, seed: Sequence[int], statistic: Statistic, *, resamples: int = 2000,
    level: float = LEVEL,
) -> Interval:  # fmt: skip
    """Return a statistic of values with its bootstrap interval, by quantiles.

    Args:
        values: Of independent units, ``(units,)``.
        seed: Entropy of the draws; equal seeds give equal intervals.
        statistic: Over the last axis.
        resamples: Bootstrap samples.
        level: Share of them inside.
    """
    many = statistic(values[redrawn(len(values), seed, resamples)])
    return Interval(float(statistic(values[None])[0]), *ends(many, level))


def half(values: Array) -> float:
    """Return half the width of the 95 % interval of a mean, by the normal distribution."""
    return float(1.96 * values.std(ddof=1) / values.size**0.5)


def student(values: Any) -> tuple[float, float]:
    """Return the mean with half the width of its 95 % interval by Student's t.

    No value gives a mean of NaN, fewer than two give no width.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return float(array.mean()) if len(array) else float("nan"), 0.0
    reach = intervals.student_quantile(LEVEL, len(array) - 1) * float(array.std(ddof=1))
    return float(array.mean()), reach / len(array) ** 0.5


def clopper_pearson(hits: int, total: int) -> Interval:
    """Return a share with the exact interval of Clopper and Pearson (1934)."""
    return Interval(hits / total, *intervals.clopper_pearson(hits, total, LEVEL))


def wilson(share: float, count: float) -> Interval:
    """Return a share with the interval of Wilson (1927).

    Args:
        share: Hits over trials.
        count: Trials; a fraction for dependent ones that are worth fewer.
    """
    return Interval(share, *intervals.wilson(share, count, LEVEL))
