"""Simpler generators of an ideal of germs, with the steps that a checker repeats."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from theory.solver.algebra import (
    Poly,
    WorkLimit,
    charge,
    degree,
    evaluate,
    factors,
    is_constant,
    primitive,
    strip,
    text,
    used,
)
from theory.solver.groebner import basis
from theory.solver.real_zeros import kernel
from theory.solver.states import Ideal, State, drop_variables, occurring

Log = list[dict[str, Any]]
MEMBERSHIP_TERMS = 40


def order(polynomials: Sequence[Poly], variables: Sequence[int]) -> int:
    """Return the order of an ideal along the common zeros of some variables."""
    return int(min(sum(e[i] for i in variables) for p in polynomials for e in p.keys()))


def cut_units(state: State, p: Poly, cuts: dict[Poly, None]) -> Poly:
    """Return the polynomial without the factors that are units, which are added to `cuts`."""
    if len(p) > 1 and state.is_unit(state.at_point(p)):
        cuts[p] = None
        return state.ring.one
    if len(p) > 30:
        return primitive(p)
    result = state.ring.one
    for q, k, _ in factors(p):
        if not state.is_unit(state.at_point(q)):
            result = result * q**k
        else:
            cuts[q] = None
    return primitive(result)


def simplify(state: State) -> tuple[State, Log]:
    """Return an equivalent state: same value and multiplicity at every point of the region.

    Raises:
        WorkLimit: If the polynomials grow too long.
    """
    log: Log = []
    for _ in range(12):
        before = state
        state = _reduce_ideals(state, log)
        state = _extract(state, log)
        state = _merge(state, log)
        state = _constant_direction(state, log)
        state = _drop_free(state, log)
        if state == before:
            break
    return state, log


def reduced_generators(
    state: State, generators: Sequence[Poly], cuts: dict[Poly, None]
) -> list[Poly]:
    """Return generators of the same ideal that are shorter, in a fixed order."""
    current = _tidy(state, generators, cuts)
    for _ in range(8):
        before = current
        current = _tidy(state, _cut_by_monomials(current), cuts)
        current = _tidy(state, _shorten(current), cuts)
        current = _tidy(state, _row_reduce(state, current), cuts)
        if current == before:
            break
    return _drop_members(current)


def _tidy(state: State, generators: Sequence[Poly], cuts: dict[Poly, None]) -> list[Poly]:
    found: dict[Poly, None] = {}
    for g in generators:
        g = state.normal(g)
        if g:
            found[cut_units(state, g, cuts)] = None
    return sorted(found, key=lambda p: (len(p), text(p)))


def _cut_by_monomials(generators: Sequence[Poly]) -> list[Poly]:
    monomials = [next(iter(g.keys())) for g in generators if len(g) == 1]
    out = []
    for g in generators:
        mine = next(iter(g.keys())) if len(g) == 1 else None
        kept = {
            e: c
            for e, c in g.items()
            if not any(
                m != mine and all(a <= b for a, b in zip(m, e, strict=True)) for m in monomials
            )
        }
        out.append(g.ring.from_dict(kept))
    return out


def _shorten(generators: Sequence[Poly]) -> list[Poly]:
    """Subtract monomial multiples of other generators as long as that leaves fewer terms."""
    current = list(generators)
    for i in range(len(current)):
        changed = True
        while changed:
            changed = False
            for j, g in enumerate(current):
                if i == j or not g or not current[i] or len(g) > 12:
                    continue
                better = _shorter(current[i], g)
                if better is not None:
                    current[i] = better
                    changed = True
    return current


def _shorter(f: Poly, g: Poly) -> Poly | None:
    tried: set[tuple[int, ...]] = set()
    for e in sorted(f.keys()):
        for d in sorted(g.keys()):
            shift = tuple(a - b for a, b in zip(e, d, strict=True))
            if shift in tried or min(shift) < 0:
                continue
            tried.add(shift)
            charge(1)
            candidate = f - g.mul_term((shift, f[e] / g[d]))
            if len(candidate) < len(f):
                return candidate
    return None


def _row_reduce(state: State, generators: Sequence[Poly]) -> list[Poly]:
    """Return the row echelon form over the rationals, lowest order first, if not longer."""
    columns = sorted(
        {e for g in generators for e in g.keys()}, key=lambda e: (sum(e[: state.vanishing]), e)
    )
    if len(generators) < 2 or len(columns) > 150:
        return list(generators)
    rows = list(generators)
    done = 0
    for column in columns:
        pivot = next((i for i in range(done, len(rows)) if column in rows[i]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        head = rows[done]
        for i, row in enumerate(rows):
            if i != done and column in row:
                rows[i] = row - head * (row[column] / head[column])
        done += 1
    rows = [row for row in rows if row]
    before = sum(len(g) for g in generators)
    return rows if sum(len(g) for g in rows) <= before else list(generators)


def _drop_members(generators: Sequence[Poly]) -> list[Poly]:
    """Leave out generators that the others generate, longest first."""
    current = list(generators)
    if sum(len(g) for g in current) > MEMBERSHIP_TERMS or len(current) > 5:
        return current
    for g in sorted(generators, key=lambda p: (len(p), degree(p), text(p)), reverse=True):
        others = [p for p in current if p != g]
        if not others:
            break
        try:
            if not g.rem(basis(others, pairs=10)):
                current = others
        except WorkLimit:
            continue
    return current


def _reduce_ideals(state: State, log: Log) -> State:
    ideals = list(state.ideals)
    for k, ideal in enumerate(ideals):
        cuts: dict[Poly, None] = {}
        after = tuple(reduced_generators(state, ideal.generators, cuts))
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
            pieces = factors(ideal.generators[0])
            if len(pieces) == 1 and pieces[0][1] == 1 and len(pieces[0][0]) > 1:
                ideals.append(ideal)
                continue
        changed = True
        rest = tuple(g.quo(common) for g in ideal.generators)
        pieces = factors(common)
        log.append(
            {
                "op": "factor",
                "index": len(ideals),
                "common": [[text(q), e] for q, e, _ in pieces],
                "rest": [text(g) for g in rest],
            }
        )
        for q, e, _ in pieces:
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
    rest = ring.zero
    for g in generators:
        rest = rest.gcd(strip(g, exponents))
        if is_constant(rest):
            return result
    return result * primitive(rest)


def _merge(state: State, log: Log) -> State:
    """Add the exponents of equal factors."""
    found: dict[tuple[Poly, ...], Fraction] = {}
    for ideal in state.ideals:
        found[ideal.generators] = found.get(ideal.generators, Fraction(0)) + ideal.exponent
    if len(found) == len(state.ideals):
        return state
    log.append({"op": "merge"})
    return replace(state, ideals=tuple(Ideal(g, c) for g, c in found.items()))


def _constant_direction(state: State, log: Log) -> State:
    """Set a coordinate to zero if nothing changes along a line on which it is one."""
    free = [i for i in range(state.vanishing) if state.is_free(i)]
    busy = set().union(*(used(r.value) for r in state.relations)) if state.relations else set()
    active = occurring(state)
    free = [i for i in free if i not in busy and i in active]
    if not free or not state.ideals:
        return state
    rows: dict[tuple[int, int, tuple[int, ...]], list[Fraction]] = {}
    for a, ideal in enumerate(state.ideals):
        for b, g in enumerate(ideal.generators):
            for column, i in enumerate(free):
                for e, c in g.diff(state.ring.gens[i]).items():
                    row = rows.setdefault((a, b, e), [Fraction(0)] * len(free))
                    row[column] = Fraction(int(c.numerator), int(c.denominator))
    directions = kernel([rows[key] for key in sorted(rows)], len(free))
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
