"""Estimates at trained weights of linear networks, and at the weights that were drawn."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Cells, Value, picked
from paper_figures.common.linear_networks import points


class Point(NamedTuple):
    """An estimate at one point, with what it should be.

    Attributes:
        low: Exact local coefficient, or its lower bound.
        high: The same, or the upper bound.
        llc: Estimate; NaN for a run without one.
        reach: Half of its 95 % interval.
        tempered: What an exact sampler returns; NaN where it is not known.
        passed: Whether all guards passed.
    """

    low: float
    high: float
    llc: float
    reach: float
    tempered: float
    passed: bool


def at_trained(measured: Sequence[Cells]) -> dict[str, Point]:
    """Return the runs of SGLD at trained weights by network; block Gibbs gives the tempered value.

    Args:
        measured: Rows of both samplers with bounds of the coefficient.
    """
    exact = {str(row["cell"]): row for row in picked(measured, sampler="gibbs")}
    return {
        str(row["cell"]): Point(
            float(Fraction(str(row["local_low"]))),
            float(Fraction(str(row["local_high"]))),
            _number(row["llc"]),
            _number(row["reach"]),
            _number(exact[str(row["cell"])]["llc"]),
            bool(row["passed"]),
        )
        for row in picked(measured, sampler="sgld")
    }


def at_drawn(results: Results, names: Sequence[str]) -> dict[str, Point]:
    """Return the runs of the same length, step and localisation at the drawn weights.

    Raises:
        ValueError: If one of the networks has none.
    """
    found = {
        p.network: Point(p.local, p.local, p.llc, p.reach, p.tempered, p.passed)
        for p in points(results)
        if p.gamma == 1
    }
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"no run of dln/{missing[0]} at localisation 1: run dln-scale first")
    return {name: found[name] for name in names}


def certain(found: Mapping[str, Point]) -> dict[str, Point]:
    """Return the points whose coefficient is known, not only bounds of it."""
    return {name: p for name, p in found.items() if p.low == p.high}


def _number(value: Value) -> float:
    return float("nan") if value is None else float(value)
