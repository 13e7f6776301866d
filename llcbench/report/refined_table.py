"""Studies over checkpoints, parts of the weights and slices of the data, as a table."""

from collections.abc import Sequence

from llcbench.records import RefinedRow
from llcbench.report.tables import Cell, Column, Mark, Row, Table

_COLUMNS = (
    Column("checkpoint", "the weights", ("checkpoint",), numeric=False),
    Column("part", "the weights that move", ("part",), numeric=False),
    Column("slice", "the data", ("slice",), numeric=False),
    Column("parameters", "that move", ("dim",)),
    Column("samples", "of the slice", ("num_data",), rank=1),
    Column("loss", "at the reference point", ("loss_star",), rank=1),
    Column("nbeta", "inverse temperature", ("nbeta",), rank=2),
    Column("gamma", "localisation", ("gamma",), rank=2),
    Column(
        "lambda_hat",
        "estimate with its standard error",
        ("llc", "stderr", "interval_low", "interval_high"),
    ),
    Column("R-hat", "agreement of the chains", ("rhat",), rank=3),
    Column(
        "guards",
        "those that warn: then it is no estimate yet, or, for plateau, one of the setting",
        ("status", "guards", "message"),
        numeric=False,
    ),
    Column("seconds", "of the run", ("seconds",), rank=4),
    Column("problem", "id, which decides the seeds", ("problem",), numeric=False, rank=5),
)


def refined_table(rows: Sequence[RefinedRow]) -> Table:
    """Return one row per estimate; failed ones have a status and a message."""
    return Table("", _COLUMNS, tuple(map(_row, rows)))


def failed(row: RefinedRow) -> bool:
    """Return whether a row holds no estimate."""
    return row.estimate.status != "ok" or row.estimate.llc is None


def warned(row: RefinedRow) -> str:
    """Return the names of the guards that warn, with commas between them."""
    return ", ".join(guard.name for guard in row.estimate.guards if not guard.passed)


def _row(row: RefinedRow) -> Row:
    estimate = row.estimate
    value = "-" if estimate.llc is None else f"{estimate.llc:.4g} +- {estimate.stderr or 0.0:.2g}"
    low, high = estimate.interval or (None, None)
    seconds = estimate.seconds_setup + estimate.seconds_sampling
    mark: Mark = "failed" if failed(row) else "" if estimate.converged else "flagged"
    state = estimate.status if failed(row) else warned(row) or "-"
    cells = (
        *(Cell(name or "-", (name,)) for name in (row.checkpoint, row.part, row.slice)),
        Cell(str(row.dim), (row.dim,)),
        _number(row.num_data, "d"),
        _number(estimate.loss_star, ".4g"),
        _number(estimate.nbeta, ".4g"),
        _number(estimate.gamma, "g"),
        Cell(value, (estimate.llc, estimate.stderr, low, high)),
        _number(estimate.rhat, ".3f"),
        Cell(state, (estimate.status, warned(row), estimate.message)),
        _number(seconds, ".1f"),
        Cell(row.problem, (row.problem,)),
    )
    return Row(cells, mark)


def _number(value: float | None, form: str) -> Cell:
    return Cell("-" if value is None else format(value, form), (value,))
