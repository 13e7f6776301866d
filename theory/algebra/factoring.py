"""Factors of ring elements, as far as finding them is cheap."""

from collections.abc import Sequence
from functools import lru_cache

from theory.algebra.modular import coprime, irreducible
from theory.algebra.ring import (
    Poly,
    coefficient_list,
    degree,
    degree_in,
    is_constant,
    primitive,
    strip,
    text,
    used,
)
from theory.algebra.square_roots import square_root
from theory.meter import charge

FACTOR_TERMS = 80


FACTOR_DEGREE = 40


@lru_cache(maxsize=20000)
def _factored(polynomial: Poly) -> tuple[tuple[Poly, int, bool], ...]:
    exponents = [min(column) for column in zip(*polynomial.keys(), strict=True)]
    ring = polynomial.ring
    factors: list[tuple[Poly, int, bool]] = [
        (ring.gens[i], e, True) for i, e in enumerate(exponents) if e
    ]
    rest = strip(polynomial, exponents)
    if is_constant(rest):
        return tuple(factors)
    merged: dict[Poly, tuple[int, bool]] = {}
    for p, k, known in [*factors, *_cheap_factors(rest)]:
        merged[p] = (merged.get(p, (0, known))[0] + k, known)
    ordered = sorted(merged.items(), key=lambda item: (len(item[0]), text(item[0])))
    return tuple((p, k, known) for p, (k, known) in ordered)


def _cheap_factors(p: Poly) -> list[tuple[Poly, int, bool]]:
    """Factor a polynomial without monomial factors, as far as that is cheap."""
    if is_constant(p):
        return []
    variables = sorted(used(p))
    size, top = len(p), degree(p)
    shown: list[int] = []
    for i in variables:
        parts = [part for part in coefficient_list(p, i) if part]
        if len(parts) > 12 or len(p) > 4 * FACTOR_TERMS:
            continue
        common = common_factor(parts)
        if not is_constant(common):
            return [*_cheap_factors(primitive(common)), *_cheap_factors(primitive(p.quo(common)))]
        if degree_in(p, i) == 1:
            # Of degree one in a variable, with coprime coefficients: irreducible.
            return [(primitive(p), 1, True)]
        shown.append(i)
    small = len(variables) <= 3 and size <= FACTOR_TERMS and top <= FACTOR_DEGREE
    if small or (len(variables) <= 5 and size <= 20 and top <= 12):
        return _complete(p, shown)
    if size > 4 * FACTOR_TERMS:
        return [(primitive(p), 1, False)]
    return [(primitive(q), k, False) for q, k in p.sqf_list()[1]]


def common_factor(parts: Sequence[Poly]) -> Poly:
    """Return the greatest common divisor of nonzero polynomials, up to a constant."""
    if any(is_constant(part) for part in parts):
        return parts[0].ring.one
    common = parts[0]
    for part in parts[1:]:
        if coprime(common, part):
            return common.ring.one
        common = common.gcd(part)
    return common


def _complete(p: Poly, shown: Sequence[int]) -> list[tuple[Poly, int, bool]]:
    """Return all irreducible factors, by short ways for one factor and for squares.

    The coefficients in powers of the variables in `shown` have no common factor.
    """
    if shown and irreducible(p, min(shown, key=lambda i: degree_in(p, i))):
        return [(primitive(p), 1, True)]
    root = square_root(primitive(p))
    if root is not None:
        # A common factor of the coefficients of the root would be one of its square.
        return [(q, 2 * k, True) for q, k, _ in _complete(root, shown)]
    return [(primitive(q), k, True) for q, k in p.factor_list()[1]]


def factors(polynomial: Poly) -> tuple[tuple[Poly, int, bool], ...]:
    """Return primitive factors with multiplicity, and whether each is known to be irreducible.

    Polynomials that are too large are not factored beyond their monomials.
    """
    charge(2 + 2 * len(polynomial) * (1 + len(polynomial) // 10))
    return () if is_constant(polynomial) else _factored(polynomial)
