"""Entries in pairs: which one is better, and whether the runs can tell."""

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from llcbench.compare.bootstrap import DRAWS, LEVEL, Resampling
from llcbench.compare.entries import Entries, LeaderboardEntry, entries_of
from llcbench.compare.metrics import METRICS, Metric
from llcbench.compare.runs import Array, Runs, arrays
from llcbench.intervals import student_quantile
from llcbench.records import RunRecord

# Below this many common problems nothing can be said about others: only replicates are drawn.
FEWEST = 3


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How two entries differ in one metric, on the problems that both tried.

    Attributes:
        metric: Name of the metric.
        first: One entry.
        second: The other.
        problems: Common problems.
        scope: ``problems`` if the statement is about problems like these, ``replicates`` if it is
            about new runs on these very ones, which is all that fewer than 3 problems allow.
        value: Loss of the first less that of the second; below 0 the first is better. None if
            there is nothing to compare.
        low: Lower end of its 90 % interval.
        high: Upper end.
        ratio: Whether value and interval are logarithms of a ratio.
        p: Two-sided p-value; 1 if there is nothing to compare.
        adjusted: The p-value after Holm's correction for all pairs of the metric.
    """

    metric: str
    first: str
    second: str
    problems: int
    scope: str
    value: float | None
    low: float | None
    high: float | None
    ratio: bool
    p: float
    adjusted: float


def compare(
    records: Iterable[RunRecord],
    names: Sequence[str],
    *,
    against: Iterable[RunRecord] | None = None,
    sources: tuple[str, str] = ("here", "there"),
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Difference]:
    """Return the differences of entries in all metrics, each corrected for the number of pairs.

    Args:
        records: Runs.
        names: Entries such as ``sgld@tuned``. Within one set of runs, all pairs of two or more.
            Against other runs: the first entry is from ``records`` and all others from there; a
            single one is looked for in both, and no name stands for all that are in both.
        against: Other runs.
        sources: What the two sets of runs are called.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If a name is unknown, ambiguous, or there is nothing to compare.
    """
    here = entries_of(records)
    if against is None:
        pairs = _within(here, names)
        sides = [here]
    else:
        sides = [here.at(sources[0]), entries_of(against).at(sources[1])]
        pairs = _between(here, sides[1], names, sources)
    entries, runs, _ = arrays(*sides)
    for entry in {entry for pair in pairs for entry in pair}:
        if entry not in entries:
            raise ValueError(f"{entry.name} has no runs on a problem with a tempered truth")
    arena = Arena(runs, draws=draws, seed=seed)
    numbered = [(entries.index(a), entries.index(b), (a.name, b.name)) for a, b in pairs]
    metrics = [metric for metric in METRICS.values() if metric.loss is not None]
    return [pair for metric in metrics for pair in arena.differences(metric, numbered)]


class Arena:
    """Entries that are compared in pairs, each pair on the same resampled runs.

    Args:
        runs: The runs of every entry, on the same cases and slots.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.
    """

    def __init__(self, runs: Sequence[Runs], *, draws: int = DRAWS, seed: int = 0) -> None:
        self.runs = list(runs)
        self.held = np.any([r.tried == 1 for r in runs], axis=0)
        self.tried = [(r.tried == 1).any(1) for r in runs]
        self.draws, self.seed = draws, seed
        self._losses: dict[tuple[str, int, bytes], _Loss] = {}

    def differences(
        self, metric: Metric, pairs: Sequence[tuple[int, int, tuple[str, str]]]
    ) -> list[Difference]:
        """Compare pairs of entries by number and name, corrected for their number.

        Those with the same common problems follow each other, since they share what is drawn.
        """
        order = sorted(
            range(len(pairs)), key=lambda place: self._common(*pairs[place][:2]).tobytes()
        )
        by_place = {place: self.difference(metric, *pairs[place]) for place in order}
        return corrected([by_place[place] for place in range(len(pairs))])

    def difference(
        self, metric: Metric, first: int, second: int, names: tuple[str, str]
    ) -> Difference:
        """Compare two entries by number, without correction for other pairs.

        The standard error is the larger of bootstrap and jackknife; the difference in units of it
        is referred to Student's t. Its degrees of freedom are those of a variance of as many terms
        as there are problems, with the kurtosis that the jackknife finds: where a few problems
        decide, the standard error is itself uncertain, and many degrees of freedom would deny it.
        """
        common = self._common(first, second)
        count = int(common.sum())
        scope = "problems" if count >= FEWEST else "replicates"
        value = spread = freedom = math.nan
        if count:
            one, other = (self._loss(metric, entry, common) for entry in (first, second))
            value = one.value - other.value
            counts = [(self.runs[e].tried[common] == 1).sum(1) for e in (first, second)]
            replicates = int(np.min(counts))
            spread, freedom = _error(
                one.drawn - other.drawn,
                one.left_out - other.left_out if scope == "problems" else None,
                count if scope == "problems" else replicates,
            )
        p = p_value(value, spread, freedom)
        reach = student_quantile(LEVEL, freedom) * spread if freedom > 0 else math.nan
        known = math.isfinite(value)
        bounded = known and math.isfinite(reach)
        return Difference(
            metric=metric.name,
            first=names[0],
            second=names[1],
            problems=count,
            scope=scope,
            value=value if known else None,
            low=value - reach if bounded else None,
            high=value + reach if bounded else None,
            ratio=metric.ratio,
            p=p,
            adjusted=p,
        )

    def _common(self, first: int, second: int) -> NDArray[np.bool_]:
        common: NDArray[np.bool_] = self.tried[first] & self.tried[second]
        return common

    def _loss(self, metric: Metric, entry: int, common: NDArray[np.bool_]) -> "_Loss":
        """Return the loss on the common cases, computed once per set of cases."""
        key = metric.name, entry, common.tobytes()
        if key not in self._losses:
            assert metric.loss is not None
            runs = Runs(*(array[common] for array in self.runs[entry]))
            count = int(common.sum())
            resampling = Resampling(
                self.held[common], self.draws, self.seed, problems=count >= FEWEST
            )
            (drawn,) = resampling.distributions([metric.loss], runs, pairwise=metric.pairwise)
            left_out = np.empty(0)
            if resampling.problems:
                left_out = metric.loss(Runs(*(array[_others(count)] for array in runs)))
            self._losses[key] = _Loss(float(metric.loss(runs)), drawn, left_out)
        return self._losses[key]


def _others(count: int) -> NDArray[np.intp]:
    """Return for every case the numbers of all others, ``(count, count - 1)``."""
    return np.nonzero(~np.eye(count, dtype=bool))[1].reshape(count, count - 1)


class _Loss(NamedTuple):
    """A loss: its value, that of every bootstrap sample, and that without each case."""

    value: float
    drawn: Array
    left_out: Array


def _error(drawn: Array, left_out: Array | None, size: int) -> tuple[float, float]:
    """Return the standard error of a difference and its degrees of freedom.

    Args:
        drawn: The difference in every bootstrap sample.
        left_out: The difference without each problem, None if problems are not drawn.
        size: Number of what is drawn, problems or replicates.
    """
    drawn = drawn[np.isfinite(drawn)]
    if size < 2 or not len(drawn):
        return math.nan, math.nan
    # A bootstrap of few has too small a spread, by this known factor.
    spread = math.sqrt(size / (size - 1)) * float(drawn.std())
    if left_out is None or not np.isfinite(left_out).all():
        return spread, size - 1
    parts = left_out - left_out.mean()
    total = float((parts**2).sum())
    if not total > 0:
        return spread, size - 1
    kurtosis = size * float((parts**4).sum()) / total**2
    freedom = min(size - 1, 2 * size / (kurtosis - 1)) if kurtosis > 1 else size - 1
    return max(spread, math.sqrt((size - 1) / size * total)), freedom


def p_value(value: float, spread: float, freedom: float) -> float:
    """Return the two-sided p-value of a difference with its standard error.

    Equal entries have 1, and so has what one run cannot tell.
    """
    if not math.isfinite(value) or value == 0 or not freedom > 0 or math.isnan(spread):
        return 1.0
    return float(2 * stdtr(freedom, -abs(value) / spread)) if spread > 0 else 0.0


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method.

    The k-th smallest of m is multiplied by ``m - k + 1``, made monotone and cut at 1.

    Source: Holm 1979.
    """
    adjusted = [1.0] * len(values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = highest
    return adjusted


def corrected(pairs: Sequence[Difference]) -> list[Difference]:
    """Return differences of one metric with Holm's correction for all that could be made."""
    asked = [d for d in pairs if d.value is not None]
    values = iter(holm([d.p for d in asked]))
    return [
        d if d.value is None else msgspec.structs.replace(d, adjusted=next(values)) for d in pairs
    ]


def _within(here: Entries, names: Sequence[str]) -> list[tuple[LeaderboardEntry, LeaderboardEntry]]:
    if len(set(names)) < 2:
        known = ", ".join(entry.name for entry in sorted(here.runs))
        raise ValueError(f"name two different entries to compare, of {known}")
    return list(combinations([here.named(name) for name in dict.fromkeys(names)], 2))


def _between(
    here: Entries, there: Entries, names: Sequence[str], sources: tuple[str, str]
) -> list[tuple[LeaderboardEntry, LeaderboardEntry]]:
    plain = Entries({_bare(entry): records for entry, records in there.runs.items()}, ())
    if not names:
        both = sorted(set(here.runs) & set(plain.runs))
        if not both:
            raise ValueError(f"{sources[0]} and {sources[1]} have no entry in common: name two")
        pairs = [(entry, entry) for entry in both]
    else:
        first = here.named(names[0])
        pairs = [(first, plain.named(name)) for name in names[1:] or names]
    return [(_at(a, sources[0]), _at(b, sources[1])) for a, b in pairs]


def _bare(entry: LeaderboardEntry) -> LeaderboardEntry:
    return _at(entry, "")


def _at(entry: LeaderboardEntry, source: str) -> LeaderboardEntry:
    return LeaderboardEntry(entry.sampler, entry.variant, entry.estimator, entry.options, source)
