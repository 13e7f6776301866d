"""Checkers of the rules on germs: reading, shifting, splitting, monomials and bounds."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.certificate import Node
from theory.checker.base import (
    PRIME,
    Checker,
    common_scale,
    factor_value,
    germ_of,
    germ_value,
    proportional,
    rationals,
    require,
    residue,
    same_claim,
    sample,
    tree_value,
    value,
)
from theory.checker.charts import real_branch_orders
from theory.checker.children import check_same_germ, germ_below
from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.germ import ROOM, Factor, Germ
from theory.polynomials.grammar import read
from theory.polynomials.trees import names


def check_polynomial(node: Node) -> None:
    """K at the point is the constant times the factors, and the germ below is made of these."""
    data = node.data
    tree = read(data["polynomial"])
    variables = tuple(data["variables"])
    require(names(tree) == variables, "other variables")
    at, prior = rationals(data["at"]), rationals(data["prior"])
    require(len(at) == len(prior) == len(variables), "point and prior do not fit")
    require(all(h >= 0 for h in prior), "a negative prior exponent")
    constant = Fraction(data["constant"])
    require(constant, "K is identically zero")
    factors = []
    parts = []
    for entry in data["factors"]:
        generators = tuple(parse(text, variables, ROOM) for text in entry["generators"])
        weights, power = rationals(entry["weights"]), int(entry["power"])
        require(power > 0 and all(w > 0 for w in weights), "weights and powers are positive")
        require(len(weights) in (0, len(generators)), "one weight per generator")
        require(weights or len(generators) == 1, "a plain factor has one generator")
        parts.append((generators, weights, power))
        factors.append(Factor(generators, Fraction(2 * power if weights else power)))
    for point in sample(repr(data), variables):
        total = residue(constant)
        for generators, weights, power in parts:
            values = [value(g, point) for g in generators]
            inner = values[0]
            if weights:
                inner = sum(residue(w) * v * v for w, v in zip(weights, values, strict=True))
            total = total * pow(inner, power, PRIME) % PRIME
        there = {
            name: (point[name] + residue(a)) % PRIME for name, a in zip(variables, at, strict=True)
        }
        require(tree_value(tree, there) == total, "the factors do not multiply to K")
    (child,) = node.children
    expected = Germ(
        variables, tuple(factors), (Fraction(0),) * len(at), tuple(1 + h for h in prior)
    )
    require(germ_below(child) == expected, "the germ below is another one")
    same_claim(node, (child.lower, child.upper, child.multiplicity))


def check_factors(node: Node) -> None:
    """K is a product of germs in disjoint variables and units; the least lambda decides."""
    germ = germ_of(node)
    below = [germ_below(child) for child in node.children]
    require(below, "no factor left")
    _check_disjoint(germ, below)
    units = [
        Factor(
            tuple(parse(g, germ.variables, ROOM) for g in entry["generators"]),
            Fraction(entry["exponent"]),
        )
        for entry in node.data["units"]
    ]
    origin = (0,) * len(germ.variables)
    for unit in units:
        require(any(g.terms.get(origin) for g in unit.generators), "a unit vanishes")
    scale = common_scale(germ, *below, _units_germ(germ, units))
    pairs = []
    for point in sample(repr((node.data, below)), germ.variables):
        right = 1
        for part in below:
            right = right * germ_value(part, point, scale) % PRIME
        for unit in units:
            right = right * factor_value(unit, point, scale) % PRIME
        pairs.append((germ_value(germ, point, scale), right))
    require(proportional(pairs), "the factors do not multiply to K")
    lower = min(child.lower for child in node.children)
    upper = min((c.upper for c in node.children if c.upper is not None), default=None)
    orders = [child.multiplicity for child in node.children if child.lower == lower]
    known = [order for order in orders if order is not None]
    exact = lower == upper and len(known) == len(orders)
    same_claim(node, (lower, upper, sum(known) if exact else None))


def check_summands(node: Node) -> None:
    """K^(1/c) is a sum of nonnegative germs in disjoint variables; lambdas add."""
    germ = germ_of(node)
    below = [germ_below(child) for child in node.children]
    _check_disjoint(germ, below)
    require(len(germ.factors) == 1 and not any(germ.monomial), "not a single factor")
    (factor,) = germ.factors
    for part in below:
        require(len(part.factors) == 1 and not any(part.monomial), "a summand is a product")
        require(part.factors[0].exponent == factor.exponent, "another exponent")
    lifted = [_lifted(g, germ.variables) for part in below for g in part.factors[0].generators]
    if len(factor.generators) > 1:
        key = [
            sorted(tuple(sorted(g.terms.items())) for g in gs) for gs in (lifted, factor.generators)
        ]
        require(key[0] == key[1], "other generators")
    else:
        total = Polynomial(germ.variables, {})
        for g in lifted:
            total = total + g
        require(total == factor.generators[0], "the summands do not add up")
        require(len(node.data["nonnegative"]) == len(below), "one sign proof per summand")
        for child, part, entry in zip(node.children, below, node.data["nonnegative"], strict=True):
            require(len(part.factors[0].generators) == 1, "a summand is an ideal")
            _check_sign(child, part, entry)
    lower = sum((child.lower for child in node.children), Fraction(0))
    uppers = [child.upper for child in node.children if child.upper is not None]
    upper = sum(uppers, Fraction(0)) if len(uppers) == len(below) else None
    orders = [c.multiplicity for c in node.children if c.multiplicity is not None]
    exact = lower == upper and len(orders) == len(below)
    same_claim(node, (lower, upper, 1 + sum(orders) - len(orders) if exact else None))


def check_monomial(node: Node) -> None:
    """The zeta function of a monomial is a product of one-dimensional ones."""
    germ = germ_of(node)
    require(not germ.factors, "more than a monomial")
    ratios = [nu / n for n, nu in zip(germ.monomial, germ.density, strict=True) if n]
    value_ = min(ratios)
    same_claim(node, (value_, value_, sum(r == value_ for r in ratios)))


def check_best(node: Node) -> None:
    """Every child bounds the same germ."""
    germ = germ_of(node)
    for child in node.children:
        check_same_germ(child, germ)
    lower = max(child.lower for child in node.children)
    upper = min((c.upper for c in node.children if c.upper is not None), default=None)
    known = {c.multiplicity for c in node.children if c.exact}
    require(len(known) <= 1, "children disagree")
    same_claim(node, (lower, upper, known.pop() if known else None))


def _check_disjoint(germ: Germ, below: Sequence[Germ]) -> None:
    seen = [name for part in below for name in part.variables]
    require(len(seen) == len(set(seen)), "two parts share a variable")
    density = dict(zip(germ.variables, germ.density, strict=True))
    for part in below:
        for name, nu in zip(part.variables, part.density, strict=True):
            require(density.get(name) == nu, f"another density of {name}")


def _units_germ(germ: Germ, units: Sequence[Factor]) -> Germ:
    zero = (Fraction(0),) * len(germ.variables)
    return Germ(germ.variables, tuple(units), zero, germ.density)


def _lifted(g: Polynomial, variables: tuple[str, ...]) -> Polynomial:
    places = [variables.index(name) for name in g.variables]
    terms = {}
    for exponents, coefficient in g.terms.items():
        full = [0] * len(variables)
        for place, exponent in zip(places, exponents, strict=True):
            full[place] = exponent
        terms[tuple(full)] = coefficient
    return Polynomial(variables, terms)


def _check_sign(child: Node, part: Germ, entry: Mapping[str, Any]) -> None:
    """A summand is nonnegative: by its lowest term, by squares, or by its real branches."""
    (f,) = part.factors[0].generators
    kind = entry["kind"]
    if kind == "lowest":
        require(len(f.variables) == 1, "one variable only")
        least = min(f.terms)
        require(f.terms[least] > 0 and least[0] % 2 == 0, "a summand changes sign")
    elif kind == "squares":
        total = Polynomial(f.variables, {})
        weights, generators = entry["weights"], entry["generators"]
        for weight, text in zip(weights, generators, strict=True):
            require(Fraction(weight) > 0, "a negative weight")
            g = parse(text, f.variables, ROOM)
            constant = Polynomial(f.variables, {(0,) * len(f.variables): Fraction(weight)})
            total = total + constant * g * g
        require(total == f, "the squares do not add up")
    else:
        require(kind == "branches" and child.rule == "plane", "no sign proof")
        require(f.terms[min(f.terms)] > 0, "a summand is negative")
        for order in real_branch_orders(child):
            multiplicity = order / part.factors[0].exponent
            require(multiplicity.denominator == 1 and multiplicity % 2 == 0, "a sign change")


RULES: dict[str, Checker] = {
    "polynomial": check_polynomial,
    "independent factors": check_factors,
    "independent summands": check_summands,
    "monomial germ": check_monomial,
    "best bounds": check_best,
}
