"""Hoelder's lower bound from orders that a state shows, as a checker computes it."""

from collections.abc import Sequence
from fractions import Fraction

from theory.algebra.ring import degree
from theory.checker.states import Generators, Seen, is_unit


def order_bound(state: Seen) -> Fraction:
    """Return ``1 / (max N/nu + sum c ord J)`` with orders seen in unit coefficients, or zero."""
    total = max(
        (n / d for n, d in zip(state.monomial, state.density, strict=True)), default=Fraction(0)
    )
    known = all(d >= 1 for d in state.density)
    for generators, exponent in state.ideals:
        order = _order(state, generators)
        known = known and order is not None
        total += exponent * (order or 0)
    return 1 / total if known and total else Fraction(0)


def _order(state: Seen, generators: Generators) -> int | None:
    """Return a bound of the order of an ideal at every point of the region."""
    sizes = []
    v = state.vanishing
    pivots = [k for _, k, _ in state.relations]
    for g in generators:
        for e in g.keys():
            front = e[:v]
            part = {(*(0,) * v, *d[v:]): c for d, c in g.items() if d[:v] == front}
            # A pivot depends on V: with a smaller monomial it adds to this coefficient.
            smaller = [d for d in g.keys() if d[:v] != front and _divides(d[:v], front)]
            disturbed = any(d[k] for d in smaller for k in pivots)
            if not disturbed and is_unit(state, state.ring.from_dict(part)):
                sizes.append(sum(front))
    if sizes:
        return int(min(sizes))
    return None if state.relations else int(min(degree(g) for g in generators))


def _divides(e: Sequence[int], d: Sequence[int]) -> bool:
    return all(a <= b for a, b in zip(e, d, strict=True))
