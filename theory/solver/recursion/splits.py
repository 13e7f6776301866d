"""Splits of a region: polynomials whose zeros are treated apart, and the two sides of one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from theory.algebra.factoring import factors
from theory.algebra.groebner import basis, saturated
from theory.algebra.ring import (
    Poly,
    coefficient_list,
    degree_in,
    evaluate,
    group,
    is_constant,
    names_of,
    polynomial_ring,
    text,
    used,
)
from theory.algebra.univariate import determinant
from theory.meter import WorkLimit
from theory.solver.recursion.canonical import SUBSTITUTION_TERMS, StateMove, finish
from theory.solver.recursion.states import Ideal, Relation, State
from theory.solver.zeros.oracle import decide
from theory.solver.zeros.problem import ZeroStatus


def split_polynomials(state: State, coefficients: Sequence[Poly]) -> list[Poly]:
    """Return the irreducible factors that may vanish, simplest first."""
    chosen: dict[Poly, None] = {}
    for p in coefficients:
        for q, _, _ in factors(p):
            if q not in state.units and not is_constant(q):
                chosen[q] = None
    return sorted(chosen, key=lambda q: (len(q), sum(q.LM), text(q)))


def vanishing_coefficients(state: State, ideal: Ideal) -> list[Poly]:
    """Return the parts of the generators that are constant in the coordinates, if not zero."""
    chosen = []
    for g in ideal.generators:
        part = group(g, state.vanishing).get((0,) * state.vanishing)
        if part:
            chosen.append(part)
    return chosen


def easier(state: State, p: Poly) -> list[Poly]:
    """Return polynomials to split on first, after which the zeros of p are easier to reach.

    Off the zeros of a coefficient p becomes linear, off those of a slope it becomes smooth, and
    the real zeros of a definite p are singular points.
    """
    variables = sorted(used(p) - state.pivots)
    polynomials: list[Poly] = []
    for i in variables:
        if degree_in(p, i) == 1:
            polynomials.extend(split_polynomials(state, [coefficient_list(p, i)[1]]))
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
    polynomials.extend(split_polynomials(state, members))
    polynomials.extend(split_polynomials(state, slopes))
    return [q for q in polynomials if q != p]


def linked(state: State, system: Sequence[Poly]) -> list[Poly]:
    """Return the conditions of the region in the variables of a system."""
    active = frozenset().union(*(used(p) for p in system))
    return [p for p in state.region()[1] if used(p) <= active]


def away(state: State, p: Poly) -> StateMove:
    """Return the part of the region where a polynomial in the parameters is not zero."""
    return finish(replace(state, nonzero=(*state.nonzero, p)), {"side": "nonzero"})


def onto(state: State, p: Poly) -> StateMove | None:
    """Return the part of the region where p vanishes, with p as a new coordinate.

    Returns None if p is not a coordinate in a way that this code can use.

    Raises:
        WorkLimit: If the result is too long.
    """
    equations, nonzero = state.region()
    bound = {i for r in state.relations for i in used(r.polynomial) | used(r.value)}
    variables = sorted(used(p) - state.pivots)
    linear = [i for i in variables if degree_in(p, i) == 1]
    ranked = sorted(linear, key=lambda i: (i in bound, len(coefficient_list(p, i)[1]), i))
    for i in ranked:
        r, c = coefficient_list(p, i)
        if i in bound and not is_constant(c):
            continue
        proofs = {}
        if not state.is_unit(c):
            never = decide([c, p, *equations], nonzero)
            if never.answer != "empty":
                continue
            proofs["coefficient witness"] = never.witness
        result = _linear(state, i, c, r, proofs)
        if result is not None:
            return result
    for i in variables:
        if i in bound or degree_in(p, i) < 2:
            continue
        if not is_constant(coefficient_list(p, i)[-1]):
            continue
        slope = p.diff(state.ring.gens[i])
        never = decide([p, slope, *equations], nonzero)
        if never.answer != "empty":
            continue
        return _relation(state, i, p, {"slope witness": never.witness})
    return None


def _linear(
    state: State, index: int, c: Poly, r: Poly, proofs: Mapping[str, Any]
) -> StateMove | None:
    """Replace the parameter t by ``(y - r)/c`` with a new coordinate y.

    Args:
        state: Where the parameter is.
        index: Place of t.
        c: Its coefficient, without a zero in the region.
        r: The rest of ``c t + r``.
        proofs: Witnesses so far, for the checker.
    """
    v, names = state.vanishing, list(names_of(state.ring))
    new_names = ["y", *(f"v{i}" for i in range(v))]
    rest = [i for i in range(v, len(names)) if i != index]
    target = polynomial_ring((*new_names, *(f"w{i}" for i in rest)))
    place = {old: 1 + old for old in range(v)} | {old: 1 + v + k for k, old in enumerate(rest)}

    def embed(p: Poly, extra: int = 0) -> Poly:
        out = {}
        for e, coefficient in p.items():
            new = [0] * target.ngens
            for old, k in enumerate(e):
                if k:
                    new[place[old] if old != index else 0] = k
            new[0] += extra
            out[tuple(new)] = coefficient
        return target.from_dict(out)

    y = target.gens[0]
    bottom, top = embed(c), y - embed(r)

    def move(p: Poly) -> Poly:
        # Variable 0 of `embed(p)` stands for the old parameter until it is replaced.
        parts = coefficient_list(embed(p), 0)
        result = target.zero
        for power, part in reversed(list(enumerate(parts))):
            result = result * top
            if part:
                result = result + part * bottom ** (len(parts) - 1 - power)
            if len(result) > SUBSTITUTION_TERMS:
                raise WorkLimit("split")
        return result

    relations = []
    for relation in state.relations:
        if not degree_in(relation.polynomial, index) and not degree_in(relation.value, index):
            relations.append(
                Relation(embed(relation.polynomial), place[relation.pivot], embed(relation.value))
            )
            continue
        difference = move(relation.polynomial - relation.value)
        scale = bottom ** max(degree_in(relation.polynomial - relation.value, index), 0)
        if not is_constant(scale):
            return None
        head = _without_coordinates(difference, 1 + v)
        value = head - difference
        pivot = place[relation.pivot]
        if degree_in(value, pivot) >= degree_in(head, pivot):
            return None
        if not is_constant(coefficient_list(head, pivot)[-1]):
            return None
        relations.append(Relation(head, pivot, value))
    conditions = [evaluate(move(p), 0, 0) for p in state.nonzero]
    conditions.append(bottom)
    if relations:
        never = _vanishing_slopes(relations, conditions)
        if never.answer != "empty":
            return None
        proofs = {**proofs, "slopes witness": never.witness}
    result = State(
        target,
        v + 1,
        tuple(Ideal(tuple(move(g) for g in j.generators), j.exponent) for j in state.ideals),
        (Fraction(0), *state.monomial),
        (Fraction(1), *state.density),
        tuple(relations),
        tuple(p for p in conditions if not is_constant(p) or not p),
    )
    return finish(
        result,
        {
            "side": "zero",
            "parameter": names[index],
            "coefficient": text(c),
            "rest": text(r),
            "names": list(names_of(target)),
            **proofs,
        },
    )


def _vanishing_slopes(relations: Sequence[Relation], conditions: Sequence[Poly]) -> ZeroStatus:
    """Return whether some point of a region has pivots that are no functions of the rest.

    Where p = 0 touches the region of the older relations, p is no coordinate: there the
    determinant of the slopes of the relations in their pivots vanishes.
    """
    heads = [relation.polynomial for relation in relations]
    ring = heads[0].ring
    pivots = [ring.gens[relation.pivot] for relation in relations]
    slopes = determinant([[q.diff(x) for x in pivots] for q in heads], ring)
    return decide([slopes, *heads], conditions)


def _without_coordinates(p: Poly, count: int) -> Poly:
    zero = (0,) * count
    return p.ring.dtype({e: c for e, c in p.items() if e[:count] == zero})


def _relation(state: State, index: int, p: Poly, proofs: Mapping[str, Any]) -> StateMove:
    """Keep the parameter as a function of a new coordinate y with ``p(t) = y``."""
    v, names = state.vanishing, list(names_of(state.ring))
    target = polynomial_ring(
        ("y", *(f"v{i}" for i in range(v)), *(f"w{i}" for i in range(v, len(names))))
    )

    def embed(q: Poly) -> Poly:
        return target.dtype({(0, *e): c for e, c in q.items()})

    relations = tuple(
        Relation(embed(r.polynomial), r.pivot + 1, embed(r.value)) for r in state.relations
    )
    new = Relation(embed(p), index + 1, target.gens[0])
    result = State(
        target,
        v + 1,
        tuple(Ideal(tuple(map(embed, j.generators)), j.exponent) for j in state.ideals),
        (Fraction(0), *state.monomial),
        (Fraction(1), *state.density),
        (*relations, new),
        tuple(map(embed, state.nonzero)),
    )
    result = replace(
        result,
        ideals=tuple(
            Ideal(tuple(result.normal(g) for g in j.generators), j.exponent) for j in result.ideals
        ),
    )
    return finish(
        result,
        {
            "side": "zero",
            "pivot": names[index],
            "names": list(names_of(target)),
            **proofs,
        },
    )
