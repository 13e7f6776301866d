"""All real solutions of plane polynomial systems that have finitely many."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count

from theory.meter import charge
from theory.solver.plane.field import Number, is_rational
from theory.solver.plane.roots import (
    Poly,
    common,
    derivative,
    divide,
    monic,
    nonzero_real_roots,
    rational_parts,
    root_field,
    trim,
    value_at,
)
from theory.stratification.components import Element, column, terms, uses
from theory.stratification.elimination import eliminated, shared_part
from theory.stratification.points import AlgebraicPoint, point_of, value_at_point


def common_zeros(system: Sequence[Element], names: Sequence[str]) -> list[AlgebraicPoint]:
    """Return the real common zeros of polynomials in two variables without common factor.

    For a linear form ``t = x + s y`` resultants in y have the values of t at all zeros among
    their common roots. Over the field of such a real root, the common divisor in y gives the zero
    above it; if there are several, t does not separate them and the next s is tried.
    """
    kept = [f for f in system if f]
    if any(f.is_ground for f in kept):
        return []
    kept = list(_coprime_pair(kept)) + kept
    for s in _shears():
        points = _over_shear(kept, s, names)
        if points is not None:
            return [
                point for point in points if all(not value_at_point(terms(f), point) for f in kept)
            ]
    raise AssertionError("all but finitely many linear forms separate finitely many points")


def rational_roots(poly: Sequence[int | Fraction]) -> list[Fraction]:
    """Return the rational roots of a polynomial, the constant coefficient first."""
    parts = [part for part, _ in rational_parts(poly) if len(part) == 2]
    return sorted(Fraction(-int(part[0])) / int(part[1]) for part in _whole(parts))


def real_numbers(poly: Sequence[int | Fraction]) -> list[Number]:
    """Return the real roots of a polynomial with rational coefficients as numbers."""
    return [
        root_field(part, root)[1]
        for part, _ in rational_parts(poly)
        for root in nonzero_real_roots(part)
    ]


def line(f: Element, index: int, at: Number) -> Poly:
    """Return f with the other variable at a number, as a polynomial in this one."""
    return trim([value_at([*_univariate(c, 1 - index)], at) for c in column(f, index)])


def _whole(parts: Sequence[Poly]) -> list[list[int]]:
    return [[int(c) for c in part if is_rational(c)] for part in parts]


def _shears() -> Iterator[int]:
    yield 0
    for s in count(1):
        yield s
        yield -s


def _coprime_pair(system: Sequence[Element]) -> tuple[Element, Element]:
    first = system[0]
    for c in count(1):
        second = sum((c**i * f for i, f in enumerate(system[1:])), first.ring.zero)
        if first.gcd(second).is_ground:
            return first, second
    raise AssertionError("generic combinations are coprime to the first polynomial")


def _over_shear(
    system: Sequence[Element], s: int, names: Sequence[str]
) -> list[AlgebraicPoint] | None:
    """Return the common zeros of the first two, if ``x + s y`` tells those of all apart."""
    x, y = system[0].ring.gens
    if s:
        system = [f.compose(x, x - s * y) for f in system]
    first, second = system[:2]
    if not uses(first, 1) and not uses(second, 1):
        return []
    points: list[AlgebraicPoint] = []
    for part, _ in rational_parts(_eliminated(system)):
        for root in nonzero_real_roots(part):
            charge(20 * len(part))
            field, theta = root_field(part, root)
            left, right = line(first, 1, theta), line(second, 1, theta)
            shared = common(left, right) if left and right else monic(left or right)
            if len(shared) == 1:
                continue
            if field is None:
                heights = real_numbers([c for c in shared if is_rational(c)])
            else:
                reduced = divide(shared, common(shared, derivative(shared)))[0]
                if len(reduced) > 2:
                    return None
                heights = [-monic(reduced)[0]]
            points += [point_of(names, (theta - s * height, height)) for height in heights]
    return points


def _eliminated(system: Sequence[Element]) -> list[Fraction]:
    """Return the common divisor of resultants in the second variable, not zero."""
    first, *others = sorted(system, key=lambda f: not uses(f, 1))
    resultants = [_univariate(f, 0) for f in system if not uses(f, 1)]
    resultants += [eliminated(first, f) for f in others if uses(f, 1)]
    return shared_part([line for line in resultants if line])


def _univariate(f: Element, index: int) -> list[Fraction]:
    """Return the coefficients of a polynomial in one of the variables, the constant one first."""
    coefficients = {e[index]: c for e, c in terms(f).items()}
    return [coefficients.get(k, Fraction(0)) for k in range(max(coefficients, default=-1) + 1)]
