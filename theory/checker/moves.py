"""Re-checks changes of coordinates and splits into independent parts."""

from collections.abc import Sequence
from fractions import Fraction

from theory.algebra.ring import Poly, coefficient_list, degree_in, names_of, read
from theory.certificate import Node
from theory.checker.claims import ClaimedBounds, ClaimPart, least_claim
from theory.checker.states import Seen, unit_at_point
from theory.checker.zeros import need, replay


def check_unit(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """An ideal that vanishes nowhere in the region is left out."""
    (part,) = parts
    need(0 <= part.data["index"] < len(state.ideals), "no such ideal")
    generators, _ = state.ideals[part.data["index"]]
    constants = [c for g in generators if (c := state.at_point(g))]
    equations = [*constants, *(q for q, _, _ in state.relations)]
    need(replay(equations, state.nonzero, part.data["witness"]) == "empty", "no unit")
    expected = state.without_ideal(part.data["index"])
    need(expected.same_as(part.state.renamed(part.data["renamed"])), "another state")
    return part.claim


def check_product(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Factors in separate variables: the least value, and multiplicities of ties add."""
    states = [part.state.renamed(part.data["renamed"]) for part in parts]
    state.check_parts(states, of_sum=False)
    _, lower, upper, _ = least_claim(parts)
    if all(part.claim[0] for part in parts):
        return True, Fraction(0), None, None
    tied = [p.claim for p in parts if not p.claim[0] and p.claim[1] == lower]
    known = [c[3] for c in tied if c[2] == lower and c[3] is not None]
    exact = lower == upper and len(known) == len(tied)
    return False, lower, upper, sum(known) if exact else None


def check_sum(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Generators in separate variables: values add."""
    need(len(state.ideals) == 1 and not any(state.monomial), "no plain sum")
    states = [part.state.renamed(part.data["renamed"]) for part in parts]
    state.check_parts(states, of_sum=True)
    claims = [part.claim for part in parts]
    if any(claim[0] for claim in claims):
        return True, Fraction(0), None, None
    uppers = [c[2] for c in claims if c[2] is not None]
    known = [c[3] for c in claims if c[1] == c[2] and c[3] is not None]
    return (
        False,
        sum((c[1] for c in claims), Fraction(0)),
        sum(uppers, Fraction(0)) if len(uppers) == len(claims) else None,
        1 + sum(m - 1 for m in known) if len(known) == len(claims) else None,
    )


def check_substitute(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """A generator ``c v + r`` with unit c and free v becomes the coordinate."""
    (part,) = parts
    ring, data = state.ring, part.data
    i = names_of(ring).index(data["variable"])
    g, c, r = (read(ring, data[key]) for key in ("generator", "coefficient", "rest"))
    y = ring.gens[i]
    need(i < state.vanishing and state.is_free(i), "a bound coordinate")
    need(c * y + r == g and not degree_in(c, i) and not degree_in(r, i), "not linear")
    need(unit_at_point(state, c) and not state.at_point(r), "no coordinate")

    def move(p: Poly) -> Poly:
        total, scale = ring.zero, ring.one
        for k, a in enumerate(reversed(coefficient_list(p, i))):
            scale = scale * c if k else scale
            total = total * (y - r) + a * scale
        return total

    need(c.is_ground or not any(degree_in(v, i) for *_, v in state.relations), "a relation")
    ideals = tuple((tuple(y if p == g else move(p) for p in j), power) for j, power in state.ideals)
    relations = tuple(
        (q, pivot, move(v) / c.LC ** degree_in(v, i) if degree_in(v, i) else v)
        for q, pivot, v in state.relations
    )
    expected = state._replace(ideals=ideals, relations=relations)
    need(expected.same_as(part.state.renamed(data["renamed"])), "another state")
    return part.claim


def check_straighten(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """A smooth generator whose variable is nowhere else becomes the coordinate."""
    (part,) = parts
    ring, data = state.ring, part.data
    i = names_of(ring).index(data["variable"])
    g = read(ring, data["generator"])
    need(i < state.vanishing and state.is_free(i) and not state.at_point(g), "no coordinate")
    need(unit_at_point(state, g.diff(ring.gens[i])), "the slope vanishes")
    everything = [p for j, _ in state.ideals for p in j] + [v for *_, v in state.relations]
    need(sum(1 for p in everything if degree_in(p, i)) == 1, "the variable is elsewhere")
    ideals = tuple((tuple(ring.gens[i] if p == g else p for p in j), c) for j, c in state.ideals)
    expected = state._replace(ideals=ideals)
    need(expected.same_as(part.state.renamed(data["renamed"])), "another state")
    return part.claim


def check_shift(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """A free coordinate v becomes ``v + a`` with a that does not depend on v."""
    (part,) = parts
    ring, data = state.ring, part.data
    i = names_of(ring).index(data["variable"])
    amount = read(ring, data["amount"])
    need(i < state.vanishing and state.is_free(i), "a bound coordinate")
    need(not degree_in(amount, i) and not state.at_point(amount), "no change of coordinates")
    images = [g + amount if k == i else g for k, g in enumerate(ring.gens)]
    expected = state.mapped(ring, images)
    need(expected.same_as(part.state.renamed(data["renamed"])), "another state")
    return part.claim
