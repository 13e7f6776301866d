"""Which polynomial in the parameters to split on."""

from collections.abc import Sequence

from theory.algebra.factoring import factors
from theory.algebra.groebner import basis, saturated
from theory.algebra.meter import WorkLimit
from theory.algebra.ring import Poly, coefficient_list, degree_in, group, is_constant, text, used
from theory.solver.recursion.states import Ideal, State


def split_polynomials(state: State, coefficients: Sequence[Poly]) -> list[Poly]:
    """Return the irreducible factors that may vanish, simplest first."""
    found: dict[Poly, None] = {}
    for p in coefficients:
        for q, _, _ in factors(p):
            if q not in state.units and not is_constant(q):
                found[q] = None
    return sorted(found, key=lambda q: (len(q), sum(q.LM), text(q)))


def vanishing_coefficients(state: State, ideal: Ideal) -> list[Poly]:
    """Return the parts of the generators that are constant in the coordinates, if not zero."""
    found = []
    for g in ideal.generators:
        part = group(g, state.vanishing).get((0,) * state.vanishing)
        if part:
            found.append(part)
    return found


def easier(state: State, p: Poly) -> list[Poly]:
    """Return polynomials to split on first, after which the zeros of p are easier to reach.

    Off the zeros of a coefficient p becomes linear, off those of a slope it becomes smooth, and
    the real zeros of a definite p are singular points.
    """
    variables = sorted(used(p) - state.pivots)
    found: list[Poly] = []
    for i in variables:
        if degree_in(p, i) == 1:
            found.extend(split_polynomials(state, [coefficient_list(p, i)[1]]))
    slopes = [p.diff(state.ring.gens[i]) for i in variables]
    equations = state.region()[0]
    try:
        singular = basis(saturated([p, *slopes, *equations], linked(state, [p, *equations])))
    except WorkLimit:
        singular = []
    size = state.ring.ngens
    members = []
    for q in singular:
        if all(not any(e[size:]) for e in q.keys()) and not is_constant(q):
            members.append(state.ring.dtype({e[:size]: c for e, c in q.items()}))
    found.extend(split_polynomials(state, members))
    found.extend(split_polynomials(state, slopes))
    return [q for q in found if q != p]


def linked(state: State, system: Sequence[Poly]) -> list[Poly]:
    """Return the conditions of the region in the variables of a system."""
    active = frozenset().union(*(used(p) for p in system))
    return [p for p in state.region()[1] if used(p) <= active]
