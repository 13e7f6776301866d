"""Upper bounds by smooth manifolds through the point on which K vanishes."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice

from theory.algebra.factoring import factors
from theory.algebra.ring import (
    Poly,
    coefficient_list,
    degree_in,
    is_constant,
    substitute,
    text,
    used,
)
from theory.certificate import Node
from theory.meter import WorkLimit, spent
from theory.polynomials.germ import Germ, germ_data
from theory.solver.recursion.states import State, from_germ

MAX_GRAPHS = 60
# Work on one ideal, in the units of `theory.meter`.
WORK = 4000
Graph = Mapping[int, Poly]


def zero_set_bound(germ: Germ) -> Node | None:
    """Return the least bound by a graph ``x_i = phi_i``, i in S, on which K vanishes, if any.

    Each phi is a polynomial in the coordinates outside S that vanishes at the origin. In the
    coordinates ``x_i - phi_i`` the graph is a coordinate subspace, and blowing it up gives
    ``lambda <= sum_S nu_i / (order of K along the graph)``; for ``K = sum g_i^2`` under the flat
    density that is at most ``|S|/2``. A coordinate may be shifted only if it carries neither a
    monomial nor a density.
    """
    state = from_germ(germ)
    best: tuple[Fraction, Graph] | None = None
    for ideal in state.ideals:
        for graph in islice(_graphs(state, ideal.generators, {}, spent() + WORK), MAX_GRAPHS):
            try:
                bound = _bound(state, graph)
            except WorkLimit:
                continue
            if best is None or bound < best[0]:
                best = bound, graph
    if best is None:
        return None
    names = germ.variables
    solved = {names[i]: text(phi) for i, phi in sorted(best[1].items())}
    data = {"germ": germ_data(germ), "graph": solved}
    return Node("zero set", Fraction(0), best[0], None, data)


def _graphs(state: State, generators: Sequence[Poly], solved: Graph, limit: int) -> Iterator[Graph]:
    """Yield graphs on which all generators vanish: one factor of each is solved for a variable."""
    left = sorted((g for g in generators if g), key=lambda g: (len(g), text(g)))
    if not left:
        yield solved
        return
    if spent() > limit:
        return
    for q, _, _ in factors(left[0]):
        if state.at_point(q):
            continue
        solution = _solve(state, q)
        if solution is None:
            continue
        index, phi = solution
        images = [phi if i == index else x for i, x in enumerate(state.ring.gens)]
        try:
            rest = [substitute(g, images, state.ring) for g in left]
            before = {i: substitute(p, images, state.ring) for i, p in solved.items()}
        except WorkLimit:
            continue
        yield from _graphs(state, rest, {**before, index: phi}, limit)


def _solve(state: State, q: Poly) -> tuple[int, Poly] | None:
    """Solve ``q = 0`` for a variable in which it is linear with a constant coefficient."""
    for i in sorted(used(q)):
        if degree_in(q, i) != 1:
            continue
        r, c = coefficient_list(q, i)
        if is_constant(c) and (not r or state.is_free(i)):
            return i, -r / c.LC
    return None


def _bound(state: State, graph: Graph) -> Fraction:
    """Return the log discrepancy over the order of K along the graph."""
    images = [x + graph.get(i, state.ring.zero) for i, x in enumerate(state.ring.gens)]
    order = sum((state.monomial[i] for i in graph), Fraction(0))
    for ideal in state.ideals:
        moved = [substitute(g, images, state.ring) for g in ideal.generators]
        order += ideal.exponent * min(sum(e[i] for i in graph) for g in moved for e in g.keys())
    return sum((state.density[i] for i in graph), Fraction(0)) / order
