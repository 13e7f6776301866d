"""Shifts of a free coordinate that make a state simpler."""

from dataclasses import replace
from fractions import Fraction

from theory.algebra.factoring import factors
from theory.algebra.newton import Newton
from theory.algebra.ring import Poly, coefficient_list, degree_in, substitute, text, used
from theory.meter import WorkLimit
from theory.solver.newton.polyhedra import initial, newton_of
from theory.solver.recursion.canonical import SUBSTITUTION_TERMS, StateMove, finish
from theory.solver.recursion.simplifications import simplify
from theory.solver.recursion.states import Ideal, Relation, State


def shift(state: State, index: int, amount: Poly) -> StateMove:
    """Return the state after ``v -> v + amount`` for a free coordinate.

    Raises:
        WorkLimit: If the result is too long.
    """
    images = list(state.ring.gens)
    images[index] = images[index] + amount
    ideals = []
    for ideal in state.ideals:
        moved = tuple(substitute(g, images, state.ring) for g in ideal.generators)
        if any(len(g) > SUBSTITUTION_TERMS for g in moved):
            raise WorkLimit("shift")
        ideals.append(Ideal(moved, ideal.exponent))
    relations = tuple(
        Relation(r.polynomial, r.pivot, substitute(r.value, images, state.ring))
        for r in state.relations
    )
    return finish(
        replace(state, ideals=tuple(ideals), relations=relations),
        {"variable": str(state.ring.symbols[index]), "amount": text(amount)},
    )


def shortening_shift(state: State) -> StateMove | None:
    """Return a shift of a free coordinate that leaves fewer terms, completing powers for example.

    Raises:
        WorkLimit: If a result is too long.
    """
    size = sum(len(g) for j in state.ideals for g in j.generators)
    tried = set()
    for ideal in state.ideals:
        for g in ideal.generators:
            if not 2 < len(g) <= 60:
                continue
            for i in range(state.vanishing):
                top = degree_in(g, i)
                if not state.is_free(i) or not 2 <= top <= 6:
                    continue
                parts = coefficient_list(g, i)
                amounts = [-parts[-2].quo(parts[-1] * top)] if len(parts[-1]) == 1 else []
                for amount in amounts:
                    if not amount or state.at_point(amount) or (i, amount) in tried:
                        continue
                    tried.add((i, amount))
                    move = shift(state, i, amount)
                    if sum(len(p) for j in move.state.ideals for p in j.generators) < size:
                        return move
    return None


def lowering_shift(state: State, newton: Newton) -> StateMove | None:
    """Return a shift that lowers the Newton bound, from a factor of a face polynomial."""
    before = newton.exponent(state.density)
    for weight in sorted({newton.facets[i].normal for i in newton.attaining(state.density)}):
        if not all(weight):
            continue
        for ideal in state.ideals:
            for p in initial(state, ideal, weight):
                for q, _, _ in factors(p):
                    move = _try_shift(state, q, before)
                    if move is not None:
                        return move
    return None


def _try_shift(state: State, q: Poly, before: Fraction) -> StateMove | None:
    for i in sorted(used(q)):
        if i >= state.vanishing or not state.is_free(i) or degree_in(q, i) != 1:
            continue
        r, c = coefficient_list(q, i)
        if not c.is_ground or state.at_point(r) or len(q) < 2:
            continue
        try:
            move = shift(state, i, -r / c.LC)
            simple = simplify(move.state)[0]
            after = newton_of(simple).exponent(simple.density)
        except (WorkLimit, ValueError):
            continue
        if after < before:
            return move
    return None
