"""Resampling of problems and, within each, of replicates."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from llcbench.compare.metrics import Metric, Statistic
from llcbench.compare.runs import Array, Runs
from llcbench.intervals import wilson

DRAWS = 1000
LEVEL = 0.9
# Numbers in an array at a time; more do not fit into the caches.
CHUNK = 200_000

# Sets of indices that are kept, one for statistics of cases and one for those of pairs of cases.
KEPT = 2

Indices = NDArray[np.intp]


@final
@dataclass(frozen=True)
class Resampling:
    """Which runs a bootstrap draws; entries that share one are compared in pairs.

    Attributes:
        held: Whether a case has a run in a slot, ``(cases, replicates)``.
        draws: Number of bootstrap samples.
        seed: Seed; equal ones draw the same runs.
        problems: Whether problems are drawn too, or only replicates of the problems as they are.
    """

    held: NDArray[np.bool_]
    draws: int = DRAWS
    seed: int = 0
    problems: bool = True

    def indices(self, pairwise: bool) -> tuple[Indices, ...]:
        """Return the indices of the drawn runs ``(replicates, B, cases)``, some samples at a time.

        An index is that into an array ``(cases, replicates)`` with its axes as one. There are few
        replicates, and sums over a short last axis are several times as slow as over the first.

        Args:
            pairwise: Whether a statistic of every pair of cases is going to be computed.
        """
        cases, slots = self.held.shape
        size = max(1, CHUNK // max(1, cases * slots * (cases if pairwise else 1)))
        return _indices(
            self.held.tobytes(), cases, slots, self.draws, self.seed, self.problems, size
        )

    def distributions(
        self, statistics: Sequence[Statistic], runs: Runs, *, pairwise: bool = False
    ) -> list[Array]:
        """Return the statistics of every bootstrap sample, ``(draws,)`` each."""
        parts: list[list[Array]] = [[] for _ in statistics]
        for indices in self.indices(pairwise):
            # Statistics read arrays by name and nothing else.
            drawn = cast("Runs", _Drawn(runs, indices))
            for part, statistic in zip(parts, statistics, strict=True):
                part.append(statistic(drawn))
        return [np.concatenate(part) for part in parts]


class _Drawn:
    """The arrays ``(B, cases, replicates)`` of drawn runs.

    They are gathered when they are asked for, since most statistics need few.
    """

    def __init__(self, runs: Runs, indices: Indices) -> None:
        self._runs, self._indices = runs, indices

    def __getattr__(self, name: str) -> Array:
        gathered: Array = getattr(self._runs, name).ravel().take(self._indices)
        array = np.moveaxis(gathered, 0, -1)
        setattr(self, name, array)
        return array


@lru_cache(KEPT)
def _indices(
    held: bytes, cases: int, slots: int, draws: int, seed: int, problems: bool, size: int
) -> tuple[Indices, ...]:
    """Return the indices of the drawn runs, replicates first, ``size`` samples at a time."""
    rng = np.random.default_rng(seed)
    known = np.frombuffer(held, dtype=np.bool_).reshape(cases, slots)
    count = known.sum(1)
    # The slots of a case that has fewer runs than others come first.
    order = np.argsort(~known, axis=1, kind="stable") + slots * np.arange(cases)[:, None]
    indices = []
    for start in range(0, draws, size):
        many = min(size, draws - start)
        chosen = np.tile(np.arange(cases), (many, 1))
        if problems:
            chosen = rng.integers(cases, size=(many, cases))
        many_runs = count[chosen][..., None]
        place = (rng.random((many, cases, slots)) * many_runs).astype(np.intp)
        # A case with fewer runs gets no more draws than it has: the rest are empty slots.
        place = np.where(np.arange(slots) < many_runs, place, many_runs)
        drawn = order.ravel().take(chosen[..., None] * slots + place)
        indices.append(np.ascontiguousarray(np.moveaxis(drawn, -1, 0)))
    return tuple(indices)


class MetricValue(msgspec.Struct, frozen=True):
    """The value of a metric for an entry, with its 90 % interval.

    Attributes:
        value: The value; None if the runs do not tell, infinite if it cannot be reached.
        low: Lower end, None without an interval.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def metric_values(
    metrics: Sequence[Metric], runs: Runs, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, MetricValue]:
    """Return metrics of an entry by name, each with its 90 % interval.

    Relative frequencies have the Wilson interval for as many trials as runs that share problems are
    worth. The others have the percentiles of a bootstrap over problems and replicates. A statistic
    that subtracts the noise is centred elsewhere in the bootstrap world, by a known amount, which
    is taken off.
    """
    resampling = Resampling(runs.tried == 1, draws=draws, seed=seed)
    drawn: dict[str, Array] = {}
    for pairwise in (False, True):
        some = [m for m in metrics if m.pairwise == pairwise and _resampled(m)]
        if some:
            statistics = [metric.statistic for metric in some]
            resampled = resampling.distributions(statistics, runs, pairwise=pairwise)
            drawn |= {metric.name: part for metric, part in zip(some, resampled, strict=True)}
    return {metric.name: _metric_value(metric, runs, drawn.get(metric.name)) for metric in metrics}


def worth(outcomes: Array) -> float:
    """Return how many independent trials would tell as much about problems like these.

    ``p (1 - p) / v`` with ``v`` the variance of a mean over drawn problems, which is what a
    bootstrap of whole problems converges to; at most the number of runs. If all agree, or there is
    one problem, the number of problems.

    Args:
        outcomes: 0 or 1, ``(cases, replicates)``, NaN for none.

    Source: Korn and Graubard 1998 (the effective sample size of a clustered proportion).
    """
    known = ~np.isnan(outcomes)
    count = known.sum(1)
    cases, trials = int((count > 0).sum()), int(count.sum())
    share = float(np.nansum(outcomes)) / max(trials, 1)
    if cases < 2 or share in (0.0, 1.0):
        return float(cases)
    parts = np.nansum(outcomes, axis=1) - share * count
    variance = cases / (cases - 1) * float((parts**2).sum()) / trials**2
    return min(float(trials), share * (1 - share) / variance) if variance > 0 else float(trials)


def _resampled(metric: Metric) -> bool:
    """Return whether percentiles are an interval; those of a maximum are none."""
    return metric.rate is None and metric.unit != "bytes"


def _metric_value(metric: Metric, runs: Runs, drawn: Array | None) -> MetricValue:
    value = metric.statistic(runs)
    if np.isnan(value):
        return MetricValue(None)
    shown = float(metric.shown(value))
    if metric.rate is not None:
        return MetricValue(shown, *wilson(shown, worth(metric.rate(runs))))
    known = np.empty(0) if drawn is None else drawn[~np.isnan(drawn)]
    if not len(known):
        return MetricValue(shown)
    if metric.centre is not None:
        known = known + value - metric.centre(runs)
    # There is nothing between a number and infinity, hence no interpolation.
    ordered = np.sort(known)
    last = len(ordered) - 1
    low = ordered[int(np.floor(last * (1 - LEVEL) / 2))]
    high = ordered[int(np.ceil(last * (1 + LEVEL) / 2))]
    return MetricValue(shown, float(metric.shown(low)), float(metric.shown(high)))
