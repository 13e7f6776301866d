"""Real number fields Q(alpha): exact arithmetic, exact signs."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeGuard, final

Rational = int | Fraction


@final
class NumberField:
    """The field of a real root of an irreducible polynomial over the rationals.

    Attributes:
        minimal: Coefficients of the monic minimal polynomial, the constant one first.
        lo: Lower end of an interval that contains this root and no other.
        hi: Upper end. The interval shrinks when a sign needs it, the root stays the same.
    """

    __slots__ = ("hi", "lo", "minimal")

    def __init__(self, minimal: Sequence[Rational], lo: Fraction, hi: Fraction) -> None:
        """Take a monic irreducible polynomial of degree two or more, and an interval."""
        self.minimal = tuple(map(Fraction, minimal))
        self.lo = lo
        self.hi = hi

    @property
    def degree(self) -> int:
        """Return the degree over the rationals."""
        return len(self.minimal) - 1

    def generator(self) -> "Algebraic":
        """Return alpha."""
        return Algebraic(self, (Fraction(0), Fraction(1)))

    def refine(self) -> None:
        """Halve the isolating interval."""
        middle = (self.lo + self.hi) / 2
        # An irreducible polynomial of degree two or more has no rational root.
        if (_evaluate(self.minimal, middle) > 0) == (_evaluate(self.minimal, self.lo) > 0):
            self.lo = middle
        else:
            self.hi = middle

    def reduce(self, coefficients: Sequence[Fraction]) -> "Number":
        """Return the element with these coefficients in powers of alpha."""
        rest = list(coefficients)
        for top in range(len(rest) - 1, self.degree - 1, -1):
            lead = rest.pop()
            if lead:
                for i, coefficient in enumerate(self.minimal[:-1]):
                    if coefficient:
                        rest[top - self.degree + i] -= lead * coefficient
        while rest and not rest[-1]:
            rest.pop()
        if len(rest) <= 1:
            return rest[0] if rest else 0
        return Algebraic(self, tuple(rest))


@final
class Algebraic:
    """An irrational element of a field; rational results collapse to plain rationals.

    Attributes:
        field: Where it lives.
        coefficients: In powers of alpha, the constant one first, the last one not zero.
    """

    __slots__ = ("coefficients", "field")

    def __init__(self, field: NumberField, coefficients: tuple[Fraction, ...]) -> None:
        """Take coefficients that are already reduced."""
        self.field = field
        self.coefficients = coefficients

    def __add__(self, other: "Number") -> "Number":
        mine = list(self.coefficients)
        if not isinstance(other, Algebraic):
            mine[0] += other
            return Algebraic(self.field, tuple(mine))
        theirs = other.coefficients
        if len(theirs) > len(mine):
            mine += [Fraction(0)] * (len(theirs) - len(mine))
        for i, coefficient in enumerate(theirs):
            mine[i] += coefficient
        return self.field.reduce(mine)

    __radd__ = __add__

    def __neg__(self) -> "Algebraic":
        return Algebraic(self.field, tuple(-c for c in self.coefficients))

    def __sub__(self, other: "Number") -> "Number":
        return self + (-other)

    def __rsub__(self, other: Rational) -> "Number":
        return -self + other

    def __mul__(self, other: "Number") -> "Number":
        if not isinstance(other, Algebraic):
            if not other:
                return 0
            return Algebraic(self.field, tuple(c * other for c in self.coefficients))
        product = [Fraction(0)] * (len(self.coefficients) + len(other.coefficients) - 1)
        for i, a in enumerate(self.coefficients):
            if a:
                for j, b in enumerate(other.coefficients):
                    product[i + j] += a * b
        return self.field.reduce(product)

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Algebraic)
            and other.field is self.field
            and other.coefficients == self.coefficients
        )

    def __hash__(self) -> int:
        return hash(self.coefficients)

    def inverse(self) -> "Number":
        """Return 1 over the element, by the extended Euclidean algorithm."""
        r0, r1 = list(self.field.minimal), list(self.coefficients)
        s0, s1 = [Fraction(0)], [Fraction(1)]
        while len(r1) > 1:
            while len(r0) >= len(r1):
                shift = len(r0) - len(r1)
                ratio = r0[-1] / r1[-1]
                for i, c in enumerate(r1):
                    r0[i + shift] -= ratio * c
                s0 += [Fraction(0)] * (len(s1) + shift - len(s0))
                for i, c in enumerate(s1):
                    s0[i + shift] -= ratio * c
                while not r0[-1]:
                    r0.pop()
            r0, r1, s0, s1 = r1, r0, s1, s0
        return self.field.reduce([c / r1[0] for c in s1])

    def sign(self) -> int:
        """Return 1 or -1; the element is irrational, so it is not zero."""
        while True:
            lo, hi = _interval(self.coefficients, self.field.lo, self.field.hi)
            if lo > 0:
                return 1
            if hi < 0:
                return -1
            self.field.refine()


Number = int | Fraction | Algebraic


def is_rational(value: Number) -> TypeGuard[Rational]:
    """Return whether a number is rational, which its type shows."""
    return not isinstance(value, Algebraic)


def inverse(value: Number) -> Number:
    """Return 1 over a number that is not zero."""
    return value.inverse() if isinstance(value, Algebraic) else 1 / Fraction(value)


def sign(value: Number) -> int:
    """Return the exact sign of a number."""
    return value.sign() if isinstance(value, Algebraic) else (value > 0) - (value < 0)


def bracket(value: Number) -> tuple[Fraction, Fraction]:
    """Return an interval that contains a number, as tight as its field is refined."""
    if isinstance(value, Algebraic):
        return _interval(value.coefficients, value.field.lo, value.field.hi)
    return Fraction(value), Fraction(value)


def bits(value: Number) -> int:
    """Return the length of the largest numerator or denominator in bits."""
    if isinstance(value, Algebraic):
        return max(map(bits, value.coefficients))
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def powers(value: Number, count: int) -> list[Number]:
    """Return the powers of a number from the zeroth on."""
    result: list[Number] = [1]
    for _ in range(count - 1):
        result.append(result[-1] * value)
    return result


def _evaluate(coefficients: Sequence[Rational], point: Fraction) -> Fraction:
    total = Fraction(0)
    for coefficient in reversed(coefficients):
        total = total * point + coefficient
    return total


def _interval(
    coefficients: Sequence[Fraction], lo: Fraction, hi: Fraction
) -> tuple[Fraction, Fraction]:
    low = high = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        ends = (low * lo, low * hi, high * lo, high * hi)
        low, high = min(ends) + coefficient, max(ends) + coefficient
    return low, high
