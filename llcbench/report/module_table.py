"""Estimates on networks of which no coefficient is known."""

from collections.abc import Sequence

from llcbench.records import Estimate
from llcbench.report.tables import Cell, Column, Mark, Row, Table
from llcbench.types import Problem

_COLUMNS = (
    Column("network", "with the parameters that move", ("network",), numeric=False),
    Column("parameters", "that move", ("parameters",)),
    Column("loss", "at the reference point", ("loss",)),
    Column("nbeta", "inverse temperature", ("nbeta",)),
    Column("gamma", "localisation", ("gamma",)),
    Column("lambda_hat", "estimate with its standard error", ("llc", "stderr")),
    Column("R-hat", "agreement of the chains", ("rhat",)),
    Column(
        "guards",
        "those that warn: then it is no estimate yet, or, for plateau, one of the setting",
        ("guards",),
        numeric=False,
    ),
)


def module_table(rows: Sequence[tuple[Problem, Estimate]]) -> Table:
    """Return one row per estimate."""
    return Table("", _COLUMNS, tuple(_row(problem, estimate) for problem, estimate in rows))


def _row(problem: Problem, estimate: Estimate) -> Row:
    warned = ", ".join(guard.name for guard in estimate.guards if not guard.passed)
    state = estimate.status if estimate.llc is None else warned or "-"
    value = "-" if estimate.llc is None else f"{estimate.llc:.4g} +- {estimate.stderr or 0.0:.2g}"
    mark: Mark = "failed" if estimate.llc is None else "" if estimate.converged else "flagged"
    cells = (
        Cell(problem.id, (problem.id,)),
        Cell(str(problem.dim), (problem.dim,)),
        _number(estimate.loss_star, ".4g"),
        _number(estimate.nbeta, ".4g"),
        _number(estimate.gamma, "g"),
        Cell(value, (estimate.llc, estimate.stderr)),
        _number(estimate.rhat, ".3f"),
        Cell(state, (state,)),
    )
    return Row(cells, mark)


def _number(value: float | None, form: str) -> Cell:
    return Cell("-" if value is None else format(value, form), (value,))
