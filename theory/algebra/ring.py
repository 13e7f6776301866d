"""Polynomials for the recursive solver: sympy's sparse ring elements behind a few functions."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Any, TypeAlias

from sympy.polys.domains import QQ
from sympy.polys.orderings import grevlex
from sympy.polys.rings import ring as sympy_ring

from theory.meter import WorkLimit, charge
from theory.polynomials.expression import Polynomial, parse

Poly: TypeAlias = Any


Ring: TypeAlias = Any


MAX_TERMS = 4000


@lru_cache(maxsize=512)
def polynomial_ring(names: tuple[str, ...]) -> Ring:
    """Return the ring of rational polynomials in these names, ordered by degree."""
    return sympy_ring(names, QQ, grevlex)[0]


@lru_cache(maxsize=512)
def names_of(ring: Ring) -> tuple[str, ...]:
    """Return the names of the generators of a ring."""
    return tuple(str(symbol) for symbol in ring.symbols)


def from_terms(ring: Ring, terms: Mapping[tuple[int, ...], Fraction | int]) -> Poly:
    """Return the ring element with these coefficients."""
    return ring.from_dict({tuple(e): QQ(c.numerator, c.denominator) for e, c in terms.items()})


def from_polynomial(ring: Ring, polynomial: Polynomial) -> Poly:
    """Return a polynomial of the front end as an element of a ring that has its variables."""
    if polynomial.variables == names_of(ring):
        return from_terms(ring, polynomial.terms)
    place = {name: i for i, name in enumerate(names_of(ring))}
    where = [place[name] for name in polynomial.variables]
    terms: dict[tuple[int, ...], Fraction] = {}
    for exponents, coefficient in polynomial.terms.items():
        full = [0] * len(place)
        for i, e in zip(where, exponents, strict=True):
            full[i] = e
        terms[tuple(full)] = Fraction(coefficient)
    return from_terms(ring, terms)


def read(ring: Ring, text: str) -> Poly:
    """Return the ring element that `text` wrote."""
    return _read_again(ring, text) if type(text) is str else _read(ring, text)


def _read(ring: Ring, text: str) -> Poly:
    return from_polynomial(ring, parse(text, names_of(ring)))


# The claims of a proof repeat the polynomials of those that they rest on.
_read_again = lru_cache(maxsize=8192)(_read)


@lru_cache(maxsize=50000)
def text(polynomial: Poly) -> str:
    """Return the polynomial in the grammar of `theory.polynomials.expression.parse`."""
    names = names_of(polynomial.ring)
    signed = []
    for e in sorted(polynomial.keys(), key=lambda e: (-sum(e), tuple(-k for k in e))):
        c = polynomial[e]
        factors_ = [n if k == 1 else f"{n}^{k}" for n, k in zip(names, e, strict=True) if k]
        if not factors_ or abs(c) != 1:
            factors_.insert(0, str(abs(c)))
        signed.append(("-" if c < 0 else "+") + "*".join(factors_))
    joined = "".join(signed) or "0"
    return joined[1:] if joined[0] == "+" else joined


@lru_cache(maxsize=50000)
def sort_text(polynomial: Poly) -> str:
    """Return what ``str`` of the polynomial is, by which polynomials are put in order."""
    names = names_of(polynomial.ring)
    signed = []
    for e, c in polynomial.terms():
        factors_ = [n if k == 1 else f"{n}**{k}" for n, k in zip(names, e, strict=True) if k]
        if not factors_ or abs(c) != 1:
            factors_.insert(0, str(abs(c)))
        signed += [" - " if c < 0 else " + ", "*".join(factors_)]
    if not signed:
        return "0"
    return ("-" if signed[0] == " - " else "") + "".join(signed[1:])


def rational(value: Any) -> Fraction:
    """Return a coefficient as a Fraction."""
    return Fraction(int(value.numerator), int(value.denominator))


def primitive(polynomial: Poly) -> Poly:
    """Return the multiple with coprime integer coefficients and positive leading coefficient."""
    if not polynomial:
        return polynomial
    ring, values = polynomial.ring, polynomial.values()
    if len(polynomial) == 1:
        return ring.dtype(dict.fromkeys(polynomial, ring.domain.one))
    scale = QQ(lcm(*[c.denominator for c in values]), gcd(*[c.numerator for c in values]))
    signs = {c.numerator > 0 for c in values}
    positive = signs.pop() if len(signs) == 1 else polynomial.LC > 0
    # Quotients keep a hash from before they were complete; what is returned has one of its own.
    if positive and scale == 1:
        return ring.dtype(polynomial)
    return polynomial.mul_ground(scale if positive else -scale)


def is_constant(polynomial: Poly) -> bool:
    """Return whether no variable occurs."""
    return bool(polynomial.is_ground)


def strip(polynomial: Poly, exponents: Sequence[int]) -> Poly:
    """Return the polynomial divided by a monomial that divides it."""
    if not any(exponents):
        return polynomial
    return polynomial.ring.dtype(
        {tuple(a - b for a, b in zip(e, exponents, strict=True)): c for e, c in polynomial.items()}
    )


def degree(polynomial: Poly) -> int:
    """Return the total degree, 0 for the zero polynomial."""
    return max((sum(e) for e in polynomial.keys()), default=0)


def degree_in(polynomial: Poly, index: int) -> int:
    """Return the degree in one variable, 0 for the zero polynomial."""
    return max((e[index] for e in polynomial.keys()), default=0)


def used(polynomial: Poly) -> frozenset[int]:
    """Return the indices of the variables that occur."""
    return frozenset(i for e in polynomial.keys() for i, k in enumerate(e) if k)


def coefficient_list(polynomial: Poly, index: int) -> list[Poly]:
    """Return the coefficients of the powers 0, 1, ... of one variable."""
    parts: list[dict[tuple[int, ...], Any]] = [{} for _ in range(degree_in(polynomial, index) + 1)]
    for e, c in polynomial.items():
        parts[e[index]][(*e[:index], 0, *e[index + 1 :])] = c
    return [polynomial.ring.dtype(part) for part in parts]


def group(polynomial: Poly, count: int) -> dict[tuple[int, ...], Poly]:
    """Return the coefficients in the first `count` variables, as polynomials in the others."""
    parts: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
    zero = (0,) * count
    for e, c in polynomial.items():
        parts.setdefault(e[:count], {})[zero + e[count:]] = c
    return {key: polynomial.ring.dtype(part) for key, part in parts.items()}


def substitute(polynomial: Poly, images: Sequence[Poly], target: Ring) -> Poly:
    """Return the polynomial with every variable replaced by its image in another ring.

    Raises:
        WorkLimit: If the result is too long.
    """
    if all(len(image) <= 1 for image in images):
        return _substitute_monomials(polynomial, images, target)
    powers: list[list[Poly]] = [[target.one, image] for image in images]
    result = target.zero
    for e, c in polynomial.terms():
        term = target.ground_new(c)
        for i, k in enumerate(e):
            while len(powers[i]) <= k:
                powers[i].append(powers[i][-1] * images[i])
                if len(powers[i][-1]) > MAX_TERMS:
                    raise WorkLimit("substitution")
            if k:
                term = term * powers[i][k]
                if len(term) > MAX_TERMS:
                    raise WorkLimit("substitution")
        result = result + term
        charge(1 + len(term) // 4)
        if len(result) > MAX_TERMS:
            raise WorkLimit("substitution")
    return result


def _substitute_monomials(polynomial: Poly, images: Sequence[Poly], target: Ring) -> Poly:
    size = target.ngens
    shapes = [next(iter(image.terms()), None) if image else None for image in images]
    out: dict[tuple[int, ...], Any] = {}
    for e, c in polynomial.items():
        exponents, coefficient = [0] * size, c
        for k, shape in zip(e, shapes, strict=True):
            if not k:
                continue
            if shape is None:
                coefficient = QQ(0)
                break
            for j in range(size):
                exponents[j] += k * shape[0][j]
            coefficient = coefficient * shape[1] ** k
        key = tuple(exponents)
        out[key] = out.get(key, QQ(0)) + coefficient
    return target.dtype({e: c for e, c in out.items() if c})


def substitute_quotient(polynomial: Poly, index: int, top: Poly, bottom: Poly) -> Poly:
    """Return the numerator of the polynomial at ``variable = top / bottom``."""
    parts = coefficient_list(polynomial, index)
    result = polynomial.ring.zero
    for power, part in reversed(list(enumerate(parts))):
        result = result * top
        if part:
            result = result + part * bottom ** (len(parts) - 1 - power)
        if len(result) > MAX_TERMS:
            raise WorkLimit("substitution")
    return result


def evaluate(polynomial: Poly, index: int, value: Fraction | int) -> Poly:
    """Return the polynomial at a rational value of one variable, in the same ring."""
    number = QQ(Fraction(value).numerator, Fraction(value).denominator)
    out: dict[tuple[int, ...], Any] = {}
    for e, c in polynomial.items():
        key = (*e[:index], 0, *e[index + 1 :])
        out[key] = out.get(key, QQ(0)) + c * number ** e[index]
    return polynomial.ring.dtype({e: c for e, c in out.items() if c})
