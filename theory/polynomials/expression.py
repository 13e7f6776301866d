"""Polynomials with rational coefficients, read from text without evaluating it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from math import lcm
from operator import add, mul
from typing import final

from theory.meter import check_time
from theory.polynomials.characters import quoted
from theory.polynomials.grammar import MAX_DEGREE, read
from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree, degree_bound

MAX_TERMS = 20_000
MAX_PRODUCTS = 400_000
# The clock is looked at for every row of a product with longer rows.
LONG = 1_000
# Text up to this length is remembered with its polynomial.
SHORT = 500

Exponents = tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Polynomial:
    """A polynomial as a sparse sum of monomials, exact and immutable.

    Attributes:
        variables: Names, in the order of the exponents.
        terms: Nonzero coefficients by exponent vector.
    """

    variables: tuple[str, ...]
    terms: Mapping[Exponents, Fraction]

    @property
    def degree(self) -> int:
        """Return the total degree, 0 for the zero polynomial."""
        return max((sum(exponents) for exponents in self.terms), default=0)

    def derivative(self, index: int) -> "Polynomial":
        """Return the partial derivative with respect to one variable."""
        terms = {
            _lower(exponents, index): coefficient * exponents[index]
            for exponents, coefficient in self.terms.items()
            if exponents[index]
        }
        return Polynomial(self.variables, terms)

    def __call__(self, point: Sequence[Fraction | int]) -> Fraction:
        """Return the exact value at a rational point."""
        total = Fraction(0)
        for exponents, coefficient in self.terms.items():
            product = coefficient
            for value, exponent in zip(point, exponents, strict=True):
                product *= Fraction(value) ** exponent
            total += product
        return total

    def __add__(self, other: "Polynomial") -> "Polynomial":
        terms = dict(self.terms)
        for exponents, coefficient in other.terms.items():
            old = terms.get(exponents)
            terms[exponents] = coefficient if old is None else old + coefficient
        return Polynomial(self.variables, {e: c for e, c in terms.items() if c})

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        if len(self.terms) * len(other.terms) > MAX_PRODUCTS:
            raise ValueError("polynomial is too large to multiply out; split it into factors")
        if self.terms and other.terms and len(self.variables) != len(other.variables):
            raise ValueError("factors in different variables")
        (left, below), (right, under) = _integers(self.terms), _integers(other.terms)
        terms: dict[Exponents, int] = {}
        check_time()
        for e, a in left:
            if len(right) > LONG:
                check_time()
            for d, b in right:
                key = tuple(map(add, e, d))
                terms[key] = terms.get(key, 0) + a * b
        if len(terms) > MAX_TERMS:
            raise ValueError(f"polynomial has more than {MAX_TERMS} terms; split it into factors")
        scale = below * under
        return Polynomial(self.variables, {e: Fraction(c, scale) for e, c in terms.items() if c})

    def __pow__(self, power: int) -> "Polynomial":
        if len(self.terms) == 1:
            ((exponents, coefficient),) = self.terms.items()
            return Polynomial(
                self.variables, {tuple(k * power for k in exponents): coefficient**power}
            )
        result = _constant(self.variables, Fraction(1))
        base = self
        while power:
            if power & 1:
                result = result * base
            power >>= 1
            if power:
                base = base * base
        return result


def _integers(terms: Mapping[Exponents, Fraction]) -> tuple[list[tuple[Exponents, int]], int]:
    """Return the terms times the common denominator, and that."""
    scale = lcm(*[c.denominator for c in terms.values()])
    return [(e, c.numerator * (scale // c.denominator)) for e, c in terms.items()], scale


def parse(text: str, variables: Sequence[str], room: int = 1) -> Polynomial:
    """Parse polynomial text over named variables.

    Accepts ``+ - * / ^ **``, parentheses, integers and rational constants such as ``3/2``; a
    decimal point is refused because a rounded coefficient changes the singularity.

    Args:
        text: For example ``"x^2*y - 3/2*(x + y)^3"``.
        variables: The admissible names, in the order of the exponents.
        room: Factor of the limits on size; more than 1 for text that a program wrote.

    Returns:
        The expanded polynomial.

    Raises:
        ValueError: If the text is not a polynomial with rational coefficients in these variables.
    """
    short = type(text) is str and len(text) <= SHORT
    return (_parse_again if short else _parse)(text, tuple(variables), room)


def _parse(text: str, names: tuple[str, ...], room: int) -> Polynomial:
    tree = read(text, room)
    try:
        return expand(tree, names, room)
    except ValueError as error:
        raise ValueError(f"{error} in {quoted(text)}") from None


# Proofs and the germs of a family repeat their polynomials many times.
_parse_again = lru_cache(maxsize=8192)(_parse)


def expand(tree: Tree, variables: Sequence[str], room: int = 1) -> Polynomial:
    """Multiply a tree out.

    Raises:
        ValueError: If it uses another variable, or its degree or its terms exceed the limits.
    """
    if degree_bound(tree) > room * MAX_DEGREE:
        raise ValueError(f"degree above {room * MAX_DEGREE}")
    return _expand(tree, tuple(variables))


def _expand(tree: Tree, names: tuple[str, ...]) -> Polynomial:
    check_time()
    match tree:
        case Number(value):
            return _constant(names, value)
        case Symbol(name):
            if name not in names:
                listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
                raise ValueError(f"unknown variable {quoted(name)}; expected one of {listed}")
            place = names.index(name)
            exponents = (*(0,) * place, 1, *(0,) * (len(names) - place - 1))
            return Polynomial(names, {exponents: Fraction(1)})
        case Power(base, exponent):
            return _expand(base, names) ** exponent
        case Sum(terms):
            total: dict[Exponents, Fraction] = {}
            for term in terms:
                for exponents, coefficient in _expand(term, names).terms.items():
                    old = total.get(exponents)
                    total[exponents] = coefficient if old is None else old + coefficient
            return Polynomial(names, {e: c for e, c in total.items() if c})
        case Product(factors):
            return reduce(mul, [_expand(factor, names) for factor in factors])


def write(polynomial: Polynomial) -> str:
    """Return text that `parse` reads back, the largest exponents first.

    Example: ``"x^2*y - 3/2*y + 1"``.
    """
    parts = []
    for exponents, coefficient in sorted(polynomial.terms.items(), reverse=True):
        powers = [
            name if exponent == 1 else f"{name}^{exponent}"
            for name, exponent in zip(polynomial.variables, exponents, strict=True)
            if exponent
        ]
        size = abs(coefficient)
        if size != 1 or not powers:
            powers.insert(0, str(size))
        parts += ["-" if coefficient < 0 else "+", "*".join(powers)]
    if not parts:
        return "0"
    return ("-" if parts[0] == "-" else "") + " ".join(parts[1:])


def _constant(names: tuple[str, ...], value: Fraction) -> Polynomial:
    return Polynomial(names, {(0,) * len(names): value} if value else {})


def _lower(exponents: Exponents, index: int) -> Exponents:
    return (*exponents[:index], exponents[index] - 1, *exponents[index + 1 :])
