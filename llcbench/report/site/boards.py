"""Leaderboards of the sources: the slow part of a site, computed once and beside the rest."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

from llcbench.compare.board import Board, leaderboard
from llcbench.compare.window import Ladder
from llcbench.records import RunRecord
from llcbench.report.site.sources import Source, read_sources, records_of

# With fewer runs a process takes longer to start than the bootstrap does.
MANY = 1000
PROCESSES = 2

Boards = dict[str, Board]


@contextmanager
def boards_of(sources: Sequence[Source], steps: Sequence[Source]) -> Iterator[Callable[[], Boards]]:
    """Start to rank the entries of every source; what is yielded waits for the result.

    Sources of many runs are ranked in processes of their own, so that pages can be made meanwhile.
    A source has no board if none of its runs has a tempered truth, or if it is among the ladders.

    Args:
        sources: All sources.
        steps: Those that are ladders of step sizes: they fill the column ``window`` of the boards.
    """
    ranked = [source for source in sources if source not in steps]
    many = [source for source in ranked if len(source.records) >= MANY]
    if not many:
        yield lambda: _known({source.name: _board(source, steps) for source in ranked})
        return
    paths = [source.path for source in steps]
    workers = min(PROCESSES, len(many), cpu_count() or 1)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        started = {source.name: pool.submit(_board_at, source.path, paths) for source in many}

        def finished() -> Boards:
            here = {s.name: _board(s, steps) for s in ranked if s.name not in started}
            here |= {name: future.result() for name, future in started.items()}
            return _known({source.name: here[source.name] for source in ranked})

        yield finished


def is_ladder(source: Source, held: Sequence[Ladder]) -> bool:
    """Tell whether most questions of a source were put at several step sizes.

    Args:
        source: Runs.
        held: The ladders among them.
    """
    asked = {(r.spec.sampler, r.spec.estimator, r.spec.problem) for r in source.records}
    laddered = {(each.sampler, each.estimator, each.problem) for each in held}
    return 2 * len(laddered) >= len(asked)


def _board_at(path: Path, ladder: Sequence[Path]) -> Board | None:
    """Rank the entries of a source that is read again, which is quicker than sending its runs."""
    (source,) = read_sources([path])
    return _board(source, read_sources(ladder))


def _board(source: Source, ladder: Sequence[Source]) -> Board | None:
    records: list[RunRecord] = records_of(ladder)
    try:
        return leaderboard(source.records, ladder=records)
    except ValueError:  # no run has a tempered truth: there is nothing to be ranked by
        return None


def _known(found: dict[str, Board | None]) -> Boards:
    return {name: board for name, board in found.items() if board is not None}
