"""Leaderboards and ladders of the sources: the slow part of a site, made beside the rest."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from typing import final

from llcbench.compare.board import Board, leaderboard
from llcbench.compare.window import Ladder, ladders
from llcbench.records import RunRecord
from llcbench.report.leaderboard_plots import sensitivity_figure
from llcbench.report.site.sources import Source, read_sources, records_of
from llcbench.report.style import to_svg

# With fewer runs a process takes longer to start than the bootstrap does.
MANY = 1000


@final
@dataclass(frozen=True)
class Aside:
    """What is made beside the rest of a site.

    Attributes:
        boards: Leaderboards by name of the source; none of a source of which no run has a tempered
            truth, and none of ladders.
        ladders: Bias against step size as SVG, by name of the sampler.
    """

    boards: dict[str, Board]
    ladders: dict[str, str]


@contextmanager
def aside_of(sources: Sequence[Source]) -> Iterator[Callable[[], Aside]]:
    """Start to rank the entries of every source; what is yielded waits for the result.

    Many runs are ranked in a process of their own, so that pages can be made meanwhile. It reads
    the sources again, which is quicker than sending their runs.
    """
    runs = sum(len(source.records) for source in sources)
    if runs < MANY or (cpu_count() or 1) < 2:
        yield lambda: aside(sources)
        return
    named_paths = [(source.name, source.path) for source in sources]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool.submit(aside_at, named_paths).result


def aside(sources: Sequence[Source]) -> Aside:
    """Return the leaderboards and the ladders of sources.

    Sources that are ladders are not ranked; they fill the column ``window`` of the others.
    """
    steps = {source.name: ladders(source.records) for source in sources}
    held = {s.name for s in sources if is_ladder(s, steps[s.name])}
    records = records_of(s for s in sources if s.name in held)
    boards = {s.name: _board(s, records) for s in sources if s.name not in held}
    groups: dict[str, list[Ladder]] = {}
    for ladder in (each for of_problem in steps.values() for each in of_problem):
        groups.setdefault(ladder.sampler, []).append(ladder)
    return Aside(
        {name: board for name, board in boards.items() if board is not None},
        {name: to_svg(sensitivity_figure(group)) for name, group in groups.items()},
    )


def aside_at(named_paths: Sequence[tuple[str, Path]]) -> Aside:
    """Return the same of sources by name and path, as another process does."""
    return aside([replace(read_sources([path])[0], name=name) for name, path in named_paths])


def is_ladder(source: Source, held: Sequence[Ladder]) -> bool:
    """Return whether most questions of a source were put at several step sizes.

    Args:
        source: Runs.
        held: The ladders among them.
    """
    asked = {(r.spec.sampler, r.spec.estimator, r.spec.problem) for r in source.records}
    laddered = {(each.sampler, each.estimator, each.problem) for each in held}
    return 2 * len(laddered) >= len(asked)


def _board(source: Source, ladder: Sequence[RunRecord]) -> Board | None:
    try:
        return leaderboard(source.records, ladder=ladder)
    except ValueError:  # no run has a tempered truth: there is nothing to be ranked by
        return None
