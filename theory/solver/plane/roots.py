"""Univariate polynomials over a real number field: gcd, squarefree parts, real roots.

A polynomial is a list of coefficients, the constant one first and the last one not zero.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd as integer_gcd
from math import lcm
from typing import NamedTuple

from theory.algebra.sympy_untyped import SYMPY, dup_factor_list
from theory.solver.plane.field import Number, NumberField, inverse, is_rational, sign

Poly = list[Number]


class Root(NamedTuple):
    """A real root: equal ends are the root itself, others isolate it in the open interval."""

    lo: Fraction
    hi: Fraction


def trim(poly: Poly) -> Poly:
    """Drop leading zeros."""
    while poly and not poly[-1]:
        poly.pop()
    return poly


def multiply(left: Poly, right: Poly) -> Poly:
    """Return the product."""
    if not left or not right:
        return []
    result: Poly = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        if a:
            for j, b in enumerate(right):
                result[i + j] += a * b
    return result


def derivative(poly: Poly) -> Poly:
    """Return the derivative."""
    return [i * c for i, c in enumerate(poly)][1:]


def monic(poly: Poly) -> Poly:
    """Return the polynomial divided by its leading coefficient."""
    scale = inverse(poly[-1])
    return [c * scale for c in poly]


def divide(top: Poly, bottom: Poly) -> tuple[Poly, Poly]:
    """Return quotient and remainder."""
    scale = inverse(bottom[-1])
    rest = list(top)
    quotient: Poly = [0] * max(len(top) - len(bottom) + 1, 0)
    for shift in range(len(top) - len(bottom), -1, -1):
        ratio = rest[shift + len(bottom) - 1] * scale
        if ratio:
            quotient[shift] = ratio
            for i, c in enumerate(bottom):
                rest[shift + i] -= ratio * c
    return quotient, trim(rest[: len(bottom) - 1])


def common(left: Poly, right: Poly) -> Poly:
    """Return the monic greatest common divisor."""
    while right:
        # Monic remainders keep the coefficients of the chain small.
        left, right = right, divide(left, right)[1]
        right = monic(right) if right else right
    return monic(left)


def squarefree_parts(poly: Poly) -> list[tuple[Poly, int]]:
    """Return the squarefree factors of degree one or more with their multiplicities (Yun)."""
    slope = derivative(poly)
    shared = common(poly, slope)
    rest, slope = divide(poly, shared)[0], divide(slope, shared)[0]
    parts = []
    multiplicity = 1
    while len(rest) > 1:
        slope = trim([a - b for a, b in _padded(slope, derivative(rest))])
        part = common(rest, slope) if slope else monic(rest)
        if len(part) > 1:
            parts.append((part, multiplicity))
        rest = divide(rest, part)[0]
        slope = divide(slope, part)[0] if slope else []
        multiplicity += 1
    return parts


def rational_parts(poly: Sequence[int | Fraction]) -> list[tuple[Poly, int]]:
    """Return the irreducible factors over the rationals with their multiplicities."""
    whole = primitive(poly)
    _, parts = dup_factor_list([SYMPY.ZZ(c) for c in reversed(whole)], SYMPY.ZZ)
    return [([int(c) for c in reversed(part)], int(power)) for part, power in parts]


def primitive(poly: Sequence[int | Fraction]) -> list[int]:
    """Return the integer multiple without common factor."""
    scale = lcm(*(c.denominator for c in poly))
    whole = [int(c * scale) for c in poly]
    shared = integer_gcd(*whole)
    return [c // shared for c in whole]


def nonzero_real_roots(poly: Poly) -> list[Root]:
    """Return the real roots of a squarefree polynomial with ``poly(0) != 0``, in order."""
    if len(poly) == 2 and is_rational(poly[0]) and is_rational(poly[1]):
        exact = Fraction(-poly[0]) / poly[1]
        return [Root(exact, exact)]
    mirrored = [-c if i % 2 else c for i, c in enumerate(poly)]
    negative = [Root(-r.hi, -r.lo) for r in reversed(_positive_roots(mirrored))]
    return [_clear(poly, root) for root in negative + _positive_roots(poly)]


def _clear(poly: Poly, root: Root) -> Root:
    """Shrink an interval until none of its ends is another root."""
    while root.lo < root.hi and not (value_at(poly, root.lo) and value_at(poly, root.hi)):
        root = refine(poly, root)
    return root


def refine(poly: Poly, root: Root) -> Root:
    """Return at most half of the interval of a root of a squarefree polynomial."""
    if root.lo == root.hi:
        return root
    middle = (root.lo + root.hi) / 2
    here = sign(value_at(poly, middle))
    if here == 0:
        return Root(middle, middle)
    # The lower end may be a root itself; the sign just right of it is that of the first
    # derivative that does not vanish, here at most the first.
    start = sign(value_at(poly, root.lo)) or sign(value_at(derivative(poly), root.lo))
    return Root(middle, root.hi) if here == start else Root(root.lo, middle)


def value_at(poly: Poly, point: Number) -> Number:
    """Return the value by Horner's rule."""
    total: Number = 0
    for coefficient in reversed(poly):
        total = total * point + coefficient
    return total


def shifted(poly: Sequence[Number], by: Number) -> Poly:
    """Return the coefficients of ``poly(x + by)``."""
    result = list(poly)
    for start in range(len(result) - 1):
        for i in range(len(result) - 2, start - 1, -1):
            result[i] += by * result[i + 1]
    return result


def root_field(poly: Poly, root: Root) -> tuple[NumberField | None, Number]:
    """Return the field of a root of an irreducible rational polynomial, and the root in it."""
    if len(poly) == 2:
        return None, -poly[0] * inverse(poly[1])
    field = NumberField([c for c in monic(poly) if is_rational(c)], root.lo, root.hi)
    return field, field.generator()


def _positive_roots(poly: Poly) -> list[Root]:
    """Isolate by bisection and Descartes' rule on ``(0, bound)``, bound a power of two."""
    signs = [sign(c) for c in poly]
    if _changes(signs) == 0:
        return []
    bound = _root_bound(poly)
    scaled = [c * bound**i for i, c in enumerate(poly)]
    roots: list[Root] = []
    work = [(scaled, Fraction(0), bound)]
    while work:
        part, lo, width = work.pop()
        count = _changes([sign(c) for c in shifted(part[::-1], 1)])
        if count == 0:
            continue
        if count == 1:
            roots.append(Root(lo, lo + width))
            continue
        degree = len(part) - 1
        left = [c * 2 ** (degree - i) for i, c in enumerate(part)]
        right = shifted(left, 1)
        middle = lo + width / 2
        if not right[0]:
            roots.append(Root(middle, middle))
            right = right[1:]
        work += [(right, middle, width / 2), (left, lo, width / 2)]
    return sorted(roots)


def _root_bound(poly: Poly) -> Fraction:
    """Return a power of two above all positive roots (Cauchy)."""
    lead = sign(poly[-1])
    bound = Fraction(1)
    while True:
        # All coefficients of poly(x + bound) of one sign: no root to the right of the bound, and
        # none at it if the constant coefficient is not zero.
        moved = shifted(poly, bound)
        if moved[0] and all(sign(c) in (0, lead) for c in moved):
            return bound
        bound *= 2


def _changes(signs: Sequence[int]) -> int:
    seen = [s for s in signs if s]
    return sum(a != b for a, b in pairwise(seen))


def _padded(left: Poly, right: Poly) -> list[tuple[Number, Number]]:
    size = max(len(left), len(right))
    return list(
        zip(left + [0] * (size - len(left)), right + [0] * (size - len(right)), strict=True)
    )
