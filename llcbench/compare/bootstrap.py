"""Resampling of problems and, within each, of replicates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from llcbench.compare.metrics import Metric, Statistic
from llcbench.compare.runs import Array, Runs
from llcbench.scoring import Proportion

DRAWS = 1000
LEVEL = 0.9
# Numbers in an array at a time; more do not fit into the caches.
CHUNK = 200_000

Places = NDArray[np.intp]


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

    def chunks(self, pairwise: bool) -> Iterator[tuple[Places, Places]]:
        """Return cases ``(B, S)`` and replicates ``(B, S, R)``, some samples at a time.

        Args:
            pairwise: Whether a figure of every pair of cases is going to be computed.
        """
        rng = np.random.default_rng(self.seed)
        cases, slots = self.held.shape
        count = self.held.sum(1)
        # The slots of a case that has fewer runs than others come first.
        order = np.argsort(~self.held, axis=1, kind="stable")
        size = max(1, CHUNK // max(1, cases * slots * (cases if pairwise else 1)))
        for start in range(0, self.draws, size):
            many = min(size, self.draws - start)
            chosen = np.tile(np.arange(cases), (many, 1))
            if self.problems:
                chosen = rng.integers(cases, size=(many, cases))
            many_runs = count[chosen][..., None]
            place = (rng.random((many, cases, slots)) * many_runs).astype(np.intp)
            # A case with fewer runs gets no more draws than it has: the rest are empty slots.
            place = np.where(np.arange(slots) < many_runs, place, many_runs)
            yield chosen, order[chosen[..., None], place]

    def distributions(
        self, statistics: Sequence[Statistic], runs: Runs, *, pairwise: bool = False
    ) -> list[Array]:
        """Return the statistics of every bootstrap sample, ``(draws,)`` each."""
        parts: list[list[Array]] = [[] for _ in statistics]
        for places in self.chunks(pairwise):
            drawn = runs.taken(*places)
            for part, statistic in zip(parts, statistics, strict=True):
                part.append(statistic(drawn))
        return [np.concatenate(part) for part in parts]


class Figure(msgspec.Struct, frozen=True):
    """A figure of an entry with its 90 % interval.

    Attributes:
        value: The figure; None if the runs do not tell, infinite if it cannot be reached.
        low: Lower end, None without an interval.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def figures(
    metrics: Sequence[Metric], runs: Runs, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Figure]:
    """Return metrics of an entry by name, each with its 90 % interval.

    Relative frequencies have the Wilson interval, which takes runs as independent. The others have
    the percentiles of a bootstrap over problems and replicates. A statistic that subtracts the
    noise is centred elsewhere in the bootstrap world, by a known amount, which is taken off.
    """
    resampling = Resampling(runs.tried == 1, draws=draws, seed=seed)
    drawn: dict[str, Array] = {}
    for pairwise in (False, True):
        some = [m for m in metrics if m.pairwise == pairwise and _resampled(m)]
        if some:
            statistics = [metric.statistic for metric in some]
            found = resampling.distributions(statistics, runs, pairwise=pairwise)
            drawn |= {metric.name: part for metric, part in zip(some, found, strict=True)}
    return {metric.name: _figure(metric, runs, drawn.get(metric.name)) for metric in metrics}


def _resampled(metric: Metric) -> bool:
    """Return whether percentiles are an interval; those of a maximum are none."""
    return not metric.rate and metric.unit != "bytes"


def _figure(metric: Metric, runs: Runs, drawn: Array | None) -> Figure:
    value = metric.statistic(runs)
    if np.isnan(value):
        return Figure(None)
    shown = float(metric.shown(value))
    if metric.rate:
        trials = int((~np.isnan(getattr(runs, metric.rate))).sum())
        return Figure(shown, *Proportion(round(shown * trials), trials).interval)
    known = np.empty(0) if drawn is None else drawn[~np.isnan(drawn)]
    if not len(known):
        return Figure(shown)
    if metric.centre is not None:
        known = known + value - metric.centre(runs)
    # There is nothing between a number and infinity, hence no interpolation.
    ordered = np.sort(known)
    last = len(ordered) - 1
    low = ordered[int(np.floor(last * (1 - LEVEL) / 2))]
    high = ordered[int(np.ceil(last * (1 + LEVEL) / 2))]
    return Figure(shown, float(metric.shown(low)), float(metric.shown(high)))
