"""What the first page and the comparison show of leaderboards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from llcbench.compare.board import Board, told_apart
from llcbench.compare.pairwise import Difference
from llcbench.report.leaderboard_plots import profile_figure
from llcbench.report.leaderboard_table import legend, pairwise_table, printed
from llcbench.report.site.reproduce import title_of
from llcbench.report.site.sources import Source
from llcbench.report.style import to_svg
from llcbench.report.tables import Table

ALIKE = "·"
BETTER, WORSE = "+", "−"


@final
@dataclass(frozen=True)
class Leaders:
    """A leaderboard as pages show it.

    Attributes:
        name: Name of its source.
        shown: The source as a command names it.
        title: What its suite is, empty for none of ours.
        caption: Above the table.
        table: The table.
        legend: What has to be known to read it.
        entries: Names, best first.
        matrix: For every pair a sign and a sentence, rows against columns.
        pairs: All pairs as a table.
        profile: Performance profiles as SVG, empty if no problem was tried by two entries.
    """

    name: str
    shown: str
    title: str
    caption: str
    table: Table
    legend: tuple[str, ...]
    entries: tuple[str, ...]
    matrix: tuple[tuple[tuple[str, str], ...], ...]
    pairs: Table
    profile: str


def leaders(source: Source, board: Board) -> Leaders:
    """Return what pages show of a leaderboard."""
    table = printed(board)
    entries = tuple(standing.entry for standing in board.standings)
    compared = any(profile.problems for profile in board.profiles)
    return Leaders(
        name=source.name,
        shown=source.shown,
        title=title_of(source.name),
        caption=f"{len(entries)} entries, best first; 90 % intervals in brackets",
        table=table,
        legend=tuple(legend(board)),
        entries=entries,
        matrix=_matrix(entries, board.pairs),
        pairs=pairwise_table(board.pairs),
        profile=to_svg(profile_figure(board.profiles)) if compared else "",
    )


def _matrix(
    entries: Sequence[str], pairs: Sequence[Difference]
) -> tuple[tuple[tuple[str, str], ...], ...]:
    cells = {}
    for pair in pairs:
        sign = ALIKE
        if pair.value is not None and told_apart(pair):
            sign = BETTER if pair.value < 0 else WORSE
        # The other way round the signs are swapped.
        swapped = {BETTER: WORSE, WORSE: BETTER}.get(sign, ALIKE)
        said = f"{pair.problems} common problems, p {pair.adjusted:.2g}"
        cells[pair.first, pair.second] = sign, f"{pair.first} : {pair.second}, {said}"
        cells[pair.second, pair.first] = swapped, f"{pair.second} : {pair.first}, {said}"
    empty = ("", "")
    return tuple(tuple(cells.get((a, b), empty) for b in entries) for a in entries)
