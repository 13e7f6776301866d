"""Checkers of the plane: toric charts, real roots of edge polynomials, strict transforms."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import comb
from typing import Any

from theory.certificate import Node
from theory.checker.base import (
    Checker,
    common_scale,
    germ_of,
    germ_value,
    proportional,
    rationals,
    require,
    same_claim,
    sample,
)
from theory.checker.charts import Curve, SeenChart, divisor, edge_of, read_chart
from theory.checker.fields import ZERO, Element, RealField, Univariate, element
from theory.polynomials.expression import parse
from theory.polynomials.germ import ROOM, Factor, Germ

Claim = tuple[Fraction, Fraction | None, int | None]


def check_plane(node: Node) -> None:
    """K is a constant times the powers of the curves of the chart below."""
    germ = germ_of(node)
    require(len(germ.variables) == 2, "two variables")
    (child,) = node.children
    data = child.data
    require(child.rule in ("toric chart", "chart bound") and "field" not in data, "no chart")
    factors = tuple(
        Factor((parse(text, ("x", "y"), ROOM),), Fraction(k)) for text, k in data["factors"]
    )
    renamed = Germ(("x", "y"), factors, tuple(rationals(data["monomial"])), germ.density)
    require(rationals(data["density"]) == list(germ.density), "another density")
    scale = common_scale(germ, renamed)
    pairs = []
    for point in sample(repr((node.data, data)), ("x", "y")):
        there = dict(zip(germ.variables, (point["x"], point["y"]), strict=True))
        pairs.append((germ_value(germ, there, scale), germ_value(renamed, point, scale)))
    require(proportional(pairs), "the curves do not multiply to K")
    same_claim(node, (child.lower, child.upper, child.multiplicity))


def check_chart(node: Node) -> None:
    """The least ratio over rays, smooth branches and charts below, with its multiplicity."""
    chart = read_chart(node.data)
    claims: list[Claim] = []
    ratios: list[Fraction | None] = []
    for ray in chart.rays:
        order, jacobian = divisor(chart, ray)
        ratios.append(jacobian / order if order else None)
    for here, after in zip(ratios, [*ratios[1:], None], strict=True):
        if here is not None:
            claims.append((here, here, 2 if here == after else 1))
    used = []
    for position, ray in enumerate(chart.rays):
        entries = [entry for entry in node.data["roots"] if entry["ray"] == position]
        if position in (0, len(chart.rays) - 1):
            require(not entries, "a root on an axis")
            continue
        edges = [edge_of(curve, ray) for curve in chart.curves]
        _check_roots(chart.field, edges, entries)
        for entry in entries:
            if "child" not in entry:
                value = 1 / chart.exponents[int(entry["branch"])]
                claims.append((value, value, 2 if value == ratios[position] else 1))
                continue
            used.append(int(entry["child"]))
            child = node.children[used[-1]]
            _check_child(chart, ray, edges, entry, child)
            claims.append((child.lower, child.upper, child.multiplicity))
    require(all(0 < entry["ray"] < len(chart.rays) - 1 for entry in node.data["roots"]), "rays")
    require(sorted(used) == list(range(len(node.children))), "charts and roots do not match")
    lower = min(claim[0] for claim in claims)
    upper = min(claim[1] for claim in claims if claim[1] is not None)
    orders = [claim[2] for claim in claims if claim[0] == lower]
    known = [order for order in orders if order is not None]
    exact = lower == upper and len(known) == len(orders)
    same_claim(node, (lower, upper, max(known) if exact else None))


def check_chart_bound(node: Node) -> None:
    """Hoelder's inequality from below, the divisors of the rays from above."""
    chart = read_chart(node.data)
    require(min(chart.density) >= 1, "the density is unbounded")
    inverse = max(n / nu for n, nu in zip(chart.monomial, chart.density, strict=True))
    for curve, exponent in zip(chart.curves, chart.exponents, strict=True):
        inverse += exponent * min(i + j for i, j in curve)
    divisors = [divisor(chart, ray) for ray in chart.rays]
    same_claim(node, (1 / inverse, min(nu / n for n, nu in divisors if n), None))


def _check_roots(
    field: RealField, edges: Sequence[Univariate], entries: Sequence[Mapping[str, Any]]
) -> None:
    """Every real root of every edge is listed once, and branches are simple roots of one edge."""
    whole: Univariate = [element((1,))]
    for edge in edges:
        whole = field.product(whole, edge)
    if len(whole) == 1:
        require(not entries, "a root that is none")
        return
    chain = field.sturm(whole)
    require(field.count_all(chain) == len(entries), "the number of real roots")
    ends = sorted((Fraction(e["interval"][0]), Fraction(e["interval"][1])) for e in entries)
    for one, two in pairwise(ends):
        require(one[1] < two[0], "intervals meet")
    chains = [field.sturm(edge) if len(edge) > 1 else None for edge in edges]
    for entry in entries:
        lo, hi = (Fraction(end) for end in entry["interval"])
        if lo == hi:
            require(not field.value(whole, element((lo,))), "a root that is none")
        else:
            require(lo < hi and field.count(chain, lo, hi) == 1, "an interval without a root")
        if "child" in entry:
            continue
        index = int(entry["branch"])
        require(0 <= index < len(edges), "no such curve")
        for k, (edge, steps) in enumerate(zip(edges, chains, strict=True)):
            if steps is None:
                require(k != index, "a branch without a root")
                continue
            if lo == hi:
                vanishes = not field.value(edge, element((lo,)))
                slope = [tuple(i * c for c in e) for i, e in enumerate(edge)][1:]
                simple = bool(field.value(slope, element((lo,))))
            else:
                vanishes = field.count(steps, lo, hi) == 1
                # The chain ends with the common divisor of the edge and its derivative.
                common = steps[-1]
                simple = len(common) == 1 or not field.count(field.sturm(common), lo, hi)
            require(vanishes == (k == index), "a branch of another curve")
            require(simple or not vanishes, "a multiple root is no smooth branch")


def _check_child(
    chart: SeenChart,
    ray: tuple[int, int],
    edges: Sequence[Univariate],
    entry: Mapping[str, Any],
    child: Node,
) -> None:
    """The chart below is the strict transform at the root of all curves that meet there."""
    require(child.rule in ("toric chart", "chart bound"), "no chart")
    below = read_chart(child.data)
    field = below.field
    p, r, q, s = (int(v) for v in entry["matrix"])
    require((p, q) == ray and min(r, s) >= 0 and p * s - q * r == 1, "not unimodular")
    alpha, root = field.read(entry["alpha"]), field.read(entry["root"])
    if len(chart.field.modulus) > 2:
        image = [element((c,)) for c in chart.field.modulus]
        require(not field.value(image, alpha), "alpha is no root of its polynomial")
        _check_between(field, alpha, chart.field.lo, chart.field.hi)
    else:
        require(not alpha, "alpha without a field")
    lo, hi = (Fraction(end) for end in entry["interval"])
    _check_between(field, root, lo, hi)

    def move(number: Element) -> Element:
        return field.value([element((c,)) for c in number], alpha)

    moved = [[move(c) for c in edge] for edge in edges]
    meeting = [i for i, edge in enumerate(moved) if not field.value(edge, root)]
    require(meeting and meeting == list(entry["factors"]), "other curves meet there")
    order, jacobian = divisor(chart, ray)
    require(below.monomial == [order, 0] and below.density == [jacobian, 1], "other orders")
    require(below.exponents == [chart.exponents[i] for i in meeting], "other exponents")
    for index, curve in zip(meeting, below.curves, strict=True):
        image_curve = {e: move(c) for e, c in chart.curves[index].items()}
        expected = _transform(field, image_curve, (p, r, q, s), root)
        require(_multiples(field, expected, curve), "not the strict transform")


def _check_between(field: RealField, number: Element, lo: Fraction, hi: Fraction) -> None:
    if lo == hi:
        require(number == element((lo,)), "another root")
        return
    above = field.sign(field.add(number, element((-lo,)))) > 0
    below = field.sign(field.add(element((hi,)), field.minus(number))) > 0
    require(above and below, "a number outside its interval")


def _transform(
    field: RealField, curve: Curve, matrix: tuple[int, int, int, int], root: Element
) -> Curve:
    """Substitute ``x = u^p v^r, y = u^q v^s, v = root + w`` and divide by powers of u and v."""
    p, r, q, s = matrix
    images = [(p * i + q * j, r * i + s * j, c) for (i, j), c in curve.items()]
    least, unit = min(a for a, _, _ in images), min(b for _, b, _ in images)
    powers = [element((1,))]
    for _ in range(max(b for _, b, _ in images) - unit):
        powers.append(field.times(powers[-1], root))
    result: Curve = {}
    for a, b, c in images:
        for k in range(b - unit + 1):
            scaled = tuple(comb(b - unit, k) * x for x in powers[b - unit - k])
            key = (a - least, k)
            result[key] = field.add(result.get(key, ZERO), field.times(c, scaled))
    return {e: c for e, c in result.items() if c}


def _multiples(field: RealField, left: Curve, right: Curve) -> bool:
    if left.keys() != right.keys():
        return False
    first = min(left)
    return all(
        field.times(left[e], right[first]) == field.times(right[e], left[first]) for e in left
    )


RULES: dict[str, Checker] = {
    "plane": check_plane,
    "toric chart": check_chart,
    "chart bound": check_chart_bound,
}
