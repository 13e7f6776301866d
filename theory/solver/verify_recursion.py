"""Re-checks the proofs of the recursive solver, rule by rule."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.solver.algebra import (
    Poly,
    Ring,
    coefficient_list,
    degree_in,
    evaluate,
    polynomial_ring,
    rational,
    read,
    substitute,
    used,
)
from theory.solver.certificate import Node
from theory.solver.groebner import lift
from theory.solver.verify_base import CHECKERS, OPAQUE
from theory.solver.verify_newton import check_newton
from theory.solver.verify_state import Seen, read_state, unit_at_point
from theory.solver.verify_zeros import groebner, need, replay

Claim = tuple[bool, Fraction, Fraction | None, int | None]


class Part(NamedTuple):
    """What a node says of one of the claims that it rests on."""

    state: Seen
    claim: Claim
    data: Mapping[str, Any]


def claim_of(data: Mapping[str, Any]) -> Claim:
    """Return infinite, lower, upper and multiplicity as they stand in a part."""
    upper = data["upper"]
    return (
        bool(data["infinite"]),
        Fraction(data["lower"]),
        None if upper is None else Fraction(upper),
        data["multiplicity"],
    )


def own_claim(node: Node) -> Claim:
    """Return the claim of a node in the same form."""
    return bool(node.data["infinite"]), node.lower, node.upper, node.multiplicity


def check_recursion(node: Node) -> None:
    """Check all claims of a proof in their order, and that the last one is about the germ."""
    need(node.children, "no claims")
    for k, child in enumerate(node.children):
        for part in child.data["parts"]:
            below = part["claim"]
            need(isinstance(below, int) and 0 <= below < k, "a claim rests on a later one")
            other = node.children[below]
            need(part["state"] == other.data["state"], "another state")
            need(claim_of(part) == own_claim(other), "another claim")
        check_claim(child)
    last = node.children[-1]
    need(not last.data["infinite"], "no pole")
    need(own_claim(last)[1:] == (node.lower, node.upper, node.multiplicity), "another root")
    germ, first = read_state(node.data["germ"]), read_state(last.data["state"])
    need(germ.same_as(first.renamed(node.data["renamed"])), "another germ")


def check_portfolio(node: Node) -> None:
    """Several attempts at one germ: the best bounds of all."""
    germs = [child.data["germ"] for child in node.children]
    need(all(germ == node.data["germ"] for germ in germs), "another germ")
    uppers = [c.upper for c in node.children if c.upper is not None]
    need(node.lower == max(c.lower for c in node.children), "lower bound")
    need(node.upper == (min(uppers) if uppers else None), "upper bound")
    known = [c.multiplicity for c in node.children if c.exact]
    need(node.multiplicity is None or node.multiplicity in known, "multiplicity")


def check_claim(node: Node) -> None:
    """Check one claim against the claims that it names.

    Raises:
        ValueError: If the rule does not give it.
    """
    state = read_state(node.data["state"])
    parts = [Part(read_state(part["state"]), claim_of(part), part) for part in node.data["parts"]]
    rule = _RULES.get(node.rule)
    if rule is None:
        raise ValueError(f"no checker for rule {node.rule!r}")
    infinite, lower, upper, multiplicity = rule(node, state, parts)
    if "newton bound" in node.data and not infinite:
        bound = Fraction(node.data["newton bound"])
        need(check_newton(state, None)[0] <= bound, "the Newton bound")
        if upper is None or bound < upper:
            upper = bound
            multiplicity = multiplicity if lower == upper else None
    if node.data.get("unknown region"):
        upper = multiplicity = None
    elif upper is not None and not infinite:
        _check_occupied(node, state)
    need((infinite, lower, upper, multiplicity) == own_claim(node), f"claim of {node.rule!r}")


def _check_occupied(node: Node, state: Seen) -> None:
    """Upper bounds need a point in the region; it is seen again by the oracle."""
    from theory.solver.leaves import decide

    if state.relations or any(not p for p in state.nonzero):
        equations = [q for q, _, _ in state.relations]
        status = decide(equations, state.nonzero)
        need(status.answer == "nonempty", "the region may be empty")
        need(replay(equations, state.nonzero, status.witness) == "nonempty", "the region")


def _least(parts: Sequence[Part]) -> Claim:
    finite = [part.claim for part in parts if not part.claim[0]]
    if not finite:
        return True, Fraction(0), None, None
    lower = min(claim[1] for claim in finite)
    upper = min((claim[2] for claim in finite if claim[2] is not None), default=None)
    tied = [claim for claim in finite if claim[1] == lower]
    known = [claim[3] for claim in tied if claim[2] == lower and claim[3] is not None]
    exact = lower == upper and len(known) == len(tied)
    return False, lower, upper, max(known) if exact else None


def _same(part: Part) -> Claim:
    return part.claim


def _empty(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    equations = [q for q, _, _ in state.relations]
    need(replay(equations, state.nonzero, node.data["witness"]) == "empty", "not empty")
    return True, Fraction(0), None, None


def _no_pole(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    need(not state.ideals and not any(state.monomial), "K vanishes somewhere")
    return True, Fraction(0), None, None


def _monomial(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    need(not state.ideals, "factors are left")
    ratios = [d / n for n, d in zip(state.monomial, state.density, strict=True) if n]
    return False, min(ratios), min(ratios), ratios.count(min(ratios))


def _bounds(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    """Hoelder from below with orders that are seen in unit coefficients, Newton from above."""
    total = max(
        (n / d for n, d in zip(state.monomial, state.density, strict=True)), default=Fraction(0)
    )
    known = all(d >= 1 for d in state.density)
    for generators, exponent in state.ideals:
        order = state.order_bound(generators)
        known = known and order is not None
        total += exponent * (order or 0)
    best = 1 / total if known and total else Fraction(0)
    need(node.lower <= best, "the lower bound")
    if node.upper is not None:
        need(check_newton(state, None)[0] <= node.upper, "the upper bound")
    return False, node.lower, node.upper, None


def _newton(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    _, value, multiplicity = check_newton(state, node.data)
    return False, value, value, multiplicity


def _simplify(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    (part,) = parts
    for step in part.data["steps"]:
        state = _STEPS[step["op"]](state, step)
    need(state.same_as(part.state.renamed(part.data["renamed"])), "another simplified state")
    return part.claim


def _step_ideal(state: Seen, step: Mapping[str, Any]) -> Seen:
    """Both sets of generators lie in the ideal of the other, up to units at the point."""
    k, ring = step["index"], state.ring
    before, exponent = state.ideals[k]
    after = tuple(read(ring, text) for text in step["generators"])
    units = [read(ring, text) for text in step["units"]]
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
        ring = polynomial_ring((*(str(s) for s in ring.symbols), "cut"))
        inverse = ring.gens[-1]
        for u in units:
            inverse = inverse * lift(u, ring)
        generators = [*(lift(g, ring) for g in generators), ring.one - inverse]
        rest = [lift(p, ring) for p in rest]
    reduced = list(groebner(list(generators), ring))
    need(all(not p.rem(reduced) for p in rest), "a generator outside the ideal")


def _step_unit(state: Seen, step: Mapping[str, Any]) -> Seen:
    generators, _ = state.ideals[step["index"]]
    need(any(unit_at_point(state, g) for g in generators), "no generator is a unit")
    return state.without_ideal(step["index"])


def _step_factor(state: Seen, step: Mapping[str, Any]) -> Seen:
    ring, k = state.ring, step["index"]
    generators, exponent = state.ideals[k]
    common = [(read(ring, text), int(e)) for text, e in step["common"]]
    rest = tuple(read(ring, text) for text in step["rest"])
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
    found: dict[tuple[Poly, ...], Fraction] = {}
    for generators, exponent in state.ideals:
        found[generators] = found.get(generators, Fraction(0)) + exponent
    return state._replace(ideals=tuple(found.items()))


def _step_direction(state: Seen, step: Mapping[str, Any]) -> Seen:
    names = [str(s) for s in state.ring.symbols]
    places = [names.index(name) for name in step["variables"]]
    index = names.index(step["variable"])
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


def _unit(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    (part,) = parts
    generators, _ = state.ideals[part.data["index"]]
    constants = [c for g in generators if (c := state.at_point(g))]
    equations = [*constants, *(q for q, _, _ in state.relations)]
    need(replay(equations, state.nonzero, part.data["witness"]) == "empty", "no unit")
    expected = state.without_ideal(part.data["index"])
    need(expected.same_as(part.state.renamed(part.data["renamed"])), "another state")
    return part.claim


def _product(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    pieces = [part.state.renamed(part.data["renamed"]) for part in parts]
    state.check_pieces(pieces, of_sum=False)
    _, lower, upper, _ = _least(parts)
    if all(part.claim[0] for part in parts):
        return True, Fraction(0), None, None
    tied = [p.claim for p in parts if not p.claim[0] and p.claim[1] == lower]
    known = [c[3] for c in tied if c[2] == lower and c[3] is not None]
    exact = lower == upper and len(known) == len(tied)
    return False, lower, upper, sum(known) if exact else None


def _sum(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    need(len(state.ideals) == 1 and not any(state.monomial), "no plain sum")
    pieces = [part.state.renamed(part.data["renamed"]) for part in parts]
    state.check_pieces(pieces, of_sum=True)
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


def _substitute(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    """A generator ``c v + r`` with unit c and free v becomes the coordinate."""
    (part,) = parts
    ring, data = state.ring, part.data
    i = [str(s) for s in ring.symbols].index(data["variable"])
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


def _straighten(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    (part,) = parts
    ring, data = state.ring, part.data
    i = [str(s) for s in ring.symbols].index(data["variable"])
    g = read(ring, data["generator"])
    need(i < state.vanishing and state.is_free(i) and not state.at_point(g), "no coordinate")
    need(unit_at_point(state, g.diff(ring.gens[i])), "the slope vanishes")
    everything = [p for j, _ in state.ideals for p in j] + [v for *_, v in state.relations]
    need(sum(1 for p in everything if degree_in(p, i)) == 1, "the variable is elsewhere")
    ideals = tuple((tuple(ring.gens[i] if p == g else p for p in j), c) for j, c in state.ideals)
    expected = state._replace(ideals=ideals)
    need(expected.same_as(part.state.renamed(data["renamed"])), "another state")
    return part.claim


def _shift(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    (part,) = parts
    ring, data = state.ring, part.data
    i = [str(s) for s in ring.symbols].index(data["variable"])
    amount = read(ring, data["amount"])
    need(i < state.vanishing and state.is_free(i), "a bound coordinate")
    need(not degree_in(amount, i) and not state.at_point(amount), "no change of coordinates")
    images = [g + amount if k == i else g for k, g in enumerate(ring.gens)]
    expected = state.mapped(ring, images)
    need(expected.same_as(part.state.renamed(data["renamed"])), "another state")
    return part.claim


def _blow_up(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
    """The charts are those of the centre, and every real direction lies in one of them."""
    names = [str(s) for s in state.ring.symbols]
    centre = [names.index(name) for name in node.data["centre"]]
    need(len(set(centre)) >= 2 and max(centre) < state.vanishing, "no centre")
    charts = []
    for part in parts:
        active = [names.index(name) for name in part.data["active"]]
        real = [names.index(name) for name in part.data["real"]]
        need(set(active + real) <= set(centre) and active, "a chart off the centre")
        need(all(state.is_free(i) for i in real), "a parameter with a density may be zero")
        expected = _chart(state, centre, active, real, part.data["names"])
        need(expected.same_as(part.state.renamed(part.data["renamed"])), "another chart")
        charts.append((set(active), set(real)))
    for mask in range(1, 1 << len(centre)):
        support = {i for k, i in enumerate(centre) if mask >> k & 1}
        need(
            any(active <= support <= active | real for active, real in charts),
            "a direction is missing",
        )
    return _least(parts)


def _chart(
    state: Seen,
    centre: Sequence[int],
    active: Sequence[int],
    real: Sequence[int],
    names: Sequence[str],
) -> Seen:
    first, others = active[0], [*active[1:], *real]
    kept = [i for i in range(state.vanishing) if i not in others]
    rest = list(range(state.vanishing, state.ring.ngens))
    ring = polynomial_ring(tuple(names))
    at = dict(zip([*kept, *rest, *others], ring.gens, strict=True))
    u = at[first]
    images = [u * at[i] if i in centre and i != first else at[i] for i in range(state.ring.ngens)]
    place = kept.index(first)
    orders = [min(sum(e[i] for i in centre) for g in j for e in g.keys()) for j, _ in state.ideals]
    moved = state.mapped(ring, images)
    power = sum((state.monomial[i] for i in centre), Fraction(0))
    power += sum((c * o for (_, c), o in zip(state.ideals, orders, strict=True)), Fraction(0))
    ideals = tuple(
        (tuple(g.quo(u**o) if o else g for g in j), c)
        for (j, c), o in zip(moved.ideals, orders, strict=True)
    )
    measure = sum((state.density[i] for i in centre), Fraction(0))
    shift = len(kept) - state.vanishing
    return Seen(
        ring,
        len(kept),
        ideals,
        tuple(power if k == place else state.monomial[i] for k, i in enumerate(kept)),
        tuple(measure if k == place else state.density[i] for k, i in enumerate(kept)),
        tuple((q, pivot + shift, v) for q, pivot, v in moved.relations),
        (*moved.nonzero, *(at[i] for i in active[1:])),
    )


def _split(node: Node, state: Seen, parts: Sequence[Part]) -> Claim:
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
    return _least(parts)


def _fresh(state: Seen, names: Sequence[str], gone: int | None) -> tuple[Ring, list[Poly]]:
    ring = polynomial_ring(tuple(names))
    gens = iter(ring.gens[1:])
    images = [ring.gens[0] if i == gone else next(gens) for i in range(state.ring.ngens)]
    return ring, images


def _never(state: Seen, equations: Sequence[Poly]) -> None:
    from theory.solver.leaves import decide

    system = [*equations, *(q for q, _, _ in state.relations)]
    status = decide(system, state.nonzero)
    need(status.answer == "empty", "a coefficient may vanish")
    need(replay(system, state.nonzero, status.witness) == "empty", "a coefficient may vanish")


def _pivoted(state: Seen, p: Poly, data: Mapping[str, Any]) -> Seen:
    i = [str(s) for s in state.ring.symbols].index(data["pivot"])
    need(i >= state.vanishing and degree_in(p, i) > 0, "no parameter")
    need(coefficient_list(p, i)[-1].is_ground, "the leading coefficient")
    bound = set().union(*(used(q) | used(v) | {k} for q, k, v in state.relations))
    need(i not in bound, "the parameter is already tied")
    _never(state, [p, p.diff(state.ring.gens[i])])
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
    i = [str(s) for s in state.ring.symbols].index(data["parameter"])
    need(i >= state.vanishing and all(i != k for _, k, _ in state.relations), "no parameter")
    c, r = read(state.ring, data["coefficient"]), read(state.ring, data["rest"])
    need(c * state.ring.gens[i] + r == p and not degree_in(c, i) + degree_in(r, i), "not linear")
    if not c.is_ground:
        _never(state, [c, p])
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
        relations.append((head, place, head - whole))
    conditions = [evaluate(move(h), 0, 0) for h in state.nonzero]
    return Seen(
        ring,
        vanishing,
        tuple((tuple(move(g) for g in j), k) for j, k in state.ideals),
        (Fraction(0), *state.monomial),
        (Fraction(1), *state.density),
        tuple(relations),
        (*conditions, bottom),
    )


_RULES: dict[str, Callable[[Node, Seen, Sequence[Part]], Claim]] = {
    "empty": _empty,
    "no pole": _no_pole,
    "monomial": _monomial,
    "bounds": _bounds,
    "newton": _newton,
    "simplify": _simplify,
    "unit": _unit,
    "product": _product,
    "sum": _sum,
    "substitute": _substitute,
    "straighten": _straighten,
    "shift": _shift,
    "blow up": _blow_up,
    "split": _split,
}


def check_arrangement(node: Node) -> None:
    """Recompute the least ratio over all intersections of the hyperplanes."""
    from theory.solver.arrangements import arrangement

    state = read_state(node.data["germ"])
    need(all(d == 1 for d in state.density), "a density")
    forms, exponents = [], []
    for i, n in enumerate(state.monomial):
        if n:
            forms.append(tuple(Fraction(int(i == j)) for j in range(state.vanishing)))
            exponents.append(n)
    for generators, exponent in state.ideals:
        (p,) = generators
        need(all(sum(e) == 1 for e in p.keys()), "no linear form")
        form = [Fraction(0)] * state.vanishing
        for e, c in p.items():
            form[e.index(1)] = rational(c)
        forms.append(tuple(form))
        exponents.append(exponent)
    value, multiplicity = arrangement(forms, exponents)
    need((node.lower, node.upper, node.multiplicity) == (value, value, multiplicity), "claim")


CHECKERS.update(
    {
        "recursion": check_recursion,
        "portfolio": check_portfolio,
        "arrangement": check_arrangement,
    }
)
OPAQUE.add("recursion")
