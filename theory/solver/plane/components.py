"""A plane germ as a product of squarefree curves without common components."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.algebra.sympy_untyped import SYMPY
from theory.polynomials.expression import Exponents, Polynomial
from theory.polynomials.germ import Germ
from theory.solver.plane.charts import Exponent
from theory.solver.plane.modular import clearly_coprime, clearly_squarefree
from theory.solver.plane.roots import primitive

_X, _Y = SYMPY.symbols("x y")
Whole = dict[Exponent, int]


class CurvePower(NamedTuple):
    """``|f|^exponent`` with a polynomial f with coprime integer coefficients."""

    curve: Whole
    exponent: Fraction


def raw(germ: Germ) -> list[CurvePower]:
    """Return one curve per factor, neither squarefree nor coprime: a sum of squares per ideal."""
    parts = []
    for factor in germ.factors:
        curves = _whole(factor.generators)
        if len(curves) == 1:
            parts.append(CurvePower(curves[0], factor.exponent))
        else:
            parts.append(CurvePower(_normal(_sum_of_squares(curves)), factor.exponent / 2))
    return parts


def split(germ: Germ) -> list[CurvePower]:
    """Return squarefree, pairwise coprime curves whose product is K up to a constant.

    An ideal ``|J|^c`` becomes ``|h|^c (sum (g_i / h)^2)^(c/2)`` with h the common divisor.
    Monomials ``x`` and ``y`` are left in place.
    """
    components: list[CurvePower] = []
    for factor in germ.factors:
        curves = _whole(factor.generators)
        shared = _normal(curves[0])
        for curve in curves[1:]:
            shared = _gcd(shared, curve)
        if len(curves) == 1 or max(map(sum, shared)) > 0:
            components.append(CurvePower(shared, factor.exponent))
        if len(curves) > 1:
            rest = [_quotient(curve, shared) for curve in curves]
            components.append(CurvePower(_normal(_sum_of_squares(rest)), factor.exponent / 2))
    parts: list[CurvePower] = []
    for component in components:
        for curve, power in _squarefree(component.curve):
            parts = _insert(parts, CurvePower(curve, component.exponent * power))
    return sorted(parts, key=lambda part: sorted(part.curve.items()))


def _insert(parts: list[CurvePower], new: CurvePower) -> list[CurvePower]:
    """Keep the parts coprime: common divisors collect both exponents."""
    result: list[CurvePower] = []
    for position, (curve, exponent) in enumerate(parts):
        shared = _gcd(curve, new.curve)
        if max(map(sum, shared)) == 0:
            result.append(parts[position])
            continue
        rest = _quotient(curve, shared)
        if max(map(sum, rest)) > 0:
            result.append(CurvePower(rest, exponent))
        result.append(CurvePower(shared, exponent + new.exponent))
        new = CurvePower(_quotient(new.curve, shared), new.exponent)
        if max(map(sum, new.curve)) == 0:
            return result + parts[position + 1 :]
    return [*result, new]


def _squarefree(curve: Whole) -> list[tuple[Whole, int]]:
    if max(map(sum, curve)) == 0:
        return []
    # A monomial factor is taken out first: powers of it would defeat the quick test.
    i0, j0 = min(i for i, _ in curve), min(j for _, j in curve)
    rest = {(i - i0, j - j0): c for (i, j), c in curve.items()}
    parts: list[tuple[Whole, int]] = []
    if i0:
        parts.append(({(1, 0): 1}, i0))
    if j0:
        parts.append(({(0, 1): 1}, j0))
    if max(map(sum, rest)) == 0:
        return parts
    if clearly_squarefree(rest):
        return [*parts, (rest, 1)]
    _, factors = _sympy(rest).sqf_list()
    return parts + [(_from_sympy(part), int(power)) for part, power in factors]


def _gcd(left: Whole, right: Whole) -> Whole:
    if clearly_coprime(left, right):
        return {(0, 0): 1}
    return _from_sympy(_sympy(left).gcd(_sympy(right)))


def _quotient(top: Whole, bottom: Whole) -> Whole:
    """Return an exact quotient by a primitive curve; the quotient has integer coefficients."""
    if max(map(sum, bottom)) == 0:
        return dict(top)
    quotient = _sympy(top).exquo(_sympy(bottom))
    return {(int(i), int(j)): int(c) for (i, j), c in quotient.terms()}


def _sum_of_squares(curves: Sequence[Whole]) -> Whole:
    total: Whole = {}
    for curve in curves:
        items = list(curve.items())
        for (i, j), a in items:
            for (k, m), b in items:
                key = (i + k, j + m)
                total[key] = total.get(key, 0) + a * b
    return {e: c for e, c in total.items() if c}


def _whole(generators: Sequence[Polynomial]) -> list[Whole]:
    """Return integer multiples, all by the same factor, so that sums of squares stay right."""
    kept = [g for g in generators if g.terms]
    scaled = iter(primitive([c for g in kept for c in g.terms.values()]))
    return [{_pair(e): next(scaled) for e in g.terms} for g in kept]


def _pair(exponents: Exponents) -> Exponent:
    first, second = exponents
    return first, second


def _normal(curve: Whole) -> Whole:
    scaled = primitive(list(curve.values()))
    return dict(zip(curve, scaled, strict=True))


def _sympy(curve: Whole) -> Any:
    return SYMPY.Poly.from_dict(dict(curve), _X, _Y, domain=SYMPY.QQ)


def _from_sympy(poly: Any) -> Whole:
    terms = {(int(i), int(j)): Fraction(int(c.p), int(c.q)) for (i, j), c in poly.terms()}
    return dict(zip(terms, primitive(list(terms.values())), strict=True))
