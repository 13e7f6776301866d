"""Re-checks the steps that simplify a state."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.algebra.groebner import lift
from theory.algebra.ring import Poly, degree_in, evaluate, names_of, polynomial_ring, read, used
from theory.certificate import Node
from theory.checker.claims import ClaimedBounds, ClaimPart
from theory.checker.states import Seen, unit_at_point
from theory.checker.zeros import groebner, need


def check_simplify(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Every recorded step keeps the value and the multiplicity."""
    (part,) = parts
    for step in part.data["steps"]:
        state = _STEPS[step["op"]](state, step)
    need(state.same_as(part.state.renamed(part.data["renamed"])), "another simplified state")
    return part.claim


def _place(state: Seen, step: Mapping[str, Any]) -> int:
    k = step["index"]
    need(type(k) is int and 0 <= k < len(state.ideals), "no such ideal")
    return int(k)


def _step_ideal(state: Seen, step: Mapping[str, Any]) -> Seen:
    """Both sets of generators lie in the ideal of the other, up to units at the point."""
    k, ring = _place(state, step), state.ring
    before, exponent = state.ideals[k]
    after = tuple(read(ring, text) for text in step["generators"])
    units = [read(ring, text) for text in step["units"]]
    need(all(after), "a generator is zero")
    need(all(unit_at_point(state, u) for u in units), "a factor that was cut is no unit")
    ties = [q - value for q, _, value in state.relations]
    _contains([*after, *ties], before, [])
    _contains([*before, *ties], after, units)
    return state.with_ideal(k, (after, exponent))


def _contains(generators: Sequence[Poly], members: Sequence[Poly], units: Sequence[Poly]) -> None:
    ring = generators[0].ring
    rest = [p for p in members if p not in generators and p.rem(list(generators))]
    if not rest:
        return
    if units:
        ring = polynomial_ring((*names_of(ring), "cut"))
        inverse = ring.gens[-1]
        for u in units:
            inverse = inverse * lift(u, ring)
        generators = [*(lift(g, ring) for g in generators), ring.one - inverse]
        rest = [lift(p, ring) for p in rest]
    reduced = list(groebner(list(generators), ring))
    need(all(not p.rem(reduced) for p in rest), "a generator outside the ideal")


def _step_unit(state: Seen, step: Mapping[str, Any]) -> Seen:
    k = _place(state, step)
    generators, _ = state.ideals[k]
    need(any(unit_at_point(state, g) for g in generators), "no generator is a unit")
    return state.without_ideal(k)


def _step_factor(state: Seen, step: Mapping[str, Any]) -> Seen:
    ring, k = state.ring, _place(state, step)
    generators, exponent = state.ideals[k]
    common = [(read(ring, text), int(e)) for text, e in step["common"]]
    rest = tuple(read(ring, text) for text in step["rest"])
    need(all(rest) and all(e > 0 and not p.is_ground for p, e in common), "an empty factor")
    need(len(rest) > 1 or rest[0].is_ground, "a factor is missing")
    whole = ring.one
    for p, e in common:
        whole = whole * p**e
    for g, r in zip(generators, rest, strict=True):
        product = whole * r
        need(product.monic() == g.monic(), "the factors do not multiply to the generator")
    state = state.without_ideal(k)
    added: list[tuple[tuple[Poly, ...], Fraction]] = []
    monomial = list(state.monomial)
    for p, e in common:
        (first, *more) = sorted(used(p))
        if len(p) == 1 and not more and first < state.vanishing:
            monomial[first] += e * exponent
        elif not unit_at_point(state, p):
            added.append(((p,), e * exponent))
    if len(rest) > 1 and not any(r.is_ground for r in rest):
        added.append((rest, exponent))
    ideals = (*state.ideals[:k], *added, *state.ideals[k:])
    return state._replace(ideals=ideals, monomial=tuple(monomial))


def _step_merge(state: Seen, step: Mapping[str, Any]) -> Seen:
    exponents: dict[tuple[Poly, ...], Fraction] = {}
    for generators, exponent in state.ideals:
        exponents[generators] = exponents.get(generators, Fraction(0)) + exponent
    return state._replace(ideals=tuple(exponents.items()))


def _step_direction(state: Seen, step: Mapping[str, Any]) -> Seen:
    names = list(names_of(state.ring))
    places = [names.index(name) for name in step["variables"]]
    index = names.index(step["variable"])
    need(len(set(places)) == len(places), "a coordinate is named twice")
    need(step["direction"][places.index(index)], "the direction does not move the variable")
    for i, weight in zip(places, step["direction"], strict=True):
        need(not weight or (i < state.vanishing and state.is_free(i)), "a bound coordinate")
        need(not any(degree_in(v, i) for _, _, v in state.relations), "a coordinate in a relation")
    for generators, _ in state.ideals:
        for g in generators:
            slope = state.ring.zero
            for i, weight in zip(places, step["direction"], strict=True):
                slope = slope + g.diff(state.ring.gens[i]) * weight
            need(not slope, "a generator changes along the direction")
    ideals = tuple((tuple(evaluate(g, index, 0) for g in j), c) for j, c in state.ideals)
    return state._replace(ideals=ideals)


def _step_drop(state: Seen, step: Mapping[str, Any]) -> Seen:
    return state.without_variables(step["variables"])


_STEPS: dict[str, Callable[[Seen, Mapping[str, Any]], Seen]] = {
    "ideal": _step_ideal,
    "unit": _step_unit,
    "factor": _step_factor,
    "merge": _step_merge,
    "constant direction": _step_direction,
    "drop": _step_drop,
}
