"""The leaderboard: one row an entry, all metrics with their intervals, ranks with ties."""

from collections.abc import Collection, Iterable
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from llcbench.compare.bootstrap import DRAWS, MetricValue, metric_values
from llcbench.compare.entries import LeaderboardEntry, entries_of
from llcbench.compare.metrics import METRICS, Metric
from llcbench.compare.pairwise import Arena, Difference
from llcbench.compare.profile import Profile, profiles
from llcbench.compare.runs import Runs, arrays
from llcbench.compare.window import Ladder, Width, ladders, widths
from llcbench.records import RunRecord
from llcbench.registry import unknown

# Two entries are told apart at this level after Holm's correction for all pairs.
ALPHA = 0.1
RANKING = [name for name, metric in METRICS.items() if metric.loss is not None]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    Attributes:
        rank: Place; entries that the runs cannot tell apart share it. None without a value of the
            metric that ranks.
        shared: Whether another entry has the same.
        entry: Name of the entry.
        sampler: Its sampler.
        variant: ``default``, ``tuned`` or empty.
        estimator: Its estimator.
        problems: Problems that it tried, each at one temperature and localisation.
        asked: Problems that any entry tried.
        runs: Runs, failed ones included.
        beats: Entries that it is told apart from and better.
        loses: Entries that it is told apart from and worse.
        figures: The metrics by name.
        window: Width of the range of good step sizes, None without a ladder.
    """

    rank: int | None
    shared: bool
    entry: str
    sampler: str
    variant: str
    estimator: str
    problems: int
    asked: int
    runs: int
    beats: int
    loses: int
    figures: dict[str, MetricValue]
    window: Width | None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A leaderboard.

    Attributes:
        by: The metric that ranks.
        standings: Rows, best first, of all entries or of those that were asked for.
        pairs: All pairs of entries in that metric.
        profiles: Performance profiles of all entries, best first.
        ladders: Runs at several step sizes.
        notes: What is not ranked or outdated, and why.
    """

    by: str
    standings: tuple[Standing, ...]
    pairs: tuple[Difference, ...]
    profiles: tuple[Profile, ...]
    ladders: tuple[Ladder, ...]
    notes: tuple[str, ...]


def leaderboard(
    records: Iterable[RunRecord],
    *,
    ladder: Iterable[RunRecord] = (),
    by: str = "bias",
    samplers: Collection[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Board:
    """Rank the entries of some runs.

    Args:
        records: Runs of any number of problems, samplers and variants.
        ladder: Runs at several step sizes, which show how wide the range of good ones is and are
            not ranked.
        by: Metric that ranks, one of ``RANKING``.
        samplers: Those whose rows are wanted, None for all; the others are ranked all the same.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap; equal ones give equal intervals.

    Raises:
        ValueError: If no run has a tempered truth or the metric is unknown.
    """
    records = list(records)
    metric = ranking_metric(by)
    grouped = entries_of(records)
    entries, runs, cases = arrays(grouped)
    names = [entry.name for entry in entries]
    arena = Arena(runs, draws=draws, seed=seed)
    pairs = differences(arena, metric, names)
    assert metric.loss is not None
    ranks = ranked(names, [float(metric.loss(r)) for r in runs], pairs)
    all_ladders = ladders({record.key: record for record in [*records, *ladder]}.values())
    ranges = widths(all_ladders)
    standings = {
        entry.name: _standing(
            entry, own, ranks, pairs, asked=len(cases), draws=draws, seed=seed,
            window=ranges.get((entry.sampler, entry.estimator)),
        )
        for entry, own in zip(entries, runs, strict=True)
        if samplers is None or entry.sampler in samplers
    }  # fmt: skip
    curves = {profile.entry: profile for profile in profiles(names, runs)}
    return Board(
        by=by,
        standings=tuple(standings[name] for name in ranks if name in standings),
        pairs=tuple(pairs),
        profiles=tuple(curves[name] for name in ranks),
        ladders=tuple(all_ladders),
        notes=grouped.notes,
    )


def ranking_metric(by: str) -> Metric:
    """Return a metric that ranks.

    Raises:
        ValueError: If it is unknown.
    """
    if by not in RANKING:
        raise unknown("metric", by, RANKING)
    return METRICS[by]


def differences(arena: Arena, metric: Metric, names: list[str]) -> list[Difference]:
    """Return all pairs of entries in one metric, corrected for their number."""
    pairs = combinations(range(len(names)), 2)
    return arena.differences(metric, [(a, b, (names[a], names[b])) for a, b in pairs])


def told_apart(difference: Difference) -> bool:
    """Return whether two entries differ on problems like these."""
    return difference.scope == "problems" and difference.adjusted < ALPHA


def ranked(names: list[str], losses: list[float], pairs: list[Difference]) -> dict[str, int | None]:
    """Return ranks, best entry first; entries that tie share one, those without a value have none.

    The order is that of wins less losses per opponent, pair by pair on the problems that both
    tried, so that nobody gains from supporting easy problems only; with equal problems it is the
    order of the metric. The best entry opens a group; whoever follows joins it unless told apart
    from somebody in it, and then opens the next group, whose rank is one more than the number of
    entries before it. So nobody in a group is told apart from anybody else in it.

    Args:
        names: Entries.
        losses: Their losses, each on all its own problems; they decide between equals.
        pairs: Differences of all pairs.
    """
    points = dict.fromkeys(names, 0.0)
    met = dict.fromkeys(names, 0)
    apart = set()
    for pair in pairs:
        if pair.value is None:
            continue
        points[pair.first] -= np.sign(pair.value)
        points[pair.second] += np.sign(pair.value)
        for name in (pair.first, pair.second):
            met[name] += 1
        if told_apart(pair):
            apart |= {(pair.first, pair.second), (pair.second, pair.first)}
    own = dict(zip(names, losses, strict=True))

    def standing(name: str) -> tuple[float, float, str]:
        return -points[name] / max(met[name], 1), own[name], name

    ranks: dict[str, int | None] = {}
    group: list[str] = []
    rank = 1
    measured = [name for name in names if not np.isnan(own[name])]
    for place, name in enumerate(sorted(measured, key=standing), start=1):
        if any((other, name) in apart for other in group):
            group, rank = [], place
        group.append(name)
        ranks[name] = rank
    return ranks | {name: None for name in sorted(names) if name not in ranks}


def _standing(
    entry: LeaderboardEntry,
    runs: Runs,
    ranks: dict[str, int | None],
    pairs: list[Difference],
    *,
    asked: int,
    draws: int,
    seed: int,
    window: Width | None,
) -> Standing:
    # Only its own questions: rows of NaN would be drawn by the bootstrap.
    tried = (runs.tried == 1).any(1)
    own = Runs(*(array[tried] for array in runs))
    decided = [
        (p, p.value if p.first == entry.name else -p.value)
        for p in pairs
        if p.value is not None and entry.name in (p.first, p.second) and told_apart(p)
    ]
    settled: dict[str, Any] = {
        "beats": sum(value < 0 for _, value in decided),
        "loses": sum(value > 0 for _, value in decided),
    }
    rank = ranks[entry.name]
    return Standing(
        rank=rank,
        shared=rank is not None and list(ranks.values()).count(rank) > 1,
        entry=entry.name,
        sampler=entry.sampler,
        variant=entry.variant,
        estimator=entry.estimator,
        problems=int(tried.sum()),
        asked=asked,
        runs=int(np.sum(runs.tried == 1)),
        figures=metric_values(list(METRICS.values()), own, draws=draws, seed=seed),
        window=window,
        **settled,
    )
