"""Shorter generators of an ideal of germs."""

from collections.abc import Sequence
from operator import add, sub
from typing import Any

from theory.algebra.division import remainder
from theory.algebra.factoring import factors
from theory.algebra.groebner import basis
from theory.algebra.ring import Poly, degree, primitive, text
from theory.meter import WorkLimit, charge, spent
from theory.solver.recursion.states import State

MEMBERSHIP_TERMS = 40

# What a generator has become, None if it is in the ideal of the region, and the work it cost.
_Tidied = dict[Poly, tuple[Poly | None, int]]


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


def reduced_generators(
    state: State, generators: Sequence[Poly], cuts: dict[Poly, None]
) -> list[Poly]:
    """Return generators of the same ideal that are shorter, in a fixed order."""
    seen: _Tidied = {}
    current = _tidy(state, generators, cuts, seen)
    for _ in range(8):
        before = current
        current = _tidy(state, _cut_by_monomials(current), cuts, seen)
        current = _tidy(state, _shorten(current), cuts, seen)
        current = _tidy(state, _row_reduce(state, current), cuts, seen)
        if current == before:
            break
    return _drop_members(current)


def _tidy(
    state: State, generators: Sequence[Poly], cuts: dict[Poly, None], seen: _Tidied
) -> list[Poly]:
    tidied: dict[Poly, None] = {}
    for g in generators:
        if g in seen:
            charge(seen[g][1])
        else:
            before, rest = spent(), state.normal(g)
            kept = cut_units(state, rest, cuts) if rest else None
            seen[g] = kept, spent() - before
        if seen[g][0] is not None:
            tidied[seen[g][0]] = None
    return sorted(tidied, key=lambda p: (len(p), text(p)))


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
        out.append(g.ring.dtype(kept))
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
    divisors = sorted(g.items())
    for e in sorted(f.keys()):
        for d, c in divisors:
            shift = tuple(map(sub, e, d))
            if shift in tried or min(shift) < 0:
                continue
            tried.add(shift)
            charge(1)
            factor = f[e] / c
            if _added(f, divisors, shift, factor) < 0:
                return f - g.mul_term((shift, factor))
    return None


def _added(
    f: Poly, terms: Sequence[tuple[tuple[int, ...], Any]], shift: tuple[int, ...], factor: Any
) -> int:
    """Return by how many terms f grows if a monomial multiple of others is subtracted."""
    change = 0
    for d, c in terms:
        old = f.get(tuple(map(add, d, shift)))
        if old is None:
            change += 1
        elif old == factor * c:
            change -= 1
    return change


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
            if not remainder(g, basis(others, pairs=10)):
                current = others
        except WorkLimit:
            continue
    return current
