"""The leaderboard: one row per entry, all metrics with their intervals, ranks with ties."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
import numpy as np

from llcbench.compare.bootstrap import DRAWS, Figure, figures
from llcbench.compare.entries import Case, Entry, Field, field_of
from llcbench.compare.metrics import METRICS, Metric
from llcbench.compare.pairs import Arena, Difference
from llcbench.compare.profile import Profile, profiles
from llcbench.compare.ranking import differences, ranked, told_apart
from llcbench.compare.runs import Runs, cases_of, runs_of, slots_of
from llcbench.compare.window import Ladder, Width, ladders, widths
from llcbench.records import RunRecord
from llcbench.registry import unknown

RANKING = [name for name, metric in METRICS.items() if metric.loss is not None]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    Attributes:
        rank: Place; entries that the runs cannot tell apart share it. None without the figure that
            ranks.
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
    figures: dict[str, Figure]
    window: Width | None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A leaderboard.

    Attributes:
        by: The metric that ranks.
        standings: Rows, best first, of all entries or of those that were asked for.
        pairs: All pairs of entries in that metric.
        profiles: Performance profiles of all entries, best first.
        ladders: Runs at several step sizes.
        notes: What is not ranked, and why.
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
    field = field_of(records)
    entries, runs, cases = arrays(field)
    names = [entry.name for entry in entries]
    arena = Arena(runs, draws=draws, seed=seed)
    pairs = differences(arena, metric, names)
    assert metric.loss is not None
    ranks = ranked(names, [float(metric.loss(r)) for r in runs], pairs)
    found = ladders({record.key: record for record in [*records, *ladder]}.values())
    ranges = widths(found)
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
        ladders=tuple(found),
        notes=field.notes,
    )


def ranking_metric(by: str) -> Metric:
    """Return a metric that ranks.

    Raises:
        ValueError: If it is unknown.
    """
    if by not in RANKING:
        raise unknown("metric", by, RANKING)
    return METRICS[by]


def arrays(*fields: Field) -> tuple[list[Entry], list[Runs], list[Case]]:
    """Return the entries that tried anything, their runs as arrays, and the questions.

    Raises:
        ValueError: If no run has a tempered truth.
    """
    groups = {entry: found for field in fields for entry, found in field.runs.items()}
    records = [record for found in groups.values() for record in found]
    cases, slots = cases_of(records), slots_of(records)
    if not cases:
        raise ValueError(
            "no run has a tempered truth, so there is nothing to compare with:"
            " choose problems that have one ('llcbench show ID' prints it)"
        )
    arrayed = {entry: runs_of(found, cases, slots) for entry, found in sorted(groups.items())}
    kept = [entry for entry, runs in arrayed.items() if (runs.tried == 1).any()]
    return kept, [arrayed[entry] for entry in kept], cases


def _standing(
    entry: Entry,
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
        figures=figures(list(METRICS.values()), own, draws=draws, seed=seed),
        window=window,
        **settled,
    )
