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
    Column("guards", "those that warn: then it is no estimate yet", ("guards",), numeric=False),
)


def module_table(rows: Sequence[tuple[Problem, Estimate]]) -> Table:
    """Return one row per estimate."""
    return Table("", _COLUMNS, tuple(_row(problem, found) for problem, found in rows))


def _row(problem: Problem, found: Estimate) -> Row:
    warned = ", ".join(guard.name for guard in found.guards if not guard.passed)
    state = found.status if found.llc is None else warned or "-"
    value = "-" if found.llc is None else f"{found.llc:.4g} +- {found.stderr or 0.0:.2g}"
    mark: Mark = "failed" if found.llc is None else "flagged" if warned else ""
    cells = (
        Cell(problem.id, (problem.id,)),
        Cell(str(problem.dim), (problem.dim,)),
        _number(found.loss_star, ".4g"),
        _number(found.nbeta, ".4g"),
        _number(found.gamma, "g"),
        Cell(value, (found.llc, found.stderr)),
        _number(found.rhat, ".3f"),
        Cell(state, (state,)),
    )
    return Row(cells, mark)


def _number(value: float | None, form: str) -> Cell:
    return Cell("-" if value is None else format(value, form), (value,))
