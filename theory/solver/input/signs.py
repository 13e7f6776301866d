"""Decides whether K has negative values arbitrarily near the point."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from theory.certificate import Node
from theory.polynomials.expression import Exponents, Polynomial, parse
from theory.polynomials.germ import ROOM, Factor, Germ
from theory.solver.budget import WorkBudget
from theory.solver.input.independent import independent_factors, summands
from theory.solver.plane.resolution import solve_plane


class Signs(NamedTuple):
    """Which signs a function takes arbitrarily near the origin.

    Attributes:
        values: Those that it is proved to take, out of 1 and -1.
        complete: Whether it is proved to take no other.
    """

    values: frozenset[int]
    complete: bool


_POSITIVE = Signs(frozenset({1}), True)
_BOTH = Signs(frozenset({1, -1}), True)


def product_signs(constant: Fraction, odd: Sequence[Polynomial], budget: WorkBudget) -> Signs:
    """Return the signs near the origin of a constant times polynomials.

    The polynomials are those that stand in K with an odd power; the other parts have no sign.
    """
    total = Signs(frozenset({1 if constant > 0 else -1}), True)
    if not odd:
        return total
    names = odd[0].variables
    zero, one = (Fraction(0),) * len(names), (Fraction(1),) * len(names)
    germ = Germ(names, tuple(Factor((f,), Fraction(1)) for f in odd), zero, one)
    split = independent_factors(germ)
    for unit in split.units:
        total = _times(total, _one_sign(unit.generators[0].terms[(0,) * len(names)]))
    for f in odd:
        # A monomial has gone into the germs without its coefficient.
        if len(f.terms) == 1:
            total = _times(total, _one_sign(next(iter(f.terms.values()))))
    for part in split.germs:
        total = _times(total, _factor_signs(part, budget))
    return total


def _times(left: Signs, right: Signs) -> Signs:
    """Combine factors in disjoint variables, or with a factor of one sign."""
    values = frozenset(a * b for a in left.values for b in right.values)
    return Signs(values, left.complete and right.complete)


def _one_sign(value: Fraction) -> Signs:
    return Signs(frozenset({1 if value > 0 else -1}), True)


def branch_orders(plane: Node) -> list[Fraction] | None:
    """Return the orders of K along the real branches of a plane germ; None if not all are known."""
    orders: list[Fraction] = []
    (top,) = plane.children
    charts = [(top, True)]
    while charts:
        node, is_top = charts.pop()
        if node.rule != "toric chart":
            return None
        data = node.data
        curves = [Fraction(k) for _, k in data["factors"]]
        n = [Fraction(v) for v in data["monomial"]]
        parsed = [parse(text, ("t", "x", "y"), ROOM) for text, _ in data["factors"]]
        for axis in (0, 1):
            # The first coordinate of a lower chart is exceptional: no branch of K.
            if axis == 0 and not is_top:
                continue
            order = n[axis]
            for f, k in zip(parsed, curves, strict=True):
                order += k * min(e[1 + axis] for e in f.terms)
            if order:
                orders.append(order)
        orders += [curves[root["branch"]] for root in data["roots"] if "branch" in root]
        charts += [(child, False) for child in node.children]
    return orders


def lowest_sign(f: Polynomial) -> int:
    """Return the sign of the lexicographically first coefficient, that of f on a thin cone."""
    return 1 if f.terms[min(f.terms)] > 0 else -1


def _factor_signs(germ: Germ, budget: WorkBudget) -> Signs:
    if any(n % 2 for n in germ.monomial):
        # At a general point of that coordinate plane nothing else vanishes.
        return _BOTH
    if not germ.factors:
        return _POSITIVE
    if len(germ.variables) == 2:
        node = solve_plane(germ, budget)
        orders = branch_orders(node)
        if orders is not None and any(order % 2 for order in orders):
            return _BOTH
        total = 1
        for factor in germ.factors:
            total *= lowest_sign(factor.generators[0])
        return Signs(frozenset({total}), orders is not None)
    parts = summands(germ)
    if len(parts) > 1:
        # In disjoint variables the values of each summand are values of the sum.
        signs = [
            product_signs(Fraction(1), [f.generators[0] for f in part.factors], budget)
            for part in parts
        ]
        values = frozenset(s for sign in signs for s in sign.values)
        return Signs(values, all(sign.complete for sign in signs) or len(values) == 2)
    return _sampled_signs(germ)


def _sampled_signs(germ: Germ) -> Signs:
    """Sample parts of lowest weight: K takes the sign of their values near the origin."""
    seen: set[int] = set()
    for weights in _weights(len(germ.variables)):
        forms = [_initial(factor.generators[0], weights) for factor in germ.factors]
        for point in _points(len(germ.variables)):
            value = Fraction(1)
            for x, n in zip(point, germ.monomial, strict=True):
                value *= x ** int(n)
            for form in forms:
                value *= form(point)
            if value:
                seen.add(1 if value > 0 else -1)
        if len(seen) == 2:
            return _BOTH
    return Signs(frozenset(seen), False)


def _weights(size: int) -> Iterator[tuple[int, ...]]:
    yield (1,) * size
    state = 1
    for _ in range(24):
        weights = []
        for _ in range(size):
            state = state * 48_271 % 2_147_483_647
            weights.append(1 + state % 7)
        yield tuple(weights)


def _points(size: int) -> Iterator[tuple[Fraction, ...]]:
    state = 7
    for _ in range(48):
        point = []
        for _ in range(size):
            state = state * 48_271 % 2_147_483_647
            point.append(Fraction(state % 13 - 6, 1 + state // 13 % 3))
        yield tuple(point)


def _initial(f: Polynomial, weights: Sequence[int]) -> Polynomial:
    def size(e: Exponents) -> int:
        return sum(a * b for a, b in zip(e, weights, strict=True))

    least = min(map(size, f.terms))
    return Polynomial(f.variables, {e: c for e, c in f.terms.items() if size(e) == least})
