"""Comparisons of speed and of accuracy as tables."""

from collections.abc import Sequence
from pathlib import Path

from llcbench.files import write
from llcbench.foreign import reading
from llcbench.foreign.cells import read_csv
from llcbench.peers.claim import Margin
from llcbench.peers.network_cases import NETWORK_WORKLOADS
from llcbench.peers.speed import Speed
from llcbench.peers.work import WORKLOADS
from llcbench.report.tables import Cell, Column, Row, Table, Value, to_csv

# Digits of the values in CSV: the next one changes from run to run.
DIGITS = 4


def speed_table(rows: Sequence[Speed]) -> Table:
    """Return one row per case and peer."""
    columns = (
        Column("case", "which work", ("case", "parameters", "chains", "steps"), numeric=False),
        Column("peer", "who did it", ("peer", "version", "skipped"), numeric=False),
        Column("steps/s", "steps of all chains in a second", ("rate", "rounds")),
        Column(
            "ratio", "how much faster than the base, median and range over rounds",
            ("ratio", "ratio_low", "ratio_high", "base"),
        ),
        Column("setup s", "imports and preparations", ("setup_seconds",)),
        Column("first s", "by how much the first run is slower: compilation", ("first_seconds",)),
        Column("peak MB", "peak memory of its process", ("peak_bytes",)),
        Column("loss", "mean loss after burn-in", ("loss", "loss_se")),
        Column("loss p", "p-value of a loss that differs from the control's", ("law_p",)),
    )  # fmt: skip
    return Table("Speed on identical work", columns, tuple(_row(row) for row in rows))


def write_speed(rows: Sequence[Speed], path: Path) -> None:
    """Write rows as CSV; cases that the file holds and that were not measured now stay in it."""
    head, *new = to_csv(speed_table(rows)).splitlines()
    measured = {row.case for row in rows}
    old = reading.content(path).decode().splitlines() if path.exists() else [head]
    if old[:1] != [head]:
        raise ValueError(f"{path} holds something else; give another file to --out")
    kept = [line for line in old[1:] if line.partition(",")[0] not in measured]
    place = {name: k for k, name in enumerate([*WORKLOADS, *NETWORK_WORKLOADS])}
    lines = sorted([*kept, *new], key=lambda line: place.get(line.partition(",")[0], len(place)))
    write(path, "\n".join([head, *lines]) + "\n")


def read_speed(path: Path) -> Table:
    """Return the rates and ratios of a file that `speed_table` was written to."""
    columns = (
        Column("case", "which work", ("case",), numeric=False),
        Column("parameters", "number of weights", ("parameters",)),
        Column("chains", "at a time", ("chains",)),
        Column("peer", "who did it", ("peer",), numeric=False),
        Column("steps/s", "steps of all chains in a second", ("rate",)),
        Column("ratio", "how much faster than the base, and range over rounds", ("ratio",)),
        Column("first s", "by how much the first run is slower: compilation", ("first_seconds",)),
        Column("peak MB", "peak memory of its process", ("peak_bytes",)),
    )
    try:
        rows = tuple(_held(row) for row in read_csv(path) if not row["skipped"])
    except KeyError as error:
        raise ValueError(f"{path} has no column {error}") from None
    return Table("Speed on identical work", columns, rows)


def margin_table(margins: Sequence[Margin]) -> Table:
    """Return one row per comparison of the best of two sides."""
    columns = (
        Column("problems", "which, and how many", ("scope", "problems"), numeric=False),
        Column("metric", "relative to the tempered truth", ("metric",), numeric=False),
        Column("best of ours", "entry and its error", ("ours", "ours_value"), numeric=False),
        Column("best peer", "entry and its error", ("peer", "peer_value"), numeric=False),
        Column("ratio", "ours to theirs, with its 90 % interval", ("ratio", "low", "high")),
        Column("claim", "whether it is at most the claimed one", ("factor", "verdict")),
    )
    return Table("The best against the best", columns, tuple(_margin(m) for m in margins))


def legend(rows: Sequence[Speed]) -> list[str]:
    """Return the lines under the table."""
    lines = [f"{row.case}, {row.peer}: skipped, {row.skipped}" for row in rows if row.skipped]
    wrong = [f"{row.case}, {row.peer}" for row in rows if not row.same_distribution]
    if wrong:
        lines.append(
            f"stationary distribution differs from that of the control: {'; '.join(wrong)}"
        )
    return lines


def _row(row: Speed) -> Row:
    spread = "-"
    if row.ratio is not None:
        spread = f"{row.ratio:.3g} [{row.ratio_low:.3g}, {row.ratio_high:.3g}]"
    peak = None if row.peak_bytes is None else row.peak_bytes / 1e6
    loss = "-" if row.loss is None else f"{row.loss:.5g}({row.loss_se:.1g})"
    cells = (
        Cell(row.case, (row.case, row.dim, row.chains, row.steps)),
        Cell(f"{row.peer} {row.version}".strip(), (row.peer, row.version, row.skipped)),
        Cell(_text(row.rate, ".0f"), (_short(row.rate), row.rounds)),
        Cell(spread, (_short(row.ratio), _short(row.ratio_low), _short(row.ratio_high), row.base)),
        Cell(_text(row.setup, ".1f"), (_short(row.setup),)),
        Cell(_text(row.first, ".1f"), (_short(row.first),)),
        Cell(_text(peak, ".0f"), (row.peak_bytes,)),
        Cell(loss, (_short(row.loss), _short(row.loss_se))),
        Cell(_text(row.law_p, ".2g"), (_short(row.law_p),)),
    )
    return Row(cells, "skipped" if row.skipped else "" if row.same_distribution else "failed")


def _held(row: dict[str, str]) -> Row:
    ratio = " ".join(
        [row["ratio"], f"[{row['ratio_low']}, {row['ratio_high']}]" if row["ratio"] else ""]
    ).strip()
    name = f"{row['peer']} {row['version']}".strip()
    peak = f"{float(row['peak_bytes']) / 1e6:.0f}"
    texts = [row["case"], row["parameters"], row["chains"], name, row["rate"], ratio]
    return Row(tuple(Cell(text, (text,)) for text in [*texts, row["first_seconds"], peak]))


def _margin(margin: Margin) -> Row:
    cells = (
        Cell(f"{margin.scope} ({margin.problems})", (margin.scope, margin.problems)),
        Cell(margin.metric, (margin.metric,)),
        Cell(f"{margin.ours} {100 * margin.ours_value:.1f} %", (margin.ours, margin.ours_value)),
        Cell(f"{margin.peer} {100 * margin.peer_value:.1f} %", (margin.peer, margin.peer_value)),
        Cell(
            f"{margin.ratio:.2f} [{margin.low:.2f}, {margin.high:.2f}]",
            (margin.ratio, margin.low, margin.high),
        ),
        Cell(f"at most {margin.factor:g}: {margin.verdict}", (margin.factor, margin.verdict)),
    )
    return Row(cells)


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _short(value: float | None) -> Value:
    return None if value is None else float(f"{value:.{DIGITS}g}")
