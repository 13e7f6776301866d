"""The rows of a comparison of speed as a table."""

from collections.abc import Sequence

from llcbench.peers.speed import Speed
from llcbench.report.table import Cell, Column, Row, Table, Value

# Digits of the figures in CSV: the next one changes from run to run.
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
        Column("law p", "p-value of a loss that differs from the control's", ("law_p",)),
    )  # fmt: skip
    return Table("Speed on identical work", columns, tuple(_row(row) for row in rows))


def legend(rows: Sequence[Speed]) -> list[str]:
    """Return the lines under the table."""
    lines = [f"{row.case}, {row.peer}: skipped, {row.skipped}" for row in rows if row.skipped]
    wrong = [f"{row.case}, {row.peer}" for row in rows if not row.same_law]
    if wrong:
        lines.append(f"other laws than that of the control: {'; '.join(wrong)}")
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
    return Row(cells, "skipped" if row.skipped else "" if row.same_law else "failed")


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _short(value: float | None) -> Value:
    return None if value is None else float(f"{value:.{DIGITS}g}")
