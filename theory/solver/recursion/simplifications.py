"""Simpler generators of an ideal of germs, with the steps that a checker repeats."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from theory.algebra.factoring import common_factor, factors
from theory.algebra.linear import kernel
from theory.algebra.ring import (
    Poly,
    evaluate,
    is_constant,
    primitive,
    rational,
    strip,
    text,
    used,
)
from theory.meter import charge, spent
from theory.solver.recursion.canonical import StateMove, finish
from theory.solver.recursion.generators import reduced_generators
from theory.solver.recursion.states import Ideal, State, drop_variables, occurring

Log = list[dict[str, Any]]

# Reduced generators by all that they depend on, with the units that were cut and the work.
_Reduced = dict[Any, tuple[tuple[Poly, ...], tuple[Poly, ...], int]]


def simplify(state: State) -> tuple[State, Log]:
    """Return an equivalent state: same value and multiplicity at every point of the region.

    Raises:
        WorkLimit: If the polynomials grow too long.
    """
    log: Log = []
    seen: _Reduced = {}
    for _ in range(12):
        before = state
        state = _reduce_ideals(state, log, seen)
        state = _extract(state, log)
        state = _merge(state, log)
        state = _constant_direction(state, log)
        state = _drop_free(state, log)
        if state == before:
            break
    return state, log


def _reduce_ideals(state: State, log: Log, seen: _Reduced) -> State:
    ideals = list(state.ideals)
    for k, ideal in enumerate(ideals):
        key = ideal.generators, state.vanishing, state.relations, state.nonzero
        if key in seen:
            charge(seen[key][2])
        else:
            before, charged = spent(), dict[Poly, None]()
            reduced = tuple(reduced_generators(state, ideal.generators, charged))
            seen[key] = reduced, tuple(charged), spent() - before
        after, cuts, _ = seen[key]
        if after != ideal.generators:
            log.append(
                {
                    "op": "ideal",
                    "index": k,
                    "generators": [text(g) for g in after],
                    "units": sorted(text(q) for q in cuts),
                }
            )
            ideals[k] = Ideal(after, ideal.exponent)
    return replace(state, ideals=tuple(ideals))


def _extract(state: State, log: Log) -> State:
    """Move common factors out of the ideals, units away and monomials into N."""
    ideals: list[Ideal] = []
    monomial = list(state.monomial)
    changed = False
    for ideal in state.ideals:
        if any(state.is_unit(state.at_point(g)) for g in ideal.generators):
            log.append({"op": "unit", "index": len(ideals)})
            changed = True
            continue
        common = _common_factor(ideal.generators)
        if is_constant(common):
            ideals.append(ideal)
            continue
        if len(ideal.generators) == 1:
            irreducible = factors(ideal.generators[0])
            if len(irreducible) == 1 and irreducible[0][1] == 1 and len(irreducible[0][0]) > 1:
                ideals.append(ideal)
                continue
        changed = True
        rest = tuple(g.quo(common) for g in ideal.generators)
        irreducible = factors(common)
        log.append(
            {
                "op": "factor",
                "index": len(ideals),
                "common": [[text(q), e] for q, e, _ in irreducible],
                "rest": [text(g) for g in rest],
            }
        )
        for q, e, _ in irreducible:
            variable = next(iter(used(q)))
            if len(q) == 1 and variable < state.vanishing:
                monomial[variable] += e * ideal.exponent
            elif not state.is_unit(state.at_point(q)):
                ideals.append(Ideal((q,), e * ideal.exponent))
        if len(rest) > 1 and not any(is_constant(g) for g in rest):
            ideals.append(Ideal(rest, ideal.exponent))
    if not changed:
        return state
    return replace(state, ideals=tuple(ideals), monomial=tuple(monomial))


def _common_factor(generators: Sequence[Poly]) -> Poly:
    if len(generators) == 1:
        return generators[0]
    ring = generators[0].ring
    exponents = [min(c) for c in zip(*(e for g in generators for e in g.keys()), strict=True)]
    result = ring.from_dict({tuple(exponents): ring.domain.one})
    if any(len(g) == 1 for g in generators):
        return result
    rest = common_factor([strip(g, exponents) for g in generators])
    return result if is_constant(rest) else result * primitive(rest)


def _merge(state: State, log: Log) -> State:
    """Add the exponents of equal factors."""
    totals: dict[tuple[Poly, ...], Fraction] = {}
    for ideal in state.ideals:
        totals[ideal.generators] = totals.get(ideal.generators, Fraction(0)) + ideal.exponent
    if len(totals) == len(state.ideals):
        return state
    log.append({"op": "merge"})
    return replace(state, ideals=tuple(Ideal(g, c) for g, c in totals.items()))


def _constant_direction(state: State, log: Log) -> State:
    """Set a coordinate to zero if nothing changes along a line on which it is one."""
    free = [i for i in range(state.vanishing) if state.is_free(i)]
    busy = set().union(*(used(r.value) for r in state.relations)) if state.relations else set()
    active = occurring(state)
    free = [i for i in free if i not in busy and i in active]
    if not free or not state.ideals:
        return state
    rows = [row for ideal in state.ideals for g in ideal.generators for row in _slopes(g, free)]
    directions = kernel(rows, len(free))
    if not directions:
        return state
    direction = directions[0]
    column = next(k for k, d in enumerate(direction) if d)
    index = free[column]
    log.append(
        {
            "op": "constant direction",
            "variables": [str(state.ring.symbols[i]) for i in free],
            "direction": list(direction),
            "variable": str(state.ring.symbols[index]),
        }
    )
    ideals = tuple(
        Ideal(tuple(evaluate(g, index, 0) for g in j.generators), j.exponent) for j in state.ideals
    )
    return replace(state, ideals=ideals)


def _slopes(g: Poly, variables: Sequence[int]) -> list[list[int | Fraction]]:
    """Return the coefficients of the partial derivatives, one row for each monomial."""
    rows: dict[tuple[int, ...], list[int | Fraction]] = {}
    for e, c in g.items():
        for column, i in enumerate(variables):
            if e[i]:
                key = (*e[:i], e[i] - 1, *e[i + 1 :])
                row = rows.setdefault(key, [0] * len(variables))
                row[column] = rational(c) * e[i] if c.denominator != 1 else c.numerator * e[i]
    return list(rows.values())


def _drop_free(state: State, log: Log) -> State:
    """Leave out variables on which nothing depends."""
    active = occurring(state)
    gone = [
        i
        for i in range(state.ring.ngens)
        if i not in active and (i >= state.vanishing or not state.monomial[i])
    ]
    if not gone:
        return state
    log.append({"op": "drop", "variables": [str(state.ring.symbols[i]) for i in gone]})
    return drop_variables(state, gone)[0]


MAX_REMEMBERED = 20000

_moves: dict[Any, tuple[StateMove, int]] = {}


def simplified(state: State) -> StateMove:
    """Return the move to the simplified state with standard names.

    Raises:
        WorkLimit: If the polynomials grow too long.
    """
    key = state.ring, state.key
    known = _moves.get(key)
    if known is not None:
        charge(known[1])
        return known[0]
    before = spent()
    simple, log = simplify(state)
    move = finish(simple, {"steps": log})
    if len(_moves) >= MAX_REMEMBERED:
        _moves.clear()
    _moves[key] = move, spent() - before
    return move
