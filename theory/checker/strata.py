"""Checker of the rule "algebraic point": K moved to a point over a number field.

The identity is tested in ``F_p[t] / M`` at points modulo the prime of `theory.checker.base`:
the residue ring of the number field, so a true identity holds there.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, final

from theory.certificate import Node
from theory.checker.base import PRIME, Checker, require, residue, same_claim, sample
from theory.checker.charts import SeenChart, read_chart
from theory.checker.fields import Element, RealField
from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.germ import ROOM
from theory.polynomials.grammar import read
from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree, names

RULE = "algebraic point"
Residue = list[int]


@final
class _Ring:
    """``F_p[t] / M`` for a monic M; elements are coefficient lists of full length."""

    def __init__(self, modulus: Element) -> None:
        """Take M with rational coefficients."""
        self.modulus = [residue(c) for c in modulus]
        self.size = len(modulus) - 1

    def element(self, values: Sequence[Fraction | int]) -> Residue:
        """Return the residue of coefficients in t, fewer than the degree of M."""
        known = [residue(Fraction(v)) for v in values]
        return known + [0] * (self.size - len(known))

    def add(self, left: Residue, right: Residue) -> Residue:
        """Return the sum."""
        return [(a + b) % PRIME for a, b in zip(left, right, strict=True)]

    def times(self, left: Residue, right: Residue) -> Residue:
        """Return the product modulo M."""
        product = [0] * (2 * self.size - 1)
        for i, a in enumerate(left):
            for j, b in enumerate(right):
                product[i + j] += a * b
        for top in range(len(product) - 1, self.size - 1, -1):
            lead = product.pop() % PRIME
            for k in range(self.size):
                product[top - self.size + k] -= lead * self.modulus[k]
        return [c % PRIME for c in product]

    def power(self, base: Residue, exponent: int) -> Residue:
        """Return a natural power."""
        result = self.element([1])
        while exponent:
            if exponent & 1:
                result = self.times(result, base)
            base = self.times(base, base)
            exponent >>= 1
        return result

    def tree(self, tree: Tree, point: Mapping[str, Residue]) -> Residue:
        """Return the value of an expression."""
        match tree:
            case Number(number):
                return self.element([number])
            case Symbol(name):
                return point[name]
            case Power(base, exponent):
                return self.power(self.tree(base, point), exponent)
            case Sum(parts):
                total = self.element([0])
                for part in parts:
                    total = self.add(total, self.tree(part, point))
                return total
            case Product(parts):
                total = self.element([1])
                for part in parts:
                    total = self.times(total, self.tree(part, point))
                return total


def check_algebraic_point(node: Node) -> None:
    """K near the point is a constant times the curves of the chart and factors not zero there."""
    data = node.data
    tree = read(data["polynomial"], ROOM)
    variables = tuple(data["variables"])
    require(names(tree) == variables and len(variables) == 2, "two variables, those of K")
    (child,) = node.children
    require(child.rule in ("toric chart", "chart bound"), "no chart")
    chart = read_chart(child.data)
    field = _same_field(data["field"], chart.field)
    require(chart.monomial == [0, 0] and chart.density == [1, 1], "the chart is not at a point")
    require(all((0, 0) not in curve for curve in chart.curves), "a curve misses the point")
    require(all(k.denominator == 1 for k in chart.exponents), "natural exponents")
    at = [field.read(entry) for entry in data["at"]]
    require(len(at) == 2, "two coordinates")
    units = [(read(entry, ROOM), int(k)) for entry, k in data["units"]]
    for entry, k in data["units"]:
        require(k > 0 and _value(field, parse(entry, variables, ROOM), at), "a unit vanishes")
    ring = _Ring(field.modulus)
    base = [ring.element(number) for number in at]
    pairs = []
    for offset in sample(repr((data, child.data)), variables):
        near = [ring.element([offset[name]]) for name in variables]
        there = {name: ring.add(x, dx) for name, x, dx in zip(variables, base, near, strict=True)}
        whole = _chart_value(ring, chart, near)
        for unit, k in units:
            whole = ring.times(whole, ring.power(ring.tree(unit, there), k))
        pairs.append((ring.tree(tree, there), whole))
    (one, two), *rest = pairs
    require(any(one) and any(two), "K or the product is zero")
    for left, right in rest:
        require(ring.times(left, two) == ring.times(right, one), "not a multiple of K")
    same_claim(node, (child.lower, child.upper, child.multiplicity))


def _same_field(data: Mapping[str, Any], other: RealField) -> RealField:
    """Read a field and check that it is another one with the same root of the same polynomial."""
    field = RealField(data)
    require(field.modulus == other.modulus, "another field")
    lo, hi = min(field.lo, other.lo), max(field.hi, other.hi)
    require(max(field.lo, other.lo) < min(field.hi, other.hi), "another root")
    # The hull holds one root only, so it is the one of both intervals.
    RealField({"minimal": data["minimal"], "interval": [str(lo), str(hi)]})
    return field


def _value(field: RealField, unit: Polynomial, at: Sequence[Element]) -> Element:
    total: Element = ()
    for exponents, c in unit.terms.items():
        term: Element = (c,)
        for number, e in zip(at, exponents, strict=True):
            term = field.times(term, field.power(number, e))
        total = field.add(total, term)
    return total


def _chart_value(ring: _Ring, chart: SeenChart, near: Sequence[Residue]) -> Residue:
    """Return the product of the powers of the curves near the point."""
    whole = ring.element([1])
    for curve, exponent in zip(chart.curves, chart.exponents, strict=True):
        total = ring.element([0])
        for (i, j), c in curve.items():
            step = ring.times(ring.power(near[0], i), ring.power(near[1], j))
            total = ring.add(total, ring.times(ring.element(c), step))
        whole = ring.times(whole, ring.power(total, int(exponent)))
    return whole


RULES: dict[str, Checker] = {RULE: check_algebraic_point}
