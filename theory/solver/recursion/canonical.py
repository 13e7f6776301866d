"""Standard names of the variables of a state, by colour refinement, and moves between states."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.algebra.ring import Poly, is_constant, names_of, polynomial_ring, primitive, text
from theory.solver.recursion.states import Ideal, Relation, State, rename

# The rank of what a polynomial is for, and its terms: variables with powers, rank of the size.
_Ranked = tuple[int, list[tuple[list[tuple[int, int]], int]]]


def canonical(state: State) -> tuple[State, list[int]]:
    """Return the state with standard names, and the old index of each new variable.

    States that differ by the names of the variables become equal in most cases; a difference
    that remains only costs time.
    """
    ranks = refined_ranks(state)
    v = state.vanishing
    order = sorted(range(v), key=lambda i: (ranks[i], i))
    order += sorted(range(v, state.ring.ngens), key=lambda i: (ranks[i], i))
    names = tuple(f"x{i + 1}" for i in range(v)) + tuple(
        f"t{i + 1}" for i in range(state.ring.ngens - v)
    )
    target = polynomial_ring(names)
    move = rename(state, order, target)
    place = {old: new for new, old in enumerate(order)}
    ideals = []
    for ideal in state.ideals:
        generators = {primitive(move(g)): None for g in ideal.generators}
        ordered = sorted(generators, key=lambda p: (len(p), text(p)))
        ideals.append(Ideal(tuple(ordered), ideal.exponent))
    ideals.sort(key=lambda j: (j.exponent, len(j.generators), [text(g) for g in j.generators]))
    nonzero = {primitive(move(p)): None for p in state.nonzero if not is_constant(p) or not p}
    return (
        State(
            target,
            v,
            tuple(ideals),
            tuple(state.monomial[i] for i in order[:v]),
            tuple(state.density[i] for i in order[:v]),
            tuple(
                Relation(move(r.polynomial), place[r.pivot], move(r.value)) for r in state.relations
            ),
            tuple(sorted(nonzero, key=lambda p: (len(p), text(p)))),
        ),
        order,
    )


def refined_ranks(state: State) -> list[int]:
    """Return ranks of the variables by how they occur, after three rounds of colour refinement."""
    n, v = state.ring.ngens, state.vanishing
    kinds: list[Any] = [
        (0, state.monomial[i], state.density[i]) if i < v else (1, Fraction(0), Fraction(0))
        for i in range(n)
    ]
    labelled: list[tuple[Any, Poly]] = [
        ((0, j.exponent, len(j.generators)), g) for j in state.ideals for g in j.generators
    ]
    labelled += [((1, Fraction(r.pivot * 0), 0), r.polynomial) for r in state.relations]
    labelled += [((2, Fraction(0), 0), p) for p in state.nonzero]
    ranks = _ranks(kinds)
    if len(set(ranks)) == n:
        return ranks
    listed = _listed(labelled)
    for _ in range(3):
        before, ranks = ranks, _refined(ranks, listed)
        if ranks == before or len(set(ranks)) == n:
            # The next ranks depend on these alone, and no refinement changes their order.
            break
    return ranks


def _listed(labelled: Sequence[tuple[Any, Poly]]) -> list[_Ranked]:
    """Return the polynomials with small numbers, in the same order, for labels and sizes."""
    labels = _ranks([label for label, _ in labelled])
    sizes = [abs(c) for _, p in labelled for c in p.values()]
    number = dict(zip(sizes, _ranks(sizes), strict=True))
    return [
        (label, [([(j, k) for j, k in enumerate(e) if k], number[abs(c)]) for e, c in p.items()])
        for label, (_, p) in zip(labels, labelled, strict=True)
    ]


def _refined(ranks: Sequence[int], listed: Sequence[_Ranked]) -> list[int]:
    """Return finer ranks: variables also differ by the ranks around them."""
    near = [
        [tuple(sorted([(ranks[j], k) for j, k in powers])) for powers, _ in terms]
        for _, terms in listed
    ]
    shapes = _ranks(
        [
            sorted(zip(around, (size for _, size in terms), strict=True))
            for around, (_, terms) in zip(near, listed, strict=True)
        ]
    )
    marks: list[list[Any]] = [[] for _ in ranks]
    for shape, around, (label, terms) in zip(shapes, near, listed, strict=True):
        for (powers, size), neighbours in zip(terms, around, strict=True):
            for i, k in powers:
                marks[i].append((label, k, neighbours, size, shape))
    return _ranks([(rank, sorted(mark)) for rank, mark in zip(ranks, marks, strict=True)])


def _ranks(values: Sequence[Any]) -> list[int]:
    """Return the places of values in the order of those that differ."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, rank = [0] * len(values), -1
    for n, i in enumerate(order):
        if not n or values[i] != values[order[n - 1]]:
            rank += 1
        ranks[i] = rank
    return ranks


SUBSTITUTION_TERMS = 600


class StateMove(NamedTuple):
    """A state that another one leads to, with what a checker needs to repeat the step."""

    state: State
    data: dict[str, Any]


def finish(state: State, data: dict[str, Any]) -> StateMove:
    """Return a move to the state with standard names; the data tell how it was renamed."""
    result, old = canonical(state)
    names = list(names_of(state.ring))
    return StateMove(result, {**data, "renamed": [names[i] for i in old]})
