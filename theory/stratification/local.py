"""The coefficient at one point, rational or algebraic."""

from fractions import Fraction
from typing import Any

from theory.certificate import Node
from theory.checker.strata import RULE
from theory.coefficient import RLCT
from theory.solver.budget import WORK_PER_SECOND, OutOfWorkError, WorkBudget
from theory.solver.input.potentials import Expression, GivenPotential, SumOfSquares
from theory.solver.plane import resolution as plane
from theory.solver.plane.charts import Curve, field_data, normalised, number_text
from theory.solver.plane.field import Number, powers
from theory.solver.solve import rlct
from theory.stratification.components import Element, Factorisation, terms, text
from theory.stratification.points import AlgebraicPoint, value_at_point


def coefficient(
    K: Expression | SumOfSquares,
    given: GivenPotential,
    parts: Factorisation,
    point: AlgebraicPoint,
    timeout: float,
    absolute: bool,
) -> RLCT:
    """Return the learning coefficient of K at a real zero, with a proof.

    At a rational point this is `theory.rlct`. At an algebraic one the irreducible factors of K are
    moved to the origin over the field of the coordinates and resolved there.
    """
    if point.rational is not None:
        return rlct(K, at=point.rational, timeout=timeout, absolute=absolute)
    root = _algebraic(given, parts, point, timeout)
    assert root.upper is not None
    return RLCT(
        lower=root.lower,
        upper=root.upper,
        multiplicity=root.multiplicity,
        scope="local",
        method=f"{RULE}, toric charts",
        source="watanabe2009",
        conditions=f"at {point}; " + ("the value is that of |K|" if absolute else "K >= 0"),
        certificate=root,
    )


def moved(f: Element, point: AlgebraicPoint) -> Curve:
    """Return ``f(point + (x, y))`` over the field of the point."""
    coefficients = terms(f)
    size = 1 + max(max(e) for e in coefficients)
    tables = [powers(number, size) for number in point.numbers]
    result: dict[tuple[int, int], Number] = {}
    rows = _binomials(size)
    for (i, j), coefficient in coefficients.items():
        for a in range(i + 1):
            left = tables[0][i - a] * (coefficient * rows[i][a])
            for b in range(j + 1):
                term = left * (tables[1][j - b] * rows[j][b])
                result[a, b] = result.get((a, b), 0) + term
    return normalised({e: c for e, c in result.items() if c})


def _binomials(size: int) -> list[list[int]]:
    rows = [[1]]
    for _ in range(size):
        rows.append([a + b for a, b in zip([0, *rows[-1]], [*rows[-1], 0], strict=True)])
    return rows


def _algebraic(
    given: GivenPotential, parts: Factorisation, point: AlgebraicPoint, timeout: float
) -> Node:
    curves, units = [], []
    for factor in parts.factors:
        f = factor.polynomial
        if value_at_point(terms(f), point):
            units.append([text(f), factor.exponent])
        else:
            curves.append((moved(f, point), Fraction(factor.exponent)))
    budget = WorkBudget(max(1, int(timeout * WORK_PER_SECOND)), timeout)
    zero = (Fraction(0), Fraction(0))
    one = (Fraction(1), Fraction(1))
    chart = plane.Chart(tuple(curves), zero, one, point.field)
    try:
        child = plane.resolve_chart(chart, budget, 0)
    except OutOfWorkError:
        child = plane.order_bound(chart)
    assert point.field is not None
    data: dict[str, Any] = {
        "polynomial": given.text,
        "variables": list(given.variables),
        "field": field_data(point.field),
        "at": [number_text(number) for number in point.numbers],
        "units": units,
    }
    return Node(RULE, child.lower, child.upper, child.multiplicity, data, (child,))
