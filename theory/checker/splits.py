"""Re-checks splits of a region of parameters."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from theory.algebra.ring import (
    Poly,
    Ring,
    coefficient_list,
    degree_in,
    evaluate,
    names_of,
    polynomial_ring,
    read,
    substitute,
    used,
)
from theory.algebra.univariate import determinant
from theory.certificate import Node
from theory.checker.claims import ClaimedBounds, ClaimPart, least_claim
from theory.checker.states import Seen, is_unit
from theory.checker.zeros import need, replay


def check_split(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """Off the zeros of a polynomial in the parameters, and on them with it as coordinate."""
    need(len(parts) == 2, "two sides")
    p = read(state.ring, node.data["polynomial"])
    need(min(used(p)) >= state.vanishing, "no polynomial in the parameters")
    sides = {part.data["side"]: part for part in parts}
    away = state._replace(nonzero=(*state.nonzero, p))
    need(away.same_as(sides["nonzero"].state.renamed(sides["nonzero"].data["renamed"])), "away")
    part = sides["zero"]
    onto = _pivoted(state, p, part.data) if "pivot" in part.data else _solved(state, p, part.data)
    need(onto.same_as(part.state.renamed(part.data["renamed"])), "the zeros")
    return least_claim(parts)


def _fresh(state: Seen, names: Sequence[str], gone: int | None) -> tuple[Ring, list[Poly]]:
    need(len(names) == state.ring.ngens + (gone is None), "names")
    ring = polynomial_ring(tuple(names))
    gens = iter(ring.gens[1:])
    images = [ring.gens[0] if i == gone else next(gens) for i in range(state.ring.ngens)]
    return ring, images


def _never(
    system: Sequence[Poly], conditions: Sequence[Poly], data: Mapping[str, Any], key: str
) -> None:
    need(key in data, f"no {key}")
    need(replay(system, conditions, data[key]) == "empty", f"the {key} does not prove it")


def _tied(state: Seen) -> list[Poly]:
    return [q for q, _, _ in state.relations]


def _pivoted(state: Seen, p: Poly, data: Mapping[str, Any]) -> Seen:
    i = names_of(state.ring).index(data["pivot"])
    need(i >= state.vanishing and degree_in(p, i) > 0, "no parameter")
    need(coefficient_list(p, i)[-1].is_ground, "the leading coefficient")
    bound = set().union(*(used(q) | used(v) | {k} for q, k, v in state.relations))
    need(i not in bound, "the parameter is already tied")
    slope = p.diff(state.ring.gens[i])
    _never([p, slope, *_tied(state)], state.nonzero, data, "slope witness")
    ring, images = _fresh(state, data["names"], None)
    moved = state.mapped(ring, images)
    relations = tuple((q, k + 1, v) for q, k, v in moved.relations)
    new = (substitute(p, images, ring), i + 1, ring.gens[0])
    result = moved._replace(
        vanishing=state.vanishing + 1,
        monomial=(Fraction(0), *state.monomial),
        density=(Fraction(1), *state.density),
        relations=(*relations, new),
    )
    return result.reduced()


def _solved(state: Seen, p: Poly, data: Mapping[str, Any]) -> Seen:
    i = names_of(state.ring).index(data["parameter"])
    need(i >= state.vanishing and all(i != k for _, k, _ in state.relations), "no parameter")
    c, r = read(state.ring, data["coefficient"]), read(state.ring, data["rest"])
    need(c * state.ring.gens[i] + r == p and not degree_in(c, i) + degree_in(r, i), "not linear")
    if not c.is_ground and not is_unit(state, c):
        _never([c, p, *_tied(state)], state.nonzero, data, "coefficient witness")
    ring, images = _fresh(state, data["names"], i)
    y, bottom = ring.gens[0], substitute(c, images, ring)
    top = y - substitute(r, images, ring)

    def move(q: Poly) -> Poly:
        total, scale = ring.zero, ring.one
        for k, part in enumerate(reversed(coefficient_list(q, i))):
            scale = scale * bottom if k else scale
            total = total * top + substitute(part, images, ring) * scale
        return total

    vanishing = state.vanishing + 1
    relations = []
    for q, pivot, v in state.relations:
        place = pivot + (1 if pivot < i else 0)
        need(bottom.is_ground or not (degree_in(q, i) or degree_in(v, i)), "a relation")
        whole = move(q - v)
        head = ring.from_dict({e: k for e, k in whole.items() if not any(e[:vanishing])})
        need(degree_in(head - whole, place) < degree_in(head, place), "a relation")
        need(coefficient_list(head, place)[-1].is_ground, "the leading coefficient")
        relations.append((head, place, head - whole))
    conditions = [evaluate(move(h), 0, 0) for h in state.nonzero]
    if relations:
        heads = [head for head, _, _ in relations]
        pivots = [ring.gens[place] for _, place, _ in relations]
        slopes = determinant([[q.diff(x) for x in pivots] for q in heads], ring)
        _never([slopes, *heads], [*conditions, bottom], data, "slopes witness")
    return Seen(
        ring,
        vanishing,
        tuple((tuple(move(g) for g in j), k) for j, k in state.ideals),
        (Fraction(0), *state.monomial),
        (Fraction(1), *state.density),
        tuple(relations),
        (*conditions, bottom),
    )
