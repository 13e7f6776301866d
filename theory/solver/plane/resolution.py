"""Real log canonical thresholds in two variables: complete, by toric resolution.

Every polynomial germ in the plane, isolated or not, with or without sign changes, is resolved by
toric modifications at the real roots of the edge polynomials of its Newton polygons. Complex
branches are invisible. The divisors give ``lambda = min nu / N``, and the multiplicity is 2 exactly
if two divisors that attain it cross at a real point.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple, final

from theory.certificate import Node
from theory.polynomials.germ import Germ, germ_data
from theory.solver.budget import OutOfWorkError, WorkBudget
from theory.solver.plane.charts import (
    Curve,
    Ray,
    change_field,
    curve_text,
    edge_polynomial,
    fan,
    field_data,
    number_text,
    transform,
    transform_cost,
    weight,
)
from theory.solver.plane.charts import chart as ray_chart
from theory.solver.plane.components import CurvePower, raw, split
from theory.solver.plane.edges import RootClass, classes
from theory.solver.plane.field import NumberField, bits
from theory.solver.plane.roots import Root, nonzero_real_roots, refine
from theory.solver.plane.towers import adjoin

MAX_DEPTH = 100
Pair = tuple[Fraction, Fraction]


class _NeedsChild(Exception):
    """A root of higher multiplicity turned up where only smooth branches are accepted."""


@final
@dataclass(frozen=True, slots=True)
class Chart:
    """A germ at the origin of a chart.

    Attributes:
        factors: Curves over the field, with the exponents of K.
        monomial: Exponents N of the coordinates in K.
        density: Exponents nu of the coordinates, minus 1, in the density.
        field: Field of the coefficients, None for the rationals.
    """

    factors: tuple[tuple[Curve, Fraction], ...]
    monomial: Pair
    density: Pair
    field: NumberField | None


class _Claim(NamedTuple):
    """Bounds and multiplicity that one divisor, or one child, contributes."""

    lower: Fraction
    upper: Fraction | None
    multiplicity: int | None


def solve_plane(germ: Germ, budget: WorkBudget) -> Node:
    """Return the certified coefficient of a germ in two variables.

    Only the budget can turn the value into bounds.

    Raises:
        ValueError: If the germ has not two variables, or is a unit.
    """
    if len(germ.variables) != 2:
        raise ValueError(f"a plane germ has two variables, got {germ.variables}")
    first = _start(germ, raw(germ))
    try:
        # Most germs are nondegenerate: then neither factors nor multiplicities need be known.
        child = resolve_chart(first, budget, MAX_DEPTH)
    except _NeedsChild:
        try:
            budget.spend(_split_cost(first))
            child = resolve_chart(_start(germ, split(germ)), budget, 0)
        except OutOfWorkError:
            child = order_bound(first)
    except OutOfWorkError:
        child = order_bound(first)
    data = {"germ": germ_data(germ)}
    return Node("plane", child.lower, child.upper, child.multiplicity, data, (child,))


def _split_cost(chart: Chart) -> int:
    degree = max(sum(e) for curve, _ in chart.factors for e in curve)
    return int(degree**2) * len(chart.factors) ** 2


def _start(germ: Germ, parts: Iterable[CurvePower]) -> Chart:
    n, nu = germ.monomial, germ.density
    return Chart(
        tuple((part.curve, part.exponent) for part in parts), (n[0], n[1]), (nu[0], nu[1]), None
    )


def resolve_chart(chart: Chart, budget: WorkBudget, depth: int) -> Node:
    """Return the node of one chart; ``depth = MAX_DEPTH`` accepts smooth branches only."""
    rays = fan(curve for curve, _ in chart.factors)
    ratios = [_ratio(chart, ray) for ray in rays]
    claims = [_Claim(ratio, ratio, 1) for ratio in ratios if ratio is not None]
    for one, two in pairwise(ratios):
        if one is not None and one == two:
            claims.append(_Claim(one, one, 2))
    roots: list[dict[str, Any]] = []
    children: list[Node] = []
    for position, ray in enumerate(rays[1:-1], start=1):
        for root_class, root in _real_roots(_edge_classes(chart, ray, budget)):
            entry: dict[str, Any] = {"ray": position, "interval": [str(root.lo), str(root.hi)]}
            if root_class.total == 1:
                (index,) = root_class.multiplicities
                value = 1 / chart.factors[index][1]
                order = 2 if value == ratios[position] else 1
                claims.append(_Claim(value, value, order))
                entry["branch"] = index
            elif depth == MAX_DEPTH:
                raise _NeedsChild
            else:
                child, link = _descend(chart, ray, root_class, root, budget, depth)
                claims.append(_Claim(child.lower, child.upper, child.multiplicity))
                entry |= link | {"child": len(children)}
                children.append(child)
            roots.append(entry)
    total = _least(claims)
    data = _chart_data(chart) | {"rays": [list(ray) for ray in rays], "roots": roots}
    return Node("toric chart", *total, data, tuple(children))


def _descend(
    chart: Chart, ray: Ray, root_class: RootClass, root: Root, budget: WorkBudget, depth: int
) -> tuple[Node, dict[str, Any]]:
    """Return the node at a root of higher multiplicity, and how its chart arises."""
    size = (chart.field.degree if chart.field else 1) * (len(root_class.poly) - 1)
    budget.spend(size**3)
    extension = adjoin(chart.field, root_class.poly, root)
    curves = [chart.factors[i][0] for i in sorted(root_class.multiplicities)]
    cost = sum(transform_cost(curve, ray) * _words(curve) for curve in curves)
    budget.spend(cost * size * size)
    factors = tuple(
        (transform(change_field(curve, extension.alpha), ray, extension.root), exponent)
        for curve, exponent in (chart.factors[i] for i in sorted(root_class.multiplicities))
    )
    order, jacobian = _orders(chart, ray)
    below = Chart(factors, (order, Fraction(0)), (jacobian, Fraction(1)), extension.field)
    r, s = ray_chart(ray)
    link = {
        "matrix": [ray[0], r, ray[1], s],
        "factors": sorted(root_class.multiplicities),
        "alpha": number_text(extension.alpha),
        "root": number_text(extension.root),
    }
    if depth + 1 >= MAX_DEPTH:
        return order_bound(below), link
    try:
        return resolve_chart(below, budget, depth + 1), link
    except OutOfWorkError:
        return order_bound(below), link


def _words(curve: Curve) -> int:
    """Return about how many machine words a coefficient takes."""
    return 1 + max(bits(value) for value in curve.values()) // 128


def _edge_classes(chart: Chart, ray: Ray, budget: WorkBudget) -> list[RootClass]:
    edges = {i: edge_polynomial(curve, ray) for i, (curve, _) in enumerate(chart.factors)}
    size = sum(len(edge) - 1 for edge in edges.values())
    budget.spend(size**2 * (chart.field.degree**2 if chart.field else 1))
    return classes({i: edge for i, edge in edges.items() if len(edge) > 1}, chart.field)


def _real_roots(classes: Iterable[RootClass]) -> list[tuple[RootClass, Root]]:
    """Return all real roots in order, in intervals that do not touch each other."""
    roots = [(kind, root) for kind in classes for root in nonzero_real_roots(kind.poly)]
    while True:
        roots.sort(key=lambda item: item[1])
        close = {
            i + k
            for i, ((_, one), (_, two)) in enumerate(pairwise(roots))
            if one.hi >= two.lo
            for k in (0, 1)
        }
        if not close:
            return roots
        roots = [
            (kind, refine(kind.poly, root) if i in close else root)
            for i, (kind, root) in enumerate(roots)
        ]


def _orders(chart: Chart, ray: Ray) -> Pair:
    """Return (N, nu) of the divisor of a ray."""
    (nx, ny), (ux, uy), (p, q) = chart.monomial, chart.density, ray
    order = nx * p + ny * q
    for curve, exponent in chart.factors:
        order += exponent * weight(curve, ray)
    return order, ux * p + uy * q


def _ratio(chart: Chart, ray: Ray) -> Fraction | None:
    order, jacobian = _orders(chart, ray)
    return jacobian / order if order else None


def order_bound(chart: Chart) -> Node:
    """Return Hoelder's lower bound ``1/lambda <= max N/nu + sum c ord`` and the rays' upper one."""
    rays = fan(curve for curve, _ in chart.factors)
    ratios = [ratio for ray in rays if (ratio := _ratio(chart, ray)) is not None]
    total = max(n / nu for n, nu in zip(chart.monomial, chart.density, strict=True))
    for curve, exponent in chart.factors:
        total += exponent * weight(curve, (1, 1))
    data = _chart_data(chart) | {"rays": [list(ray) for ray in rays]}
    return Node("chart bound", 1 / total, min(ratios), None, data)


def _least(claims: Iterable[_Claim]) -> _Claim:
    """Return the minimum over divisors and points; the multiplicity is the largest at it."""
    listed = list(claims)
    lower = min(claim.lower for claim in listed)
    upper = min(claim.upper for claim in listed if claim.upper is not None)
    orders = [claim.multiplicity for claim in listed if claim.lower == lower]
    known = [order for order in orders if order is not None]
    exact = lower == upper and len(known) == len(orders)
    return _Claim(lower, upper, max(known) if exact else None)


def _chart_data(chart: Chart) -> dict[str, Any]:
    data: dict[str, Any] = {
        "factors": [[curve_text(curve), str(exponent)] for curve, exponent in chart.factors],
        "monomial": [str(n) for n in chart.monomial],
        "density": [str(nu) for nu in chart.density],
    }
    if chart.field:
        data["field"] = field_data(chart.field)
    return data
