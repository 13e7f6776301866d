"""Real number fields for the checkers: elements are polynomials in t, roots counted by Sturm."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, final

from theory.algebra.sympy_untyped import SYMPY
from theory.checker.base import require
from theory.polynomials.expression import parse
from theory.polynomials.germ import ROOM

Element = tuple[Fraction, ...]
Univariate = list[Element]

ZERO: Element = ()


def element(values: Sequence[Fraction | int]) -> Element:
    """Return coefficients in t without zeros at the end."""
    result = [Fraction(v) for v in values]
    while result and not result[-1]:
        result.pop()
    return tuple(result)


@final
class RealField:
    """``Q[t]/M`` with the real root of M in an interval; ``M = t`` gives the rationals."""

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        """Check that M is irreducible and that the interval isolates one of its roots."""
        self.lo = self.hi = Fraction(0)
        self.modulus = element((0, 1))
        if data is None:
            return
        self.modulus = self.read(data["minimal"], reduced=False)
        self.lo, self.hi = (Fraction(end) for end in data["interval"])
        require(len(self.modulus) > 2 and self.modulus[-1] == 1, "M is monic and not linear")
        rational = SYMPY.QQ
        values = [rational(c.numerator, c.denominator) for c in reversed(self.modulus)]
        poly = SYMPY.Poly(values, SYMPY.Symbol("t"), domain=rational)
        require(poly.is_irreducible, "M factors")
        ends = [rational(end.numerator, end.denominator) for end in (self.lo, self.hi)]
        require(self.lo < self.hi and poly.count_roots(*ends) == 1, "no single root")

    def read(self, text: str, reduced: bool = True) -> Element:
        """Return an element written as text in t."""
        terms = parse(text, ("t",), ROOM).terms
        degree = max((e[0] for e in terms), default=0)
        dense = [terms.get((k,), Fraction(0)) for k in range(degree + 1)]
        return self.reduce(dense) if reduced else element(dense)

    def reduce(self, values: Sequence[Fraction]) -> Element:
        """Return the remainder modulo M."""
        rest, size = list(values), len(self.modulus) - 1
        while len(rest) > size:
            lead = rest.pop()
            for k in range(size):
                rest[len(rest) - size + k] -= lead * self.modulus[k]
        return element(rest)

    def add(self, a: Element, b: Element) -> Element:
        """Return the sum."""
        size = max(len(a), len(b))
        return element([_at(a, k) + _at(b, k) for k in range(size)])

    def minus(self, a: Element) -> Element:
        """Return the negative."""
        return tuple(-c for c in a)

    def times(self, a: Element, b: Element) -> Element:
        """Return the product."""
        if not a or not b:
            return ZERO
        result = [Fraction(0)] * (len(a) + len(b) - 1)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                result[i + j] += x * y
        return self.reduce(result)

    def power(self, a: Element, exponent: int) -> Element:
        """Return a natural power."""
        result = element((1,))
        for _ in range(exponent):
            result = self.times(result, a)
        return result

    def inverse(self, a: Element) -> Element:
        """Solve ``a b = 1`` as linear equations for the coefficients of b."""
        size = len(self.modulus) - 1
        columns = [self.times(a, element([0] * k + [1])) for k in range(size)]
        rows = [[_at(c, i) for c in columns] + [Fraction(i == 0)] for i in range(size)]
        for pivot in range(size):
            swap = next(i for i in range(pivot, size) if rows[i][pivot])
            rows[pivot], rows[swap] = rows[swap], rows[pivot]
            head = rows[pivot][pivot]
            rows[pivot] = [v / head for v in rows[pivot]]
            for i in range(size):
                if i != pivot and rows[i][pivot]:
                    f = rows[i][pivot]
                    rows[i] = [v - f * w for v, w in zip(rows[i], rows[pivot], strict=True)]
        return element([row[-1] for row in rows])

    def sign(self, a: Element) -> int:
        """Return the sign of the real number that an element stands for."""
        if not a:
            return 0
        while True:
            low = high = Fraction(0)
            for c in reversed(a):
                ends = [x * y for x in (low, high) for y in (self.lo, self.hi)]
                low, high = min(ends) + c, max(ends) + c
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            middle = (self.lo + self.hi) / 2
            left, here = (_horner(self.modulus, x) > 0 for x in (self.lo, middle))
            self.lo, self.hi = (middle, self.hi) if left == here else (self.lo, middle)

    def value(self, poly: Univariate, at: Element) -> Element:
        """Return the value of a polynomial over the field."""
        total = ZERO
        for c in reversed(poly):
            total = self.add(self.times(total, at), c)
        return total

    def remainder(self, top: Univariate, bottom: Univariate) -> Univariate:
        """Return the remainder of polynomials over the field."""
        rest, scale = list(top), self.inverse(bottom[-1])
        while len(rest) >= len(bottom):
            ratio = self.minus(self.times(rest[-1], scale))
            shift = len(rest) - len(bottom)
            for i, c in enumerate(bottom):
                rest[shift + i] = self.add(rest[shift + i], self.times(ratio, c))
            while rest and not rest[-1]:
                rest.pop()
        return rest

    def product(self, left: Univariate, right: Univariate) -> Univariate:
        """Return the product of polynomials over the field."""
        result = [ZERO] * (len(left) + len(right) - 1)
        for i, a in enumerate(left):
            for j, b in enumerate(right):
                result[i + j] = self.add(result[i + j], self.times(a, b))
        return result

    def sturm(self, poly: Univariate) -> list[Univariate]:
        """Return the Sturm chain; it counts distinct roots, also of a polynomial with squares."""
        slope = [tuple(k * c for c in e) for k, e in enumerate(poly)][1:]
        chain = [poly, slope]
        while chain[-1]:
            rest = self.remainder(chain[-2], chain[-1])
            # A positive factor changes no sign and keeps the numbers small.
            size = abs(rest[-1][-1]) if rest else Fraction(1)
            chain.append([tuple(-c / size for c in e) for e in rest])
        return chain[:-1]

    def count(self, chain: list[Univariate], lo: Fraction, hi: Fraction) -> int:
        """Return the number of distinct roots in ``(lo, hi)``, of which neither is one."""
        totals = []
        for end in (lo, hi):
            values = [self.value(poly, element((end,))) for poly in chain]
            require(values[0], "an interval ends at a root")
            totals.append(_changes([self.sign(v) for v in values]))
        return totals[0] - totals[1]

    def count_all(self, chain: list[Univariate]) -> int:
        """Return the number of distinct real roots."""
        tops = [self.sign(poly[-1]) for poly in chain]
        left = [s * (-1) ** (len(poly) - 1) for s, poly in zip(tops, chain, strict=True)]
        return _changes(left) - _changes(tops)


def _at(a: Element, k: int) -> Fraction:
    return a[k] if k < len(a) else Fraction(0)


def _horner(values: Sequence[Fraction], at: Fraction) -> Fraction:
    total = Fraction(0)
    for c in reversed(values):
        total = total * at + c
    return total


def _changes(signs: Sequence[int]) -> int:
    seen = [s for s in signs if s]
    return sum(a != b for a, b in pairwise(seen))
