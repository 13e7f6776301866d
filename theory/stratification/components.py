"""Irreducible factors of K over the rationals, and the ideals of its sums of squares."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from theory.algebra.sympy_untyped import SYMPY
from theory.polynomials.expression import Polynomial, write
from theory.solver.input.structure import Structure

MAX_TEXT = 36
Element = Any
"""An element of a polynomial ring of SymPy, which has no types."""


@final
@dataclass(frozen=True, slots=True)
class IrreducibleFactor:
    """The factor ``|f|^exponent`` of K.

    Attributes:
        polynomial: f, irreducible over the rationals, with coprime integer coefficients.
        exponent: Its power in K.
        definite: Whether f divides a sum of squares without common factor: then its real zeros
            are common zeros of the generators.
    """

    polynomial: Element
    exponent: int
    definite: bool


@final
@dataclass(frozen=True, slots=True)
class Factorisation:
    """``K = constant * prod f^k``.

    Attributes:
        names: The variables.
        factors: Distinct irreducible factors in a fixed order.
        ideals: Generators without common factor, one list for every sum of squares.
    """

    names: tuple[str, ...]
    factors: tuple[IrreducibleFactor, ...]
    ideals: tuple[tuple[Element, ...], ...]


def components(reading: Structure, names: Sequence[str], squares: bool) -> Factorisation:
    """Return the irreducible factors; ``sum w g^2`` becomes ``h^2 sum w (g / h)^2``.

    Args:
        reading: The structure of K.
        names: The variables.
        squares: Whether to multiply out and factor ``sum w (g / h)^2`` too.
    """
    ring = SYMPY.ring(list(names), SYMPY.QQ, SYMPY.grevlex)[0]
    powers: dict[Element, tuple[int, bool]] = {}
    ideals: list[tuple[Element, ...]] = []

    def add(f: Element, exponent: int, definite: bool) -> None:
        for factor, power in f.factor_list()[1]:
            key = normal(factor)
            old, kind = powers.get(key, (0, definite))
            powers[key] = (old + int(power) * exponent, kind or definite)

    for part in reading.parts:
        generators = [element(ring, g) for g in part.polynomials]
        if not part.weights:
            add(generators[0], part.power, False)
            continue
        shared = ring.zero
        for g in generators:
            shared = shared.gcd(g)
        rest = [g.exquo(shared) for g in generators]
        add(shared, 2 * part.power, False)
        ideals.append(tuple(rest))
        if squares:
            pairs = zip(part.weights, rest, strict=True)
            add(sum((number(w) * g**2 for w, g in pairs), ring.zero), part.power, True)
    factors = [IrreducibleFactor(f, k, definite) for f, (k, definite) in powers.items()]
    return Factorisation(
        tuple(names), tuple(sorted(factors, key=lambda c: _order(c.polynomial))), tuple(ideals)
    )


def element(ring: Any, f: Polynomial) -> Element:
    """Return a polynomial as an element of a ring in its variables."""
    return ring.from_dict({tuple(e): number(c) for e, c in f.terms.items()})


def terms(f: Element) -> dict[tuple[int, ...], Fraction]:
    """Return the coefficients by exponents."""
    return {tuple(map(int, e)): _fraction(c) for e, c in f.terms() if c}


def text(f: Element) -> str:
    """Return f in the grammar of `theory.polynomials.expression.parse`."""
    return write(Polynomial(tuple(map(str, f.ring.symbols)), terms(f)))


def shortened(polynomial: str) -> str:
    """Return the text of a polynomial, cut where it is too long for a table."""
    if len(polynomial) <= MAX_TEXT:
        return polynomial
    cut = max(polynomial.rfind(sign, 0, MAX_TEXT) for sign in (" + ", " - "))
    return f"{polynomial[: cut if cut > 0 else MAX_TEXT]} + ..."


def normal(f: Element) -> Element:
    """Return the multiple with coprime integers and a positive first coefficient as written."""
    if not f:
        return f
    part = f.primitive()[1]
    return -part if part[max(part.keys())] < 0 else part


def column(f: Element, index: int) -> list[Element]:
    """Return the coefficients of the powers of one of two variables, as polynomials."""
    rows: dict[int, dict[tuple[int, ...], Any]] = {}
    for e, c in f.items():
        key = (*e[:index], 0, *e[index + 1 :])
        rows.setdefault(e[index], {})[key] = c
    top = max(rows, default=-1)
    return [f.ring.from_dict(rows.get(k, {})) for k in range(top + 1)]


def uses(f: Element, index: int) -> bool:
    """Return whether a variable occurs."""
    return any(e[index] for e in f.keys())


def _order(f: Element) -> tuple[int, int, str]:
    return max(map(sum, f.keys()), default=0), len(f), text(f)


def number(value: Fraction) -> Any:
    """Return a rational as an element of the field of coefficients."""
    return SYMPY.QQ(value.numerator, value.denominator)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))
