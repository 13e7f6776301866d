"""Smooth generators that become coordinates."""

from collections.abc import Iterator
from dataclasses import replace

from theory.algebra.ring import (
    Poly,
    coefficient_list,
    degree_in,
    is_constant,
    substitute_quotient,
    text,
    used,
)
from theory.meter import WorkLimit
from theory.solver.recursion.canonical import SUBSTITUTION_TERMS, StateMove, finish
from theory.solver.recursion.states import Ideal, Relation, State


def smooth_substitutions(state: State) -> Iterator[tuple[int, Poly, Poly, Poly]]:
    """Yield a free coordinate, the generator ``c v + r`` and c, r, the simplest first."""
    candidates = []
    for ideal in state.ideals:
        for g in ideal.generators:
            if len(g) < 2 or len(g) > 40 or state.at_point(g):
                continue
            for i in range(state.vanishing):
                if not state.is_free(i) or degree_in(g, i) != 1:
                    continue
                r, c = coefficient_list(g, i)
                if used(c) & set(range(state.vanishing)):
                    # The part of c that is constant in V decides, but the division would not
                    # stay polynomial: leave c as it is and clear denominators.
                    c0 = state.at_point(c)
                else:
                    c0 = c
                if not c0 or not state.is_unit(c0):
                    continue
                if any(degree_in(x.value, i) for x in state.relations) and not is_constant(c):
                    continue
                rank = (not is_constant(c), len(c), len(r), i, text(g))
                candidates.append((rank, i, g, c, r))
    for _, i, g, c, r in sorted(candidates, key=lambda item: item[0]):
        yield i, g, c, r


def substitute_smooth(state: State, index: int, g: Poly, c: Poly, r: Poly) -> StateMove:
    """Return the state in which the generator has become a coordinate: ``v = (y - r)/c``.

    Raises:
        WorkLimit: If the result is too long.
    """
    y = state.ring.gens[index]

    def move(p: Poly) -> Poly:
        result = substitute_quotient(p, index, y - r, c) if degree_in(p, index) else p
        if len(result) > SUBSTITUTION_TERMS:
            raise WorkLimit("substitution")
        return result

    ideals = []
    for ideal in state.ideals:
        ideals.append(
            Ideal(tuple(y if p == g else move(p) for p in ideal.generators), ideal.exponent)
        )
    relations = tuple(
        Relation(x.polynomial, x.pivot, _divided(move(x.value), c, degree_in(x.value, index)))
        for x in state.relations
    )
    name = str(state.ring.symbols[index])
    return finish(
        replace(state, ideals=tuple(ideals), relations=relations),
        {"variable": name, "generator": text(g), "coefficient": text(c), "rest": text(r)},
    )


def _divided(p: Poly, c: Poly, power: int) -> Poly:
    """Return ``p / c^power``, where c is a number if the power is positive."""
    return p / c.LC**power if power else p


def straighten(state: State) -> StateMove | None:
    """Return the state with a smooth generator as coordinate whose variable is nowhere else."""
    polynomials = [g for j in state.ideals for g in j.generators]
    polynomials += [r.value for r in state.relations]
    for g in polynomials[: sum(len(j.generators) for j in state.ideals)]:
        if len(g) < 2 or state.at_point(g):
            continue
        for i in range(state.vanishing):
            if not state.is_free(i) or any(degree_in(p, i) for p in polynomials if p is not g):
                continue
            slope = state.at_point(g.diff(state.ring.gens[i]))
            if slope and state.is_unit(slope):
                ideals = tuple(
                    Ideal(
                        tuple(state.ring.gens[i] if p is g else p for p in j.generators),
                        j.exponent,
                    )
                    for j in state.ideals
                )
                return finish(
                    replace(state, ideals=ideals),
                    {"variable": str(state.ring.symbols[i]), "generator": text(g)},
                )
    return None
