"""Remainders of polynomials modulo several others, with integers."""

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, lcm
from operator import add, ge, neg, sub
from typing import NamedTuple

from theory.algebra.ring import Poly

# Exponents such that larger monomials of the ring's order have larger tuples: the degree, then
# the negative exponents, last variable first. Monomials are multiplied by adding them.
_Key = tuple[int, ...]


class _Divisor(NamedTuple):
    """A multiple with integer coefficients: leading monomial and coefficient, other terms.

    The ends are the negative exponents of the leading monomial; it divides what has smaller ones.
    """

    lead: _Key
    ends: _Key
    head: int
    tail: tuple[tuple[_Key, int], ...]


def remainder(p: Poly, divisors: Sequence[Poly]) -> Poly:
    """Return a multiple of the remainder, with coprime integers and positive leading coefficient.

    Each leading term is divided by the first divisor that can, as in ``p.rem(divisors)``.

    Args:
        p: An element of a ring in the order by degree of `polynomial_ring`.
        divisors: Nonzero elements of the ring.
    """
    rows = [_divisor(g) for g in divisors]
    rest = dict(_integers(p))
    irreducible: dict[_Key, int] = {}
    while rest:
        top = max(rest)
        ends = top[1:]
        row = next((r for r in rows if all(map(ge, r.ends, ends))), None)
        if row is None:
            irreducible[top] = rest.pop(top)
            continue
        common = gcd(rest[top], row.head)
        up, down = row.head // common, rest.pop(top) // common
        if up != 1:
            rest = {k: c * up for k, c in rest.items()}
            irreducible = {k: c * up for k, c in irreducible.items()}
        shift = tuple(map(sub, top, row.lead))
        for k, c in row.tail:
            key = tuple(map(add, k, shift))
            left = rest.get(key, 0) - down * c
            if left:
                rest[key] = left
            else:
                del rest[key]
    return _element(p, irreducible)


@lru_cache(maxsize=20000)
def _divisor(g: Poly) -> _Divisor:
    terms = sorted(_integers(g), reverse=True)
    (lead, head), *tail = terms
    return _Divisor(lead, lead[1:], head, tuple(tail))


def _integers(p: Poly) -> list[tuple[_Key, int]]:
    scale = lcm(*[c.denominator for c in p.values()])
    return [
        ((sum(e), *map(neg, reversed(e))), c.numerator * (scale // c.denominator))
        for e, c in p.items()
    ]


def _element(like: Poly, terms: dict[_Key, int]) -> Poly:
    """Return the primitive element with these terms in the ring of another one."""
    ring = like.ring
    if not terms:
        return ring.zero
    divisor = gcd(*terms.values())
    if terms[max(terms)] < 0:
        divisor = -divisor
    field = ring.domain
    return ring.dtype(
        {tuple(map(neg, reversed(k[1:]))): field(c // divisor) for k, c in terms.items()}
    )
