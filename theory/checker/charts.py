"""Toric charts as the checkers read them: rays, divisors, edges of Newton polygons."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from math import gcd
from typing import Any, NamedTuple

from theory.certificate import Node
from theory.checker.base import rationals, require
from theory.checker.fields import ZERO, Element, RealField, Univariate
from theory.polynomials.expression import parse
from theory.polynomials.germ import ROOM

Curve = dict[tuple[int, int], Element]


class SeenChart(NamedTuple):
    """What a chart node says about its germ."""

    field: RealField
    curves: list[Curve]
    exponents: list[Fraction]
    monomial: list[Fraction]
    density: list[Fraction]
    rays: list[tuple[int, int]]


def read_chart(data: Mapping[str, Any]) -> SeenChart:
    """Read a chart and check that its rays subdivide the quadrant finely enough.

    Between neighbouring rays every curve needs one monomial that is least on both of them; then the
    order of K is linear in between, and no edge of a Newton polygon is missed.
    """
    field = RealField(data.get("field"))
    curves: list[Curve] = []
    for text, _ in data["factors"]:
        dense: dict[tuple[int, int], dict[int, Fraction]] = {}
        for (k, i, j), c in parse(text, ("t", "x", "y"), ROOM).terms.items():
            dense.setdefault((i, j), {})[k] = c
        curves.append(
            {
                e: field.reduce([row.get(k, Fraction(0)) for k in range(max(row) + 1)])
                for e, row in dense.items()
            }
        )
    exponents = [Fraction(k) for _, k in data["factors"]]
    monomial, density = rationals(data["monomial"]), rationals(data["density"])
    require(len(monomial) == len(density) == 2, "a chart has two coordinates")
    require(all(c for curve in curves for c in curve.values()), "a zero coefficient")
    require(all(curves) and min(exponents, default=1) > 0, "factors with positive exponents")
    require(min(monomial) >= 0 and min(density) > 0, "N >= 0 and nu > 0")
    rays = [(int(p), int(q)) for p, q in data["rays"]]
    require(rays[0] == (1, 0) and rays[-1] == (0, 1), "the axes are the outer rays")
    for ray, after in pairwise(rays):
        require(min(*ray, *after) >= 0 and gcd(*ray) == gcd(*after) == 1, "primitive rays")
        require(ray[0] * after[1] > ray[1] * after[0], "rays in order")
        for curve in curves:
            require(set(face(curve, ray)) & set(face(curve, after)), "an edge is missed")
    return SeenChart(field, curves, exponents, monomial, density, rays)


def divisor(chart: SeenChart, ray: tuple[int, int]) -> tuple[Fraction, Fraction]:
    """Return N and nu of the divisor of a ray."""
    order = sum((n * w for n, w in zip(chart.monomial, ray, strict=True)), Fraction(0))
    for curve, exponent in zip(chart.curves, chart.exponents, strict=True):
        order += exponent * min(i * ray[0] + j * ray[1] for i, j in curve)
    return order, sum((u * w for u, w in zip(chart.density, ray, strict=True)), Fraction(0))


def real_branch_orders(plane: Node) -> list[Fraction]:
    """Return the orders of K along the real branches of a checked, complete plane proof."""
    orders: list[Fraction] = []
    pending = [(child, True) for child in plane.children]
    while pending:
        node, is_top = pending.pop()
        require(node.rule == "toric chart", "the branches are not all known")
        chart = read_chart(node.data)
        # The first coordinate of a lower chart is exceptional, the second is a curve.
        axes = (chart.rays[0], chart.rays[-1]) if is_top else (chart.rays[-1],)
        orders += [divisor(chart, ray)[0] for ray in axes]
        orders += [chart.exponents[e["branch"]] for e in node.data["roots"] if "child" not in e]
        pending += [(child, False) for child in node.children]
    return orders


def face(curve: Curve, ray: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the exponents of least weight."""
    least = min(i * ray[0] + j * ray[1] for i, j in curve)
    return [(i, j) for i, j in curve if i * ray[0] + j * ray[1] == least]


def edge_of(curve: Curve, ray: tuple[int, int]) -> Univariate:
    """Return the face as a polynomial in ``v = y^p x^-q`` that does not vanish at v = 0."""
    points = face(curve, ray)
    low = min(j for _, j in points)
    steps = {(j - low) // ray[0]: curve[i, j] for i, j in points}
    return [steps.get(k, ZERO) for k in range(max(steps) + 1)]
