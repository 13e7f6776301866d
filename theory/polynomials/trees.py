"""Trees of polynomial expressions, which keep the structure that was written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, prod
from typing import final

MAX_DIGITS = 1_000


@final
@dataclass(frozen=True, slots=True)
class Number:
    """A rational constant."""

    value: Fraction


@final
@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of two or more terms."""

    terms: tuple["Tree", ...]


@final
@dataclass(frozen=True, slots=True)
class Product:
    """A product of two or more factors."""

    factors: tuple["Tree", ...]


@final
@dataclass(frozen=True, slots=True)
class Power:
    """A power with a natural exponent."""

    base: "Tree"
    exponent: int


Tree = Number | Symbol | Sum | Product | Power


def sum_of(terms: Sequence[Tree], digits: int = MAX_DIGITS) -> Tree:
    """Return the sum of one or more trees; a sum of constants is a number.

    Raises:
        ValueError: If the number may have more than so many digits.
    """
    if len(terms) == 1:
        return terms[0]
    values = [tree.value for tree in terms if isinstance(tree, Number)]
    if len(values) < len(terms):
        return Sum(tuple(terms))
    below = 1
    for value in values:
        below = lcm(below, value.denominator)
        _check_bits(below.bit_length(), digits)
    _check_bits(max(map(_bits, values)) + len(values).bit_length(), digits)
    return Number(Fraction(sum(v.numerator * (below // v.denominator) for v in values), below))


def product(factors: Sequence[Tree], digits: int = MAX_DIGITS) -> Tree:
    """Return the product of one or more trees, its numbers multiplied to one in front.

    Raises:
        ValueError: If the number may have more than so many digits.
    """
    values = [tree.value for tree in factors if isinstance(tree, Number)]
    if len(values) > 1:
        _check_bits(sum(_bits(value) for value in values if abs(value) != 1), digits)
        rest = [tree for tree in factors if not isinstance(tree, Number)]
        factors = [Number(prod(values, start=Fraction(1))), *rest]
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def power(base: Tree, exponent: int, digits: int = MAX_DIGITS) -> Tree:
    """Return a power with a natural exponent; that of a number is a number, ``0^0`` is 1.

    Raises:
        ValueError: If the number may have more than so many digits.
    """
    match base:
        case Number(value):
            if abs(value) > 1 or value.denominator > 1:
                _check_bits(exponent * _bits(value), digits)
            return Number(value**exponent if value or not exponent else value)
    return Power(base, exponent)


def number(value: Fraction, digits: int = MAX_DIGITS) -> Tree:
    """Return a constant.

    Raises:
        ValueError: If it may have more than so many digits.
    """
    _check_bits(_bits(value), digits)
    return Number(value)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _check_bits(bits: int, digits: int) -> None:
    # A digit is less than four bits.
    if bits > 4 * digits:
        raise ValueError(f"a number has more than {digits} digits")


def names(tree: Tree) -> tuple[str, ...]:
    """Return the variables of a tree in the order of their first occurrence."""
    return tuple(dict.fromkeys(_walk_names(tree)))


def _walk_names(tree: Tree) -> Iterator[str]:
    match tree:
        case Symbol(name):
            yield name
        case Sum(parts) | Product(parts):
            for part in parts:
                yield from _walk_names(part)
        case Power(base, _):
            yield from _walk_names(base)
        case Number():
            pass


def degree_bound(tree: Tree) -> int:
    """Return an upper bound of the total degree, read off without expanding."""
    match tree:
        case Number():
            return 0
        case Symbol():
            return 1
        case Sum(terms):
            return max(map(degree_bound, terms))
        case Product(factors):
            return sum(map(degree_bound, factors))
        case Power(base, exponent):
            return degree_bound(base) * exponent


def constant(tree: Tree) -> Fraction | None:
    """Return the value of a tree without variables, None if it has some."""
    match tree:
        case Number(value):
            return value
        case Symbol():
            return None
        case Power(base, exponent):
            inner = constant(base)
            return None if inner is None else inner**exponent
        case Sum(parts) | Product(parts):
            values = [constant(part) for part in parts]
            total = Fraction(isinstance(tree, Product))
            for item in values:
                if item is None:
                    return None
                total = total * item if isinstance(tree, Product) else total + item
            return total


def show(tree: Tree) -> str:
    """Return text that `read` turns into a tree of the same value and structure."""
    match tree:
        case Number(value):
            return str(value) if value >= 0 and value.denominator == 1 else f"({value})"
        case Symbol(name):
            return name
        case Power(base, exponent):
            text = show(base)
            return f"{text if isinstance(base, Symbol) else f'({text})'}^{exponent}"
        case Product(factors):
            return "*".join(f"({show(f)})" if isinstance(f, Sum) else show(f) for f in factors)
        case Sum(terms):
            return " + ".join(map(show, terms))
