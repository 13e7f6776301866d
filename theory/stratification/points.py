"""Real algebraic points: coordinates in one number field, and their canonical description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, final

from theory.polynomials.expression import Polynomial, write
from theory.solver.plane.field import Algebraic, Number, NumberField, bracket, is_rational, powers
from theory.solver.plane.roots import Root, nonzero_real_roots, primitive, refine

WIDTH = Fraction(1, 10**8)
DIGITS = 5


@final
@dataclass(frozen=True, slots=True)
class Coordinate:
    """A real algebraic number: the root of an irreducible polynomial in an interval.

    Attributes:
        minimal: Coprime integer coefficients, the constant one first, the last one positive.
        lo: Lower end of an interval that contains this root and no other.
        hi: Upper end, equal to the lower one if the number is rational.
    """

    minimal: tuple[int, ...]
    lo: Fraction
    hi: Fraction

    def __float__(self) -> float:
        return float((self.lo + self.hi) / 2)

    def __str__(self) -> str:
        return str(self.lo) if self.lo == self.hi else f"{float(self):.{DIGITS}f}"


@final
@dataclass(frozen=True, slots=True)
class AlgebraicPoint:
    """A real point with algebraic coordinates; equal points compare equal.

    Attributes:
        names: The variables.
        coordinates: Each as a root of its minimal polynomial.
        numbers: The same coordinates as elements of one number field.
    """

    names: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]
    numbers: tuple[Number, ...] = field(compare=False, repr=False)

    @property
    def rational(self) -> dict[str, Fraction] | None:
        """Return the coordinates by name, None if one of them is irrational."""
        if any(c.lo != c.hi for c in self.coordinates):
            return None
        return {n: c.lo for n, c in zip(self.names, self.coordinates, strict=True)}

    @property
    def field(self) -> NumberField | None:
        """Return the field of the coordinates, None for the rationals."""
        return next((x.field for x in self.numbers if isinstance(x, Algebraic)), None)

    def floats(self) -> tuple[float, ...]:
        """Return the coordinates in floating point."""
        return tuple(float(c) for c in self.coordinates)

    def __str__(self) -> str:
        """Return for example ``x = 1/2, y = 1.41421 (y^2 - 2)``."""
        return ", ".join(
            f"{n} = {c}" + (f" ({_equation(n, c)})" if c.lo < c.hi else "")
            for n, c in zip(self.names, self.coordinates, strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """Return rationals as text, other coordinates with polynomial and interval."""
        return {
            n: str(c.lo)
            if c.lo == c.hi
            else {"root_of": _equation(n, c), "interval": [str(c.lo), str(c.hi)]}
            for n, c in zip(self.names, self.coordinates, strict=True)
        }


def point_of(names: Sequence[str], numbers: Sequence[Number]) -> AlgebraicPoint:
    """Return the point with these coordinates, all rational or in one field."""
    return AlgebraicPoint(tuple(names), tuple(map(_located, numbers)), tuple(numbers))


def value_at_point(terms: Mapping[tuple[int, ...], Fraction], point: AlgebraicPoint) -> Number:
    """Return the exact value of a polynomial, given by its terms."""
    tables = [
        powers(x, 1 + max((e[i] for e in terms), default=0)) for i, x in enumerate(point.numbers)
    ]
    total: Number = 0
    for exponents, coefficient in terms.items():
        product: Number = coefficient
        for table, e in zip(tables, exponents, strict=True):
            product = product * table[e]
        total = total + product
    return total


def compare(value: Coordinate, bound: Fraction) -> int:
    """Return the sign of ``value - bound``."""
    root = Root(value.lo, value.hi)
    while root.lo < bound < root.hi:
        root = refine(list(value.minimal), root)
    if root.lo == root.hi:
        return (root.lo > bound) - (root.lo < bound)
    # The root is inside the open interval.
    return 1 if root.lo >= bound else -1


def _located(value: Number) -> Coordinate:
    if is_rational(value):
        exact = Fraction(value)
        return Coordinate((-exact.numerator, exact.denominator), exact, exact)
    assert isinstance(value, Algebraic)
    minimal = _minimal(value)
    roots = nonzero_real_roots(list(minimal))
    while True:
        lo, hi = bracket(value)
        near = [root for root in roots if root.lo <= hi and lo <= root.hi]
        if len(near) == 1:
            break
        value.field.refine()
        roots = [refine(list(minimal), root) for root in near]
    # Starting over makes the interval a function of the number alone.
    (chosen,) = [
        root
        for root in nonzero_real_roots(list(minimal))
        if root.lo <= near[0].lo and near[0].hi <= root.hi
    ]
    while chosen.hi - chosen.lo > WIDTH:
        chosen = refine(list(minimal), chosen)
    return Coordinate(minimal, chosen.lo, chosen.hi)


def _minimal(value: Algebraic) -> tuple[int, ...]:
    """Return the minimal polynomial: the first linear relation between powers."""
    size = value.field.degree
    rows: list[tuple[list[Fraction], list[Fraction]]] = []
    for index, power in enumerate(powers(value, size + 1)):
        vector = _vector(power, size)
        relation = [Fraction(0)] * index + [Fraction(1)]
        for pivot_row, pivot_relation in rows:
            pivot = next(i for i, c in enumerate(pivot_row) if c)
            if vector[pivot]:
                ratio = vector[pivot] / pivot_row[pivot]
                vector = [a - ratio * b for a, b in zip(vector, pivot_row, strict=True)]
                padded = pivot_relation + [Fraction(0)] * (index + 1 - len(pivot_relation))
                relation = [a - ratio * b for a, b in zip(relation, padded, strict=True)]
        if not any(vector):
            return tuple(primitive(relation))
        rows.append((vector, relation))
    raise AssertionError("a number of degree d satisfies a relation between d + 1 powers")


def _vector(value: Number, size: int) -> list[Fraction]:
    known = value.coefficients if isinstance(value, Algebraic) else (Fraction(value),)
    return [*known, *[Fraction(0)] * (size - len(known))]


def _equation(name: str, coordinate: Coordinate) -> str:
    terms: dict[tuple[int, ...], Fraction] = {
        (i,): Fraction(c) for i, c in enumerate(coordinate.minimal) if c
    }
    return write(Polynomial((name,), terms))
