"""Trees of polynomial expressions, which keep the structure that was written."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import final


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
