"""The leaderboard and pairs of entries as tables."""

import math
from collections.abc import Sequence

from llcbench.compare.board import ALPHA, Board, Standing
from llcbench.compare.bootstrap import MetricValue
from llcbench.compare.metrics import METRICS, Unit
from llcbench.compare.pairwise import FEWEST, Difference
from llcbench.compare.runs import CAP
from llcbench.compare.window import GOOD
from llcbench.report.tables import Cell, Column, Mark, Row, Table, Value

NOTHING = "-"
UNREACHED = "never"
# Columns for a page; the terminal takes what fits, CSV and JSON have all.
PRINTED = (
    "rank", "entry", "problems", "bias", "rmse", "|err|/local", "cov90", "order", "ess/grad",
    "grads to 5 %", "failed", "tuning", "window",
)  # fmt: skip
# Whether samplers with an exact stationary distribution are exact here.
AGREEMENT = ("entry", "problems", "bias", "3 s.e.", "cov90", "failed", "flagged")

# Heading, and how dispensable the column is on a narrow terminal.
_SHOWN = {
    "bias": ("bias", 0),
    "rmse": ("rmse", 0),
    "sd": ("sd", 4),
    "error": ("|err|/tempered", 3),
    "error_local": ("|err|/local", 2),
    "coverage": ("cov90", 2),
    "agreement": ("3 s.e.", 4),
    "order": ("order", 3),
    "ess_per_grad": ("ess/grad", 2),
    "grads5": ("grads to 5 %", 1),
    "reach5": ("reach 5 %", 4),
    "seconds": ("seconds", 5),
    "memory": ("MiB", 7),
    "failed": ("failed", 1),
    "flagged": ("flagged", 5),
    "tuning": ("tuning", 6),
}
_HEADS = (
    Column("rank", "place; entries that the runs cannot tell apart share it", ("rank", "shared")),
    Column(
        "entry", "sampler, how its hyper-parameters were chosen, estimator",
        ("entry", "sampler", "variant", "estimator"), numeric=False,
    ),
    Column("problems", "problems tried / all", ("problems", "asked", "runs")),
)  # fmt: skip
_TAILS = (
    Column(
        "window", f"decades of step sizes with a bias below {100 * GOOD:.0f} %, median over"
        " problems; >= where a ladder ends inside",
        ("window", "window_bound", "window_problems"), rank=3,
    ),
    Column("beats", "entries told apart: better than / worse than", ("beats", "loses"), rank=6),
)  # fmt: skip


def leaderboard_table(board: Board, *, intervals: bool = True) -> Table:
    """Return one row per entry, best first.

    Args:
        board: The leaderboard.
        intervals: Whether 90 % intervals stand beside the values; CSV has them in any case.
    """
    by = METRICS[board.by]
    columns = [
        Column(head, METRICS[name].meaning, (name, f"{name}_low", f"{name}_high"),
               rank=0 if name == board.by else rank)
        for name, (head, rank) in _SHOWN.items()
    ]  # fmt: skip
    rows = tuple(_row(standing, intervals, board.by) for standing in board.standings)
    title = f"Leaderboard by {by.name}: {by.meaning}"
    return Table(title, (*_HEADS, *columns, *_TAILS), rows)


def printed(board: Board) -> Table:
    """Return the columns that a page has room for, the ranking metric always among them."""
    table = leaderboard_table(board)
    head = _SHOWN[board.by][0]
    return table.select(PRINTED if head in PRINTED else (*PRINTED[:3], head, *PRINTED[3:]))


def legend(board: Board) -> list[str]:
    """Return what has to be known to read the table, one sentence a line."""
    limited = sum(s.problems < s.asked for s in board.standings)
    lines = [
        "Entries with one rank (=) are not told apart: paired bootstrap over problems and"
        f" replicates, Holm's correction for {len(board.pairs)} pairs, level {100 * ALPHA:.0f} %.",
        f"A failed run counts as wrong by {100 * CAP:.0f} %, and no estimate counts as worse."
        " Brackets: 90 % intervals.",
    ]
    if limited:
        lines.append(
            f"{limited} of {len(board.standings)} entries do not support all problems: values are"
            " over their own, ranks from pairs on common ones"
            f" (fewer than {FEWEST} never tell apart)."
        )
    return [*lines, *(f"Note: {note}." for note in board.notes)]


def pairwise_table(pairs: Sequence[Difference]) -> Table:
    """Return one row per pair and metric."""
    columns = (
        Column("metric", "what is compared", ("metric",), numeric=False),
        Column("A", "first entry", ("first",), numeric=False),
        Column("B", "second entry", ("second",), numeric=False),
        Column("problems", "common problems", ("problems", "scope")),
        Column(
            "A : B", "ratio of the losses, or their difference, smaller is better for A;"
            " with its 90 % interval",
            ("difference", "difference_low", "difference_high", "is_log_ratio"),
        ),
        Column("p", "two-sided p-value", ("p",)),
        Column("p (Holm)", "corrected for the number of pairs", ("p_holm",)),
        Column("better", "who, if told apart", ("better",), numeric=False),
    )  # fmt: skip
    return Table("Entries in pairs", columns, tuple(_pair(pair) for pair in pairs))


def written(metric: MetricValue, unit: Unit, *, interval: bool = True) -> str:
    """Write the value of a metric, such as ``3.1 % [2.2, 4.0]``."""
    if metric.value is None:
        return NOTHING
    text = _number(metric.value, unit)
    suffix = " %" if unit == "percent" else ""
    if math.isinf(metric.value):
        suffix = ""
    if not interval or metric.low is None or metric.high is None:
        return text + suffix
    return f"{text}{suffix} [{_number(metric.low, unit)}, {_number(metric.high, unit)}]"


def _row(standing: Standing, intervals: bool, by: str) -> Row:
    place = NOTHING if standing.rank is None else f"{standing.rank}{'=' if standing.shared else ''}"
    cells = [
        Cell(place, (standing.rank, int(standing.shared))),
        Cell(
            standing.entry,
            (standing.entry, standing.sampler, standing.variant, standing.estimator),
        ),
        Cell(
            f"{standing.problems}/{standing.asked}",
            (standing.problems, standing.asked, standing.runs),
        ),
    ]
    for name in _SHOWN:
        statistic = standing.figures[name]
        # Room is for the intervals that decide; CSV and JSON have all.
        shown = intervals and name in {by, "bias", "rmse"}
        text = written(statistic, METRICS[name].unit, interval=shown)
        cells.append(Cell(text, (statistic.value, statistic.low, statistic.high)))
    width = standing.window
    values: tuple[Value, ...] = (None, None, None)
    text = NOTHING
    if width is not None:
        values = (width.decades, int(width.bound), width.problems)
        text = f"{'>= ' if width.bound else ''}{width.decades:.1f}"
    cells.append(Cell(text, values))
    beats = f"{standing.beats}/{standing.loses}"
    cells.append(Cell(beats, (standing.beats, standing.loses)))
    return Row(tuple(cells), _mark(standing))


def _mark(standing: Standing) -> Mark:
    if standing.figures["failed"].value:
        return "failed"
    return "flagged" if standing.figures["flagged"].value else ""


def _pair(pair: Difference) -> Row:
    told = pair.adjusted < ALPHA and pair.value
    better = (pair.first if (pair.value or 0) < 0 else pair.second) if told else NOTHING
    difference = NOTHING
    if pair.value is not None:
        shift = math.exp if pair.ratio else float
        sign = "" if pair.ratio else "+"
        difference = f"{shift(pair.value):{sign}.3g}"
        if pair.low is not None and pair.high is not None:
            difference += f" [{shift(pair.low):{sign}.3g}, {shift(pair.high):{sign}.3g}]"
    scope = "" if pair.scope == "problems" else "*"
    return Row(
        (
            Cell(pair.metric, (pair.metric,)),
            Cell(pair.first, (pair.first,)),
            Cell(pair.second, (pair.second,)),
            Cell(f"{pair.problems}{scope}", (pair.problems, pair.scope)),
            Cell(difference, (pair.value, pair.low, pair.high, int(pair.ratio))),
            Cell(_probability(pair.p), (pair.p,)),
            Cell(_probability(pair.adjusted), (pair.adjusted,)),
            Cell(better, (better if told else None,)),
        )
    )


def _probability(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.2g}"


def _number(value: float, unit: Unit) -> str:
    if math.isinf(value):
        return UNREACHED
    if unit == "percent":
        return f"{100 * value:.1f}"
    if unit == "bytes":
        return f"{value / 2**20:.0f}"
    if unit == "count" and value >= 1e4:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if unit == "count":
        return f"{value:.0f}"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"
