"""Exact square roots of polynomials."""

from math import isqrt
from operator import add

from theory.algebra.ring import Poly

Terms = dict[tuple[int, ...], int]


def square_root(p: Poly) -> Poly | None:
    """Return an exact root with integer coefficients; None if there is none, or only a long one.

    Its terms follow from the largest monomials of p, one after the other.

    Args:
        p: A nonzero polynomial with integer coefficients.
    """
    rest: Terms = {e: int(c) for e, c in p.items()}
    top = max(rest)
    low = min(rest)
    if any(k % 2 for k in (*top, *low)):
        return None
    coefficient = _integer_root(rest[top])
    if _integer_root(rest[low]) is None:
        return None
    head = tuple(k // 2 for k in top)
    last = tuple(k // 2 for k in low)
    root: Terms = {}
    monomial = head
    while coefficient is not None and len(root) < 2 * len(p):
        _subtract(rest, root, monomial, coefficient)
        root[monomial] = coefficient
        if not rest:
            field = p.ring.domain
            return p.ring.from_dict({e: field(c) for e, c in root.items()})
        top = max(rest)
        monomial = tuple(a - b for a, b in zip(top, head, strict=True))
        if min(monomial) < 0 or monomial < last:
            return None
        coefficient, left = divmod(rest[top], 2 * root[head])
        if left:
            return None
    return None


def _integer_root(c: int) -> int | None:
    root = isqrt(max(c, 0))
    return root if root * root == c else None


def _subtract(rest: Terms, root: Terms, monomial: tuple[int, ...], coefficient: int) -> None:
    """Turn p - root^2 into what it is with one more term in the root."""
    twice = [(e, 2 * c * coefficient) for e, c in root.items()]
    for e, c in [*twice, (monomial, coefficient * coefficient)]:
        key = tuple(map(add, e, monomial))
        left = rest.get(key, 0) - c
        if left:
            rest[key] = left
        else:
            del rest[key]
