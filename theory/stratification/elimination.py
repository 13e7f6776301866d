"""Resultants of polynomials in two variables by interpolation."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import count

from theory.algebra.sympy_untyped import SYMPY
from theory.meter import charge
from theory.stratification.components import Element, column, terms

Line = list[Fraction]


def eliminated(f: Element, g: Element) -> Line:
    """Return the resultant in the second variable as coefficients in the first, constant first.

    Its values at enough integers determine it; those where a leading coefficient vanishes are
    left out, because there the resultant of the lines is another one.
    """
    (fx, fy), (gx, gy) = _degrees(f), _degrees(g)
    size = min(fx * gy + gx * fy, _total(f) * _total(g)) + 1
    rows, others = _rows(f), _rows(g)
    places: list[Fraction] = []
    values: list[Fraction] = []
    for k in count():
        if len(places) == size:
            break
        place = Fraction(-(k // 2) - 1 if k % 2 else k // 2)
        charge(20)
        one = [_horner(row, place) for row in rows]
        two = [_horner(row, place) for row in others]
        if one[-1] and two[-1]:
            places.append(place)
            values.append(_resultant(one, two))
    return _interpolated(places, values)


def shared_part(polynomials: Sequence[Line]) -> Line:
    """Return the greatest common divisor of polynomials in one variable that are not zero."""
    t = SYMPY.Symbol("t")
    total = SYMPY.Poly(0, t, domain=SYMPY.QQ)
    for line in polynomials:
        coefficients = [SYMPY.QQ(c.numerator, c.denominator) for c in reversed(line)]
        total = total.gcd(SYMPY.Poly.from_list(coefficients, t, domain=SYMPY.QQ))
    return [Fraction(int(c.p), int(c.q)) for c in reversed(total.all_coeffs())]


def _degrees(f: Element) -> tuple[int, int]:
    return max(e[0] for e in f.keys()), max(e[1] for e in f.keys())


def _total(f: Element) -> int:
    return int(max(map(sum, f.keys())))


def _rows(f: Element) -> list[Line]:
    """Return the coefficients of the powers of the second variable as polynomials."""
    rows = []
    for part in column(f, 1):
        powers = {e[0]: c for e, c in terms(part).items()}
        rows.append([powers.get(k, Fraction(0)) for k in range(max(powers, default=-1) + 1)])
    return rows


def _horner(line: Line, place: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(line):
        total = total * place + c
    return total


def _resultant(one: Line, two: Line) -> Fraction:
    """Return the resultant of two polynomials with nonzero leading coefficients (Euclid)."""
    result = Fraction(1)
    while len(two) > 1:
        m, n = len(one) - 1, len(two) - 1
        rest = list(one)
        while len(rest) >= len(two):
            ratio = rest[-1] / two[-1]
            shift = len(rest) - len(two)
            for i, c in enumerate(two[:-1]):
                rest[shift + i] -= ratio * c
            rest.pop()
            while rest and not rest[-1]:
                rest.pop()
        if not rest:
            return Fraction(0)
        result *= (-1) ** (m * n) * two[-1] ** (m - len(rest) + 1)
        one, two = two, rest
    return result * two[0] ** (len(one) - 1)


def _interpolated(places: Sequence[Fraction], values: Sequence[Fraction]) -> Line:
    """Return the polynomial with these values by divided differences."""
    table = list(values)
    for level in range(1, len(places)):
        for i in range(len(places) - 1, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (places[i] - places[i - level])
    result: Line = []
    for place, c in zip(reversed(places), reversed(table), strict=True):
        result = [Fraction(0), *result]
        for i in range(len(result) - 1):
            result[i] -= place * result[i + 1]
        result[0] += c
    while result and not result[-1]:
        result.pop()
    return result
