"""Hoelder's lower bound at all points of the region of a state."""

from fractions import Fraction

from theory.algebra.ring import Poly, degree, is_constant
from theory.solver.recursion.states import Ideal, State


def hoelder(state: State, quick: bool = False) -> Fraction | None:
    """Return a lower bound from Hoelder's inequality, None if there is no pole at all.

    ``1/lambda <= max N_j/nu_j + sum c_k ord(J_k)``, because an ideal of order o has threshold at
    least 1/o, also under a density that is bounded, and monomials have theirs.

    Args:
        state: The germs.
        quick: Whether to spend no time on factors; the bound may then be lower.
    """
    if any(d < 1 for d in state.density):
        return Fraction(0)
    total = max(
        (n / d for n, d in zip(state.monomial, state.density, strict=True)), default=Fraction(0)
    )
    for ideal in state.ideals:
        bound = certified_order(state, ideal, quick)
        if bound is None:
            return Fraction(0)
        total += ideal.exponent * bound
    return 1 / total if total else None


def certified_order(state: State, ideal: Ideal, quick: bool = False) -> int | None:
    """Return a bound of the order of an ideal that holds at every point of the region."""
    v = state.vanishing
    best: int | None = None
    for g in ideal.generators:
        for e in g.keys():
            size = sum(e[:v])
            if best is not None and size >= best:
                continue
            part = g.ring.dtype({d: c for d, c in g.items() if d[:v] == e[:v]})
            coefficient = g.ring.dtype({(*(0,) * v, *d[v:]): c for d, c in part.items()})
            unit = is_constant(coefficient) or (not quick and state.is_unit(coefficient))
            if unit and not _disturbed(state, g, e[:v]):
                best = size
    if best is None and not state.relations:
        # Nonzero polynomials have no zero of higher order than their degree.
        best = min(degree(g) for g in ideal.generators)
    return best


def _disturbed(state: State, g: Poly, front: tuple[int, ...]) -> bool:
    """Return whether smaller monomials may add to the coefficient of a monomial in V.

    A pivot is a function of V, so its multiple of a smaller monomial has higher terms, and these
    may cancel the coefficient where the pivot itself seems to leave it alone.
    """
    v = state.vanishing
    return any(
        e[:v] != front
        and all(a <= b for a, b in zip(e[:v], front, strict=True))
        and any(e[i] for i in state.pivots)
        for e in g.keys()
    )
