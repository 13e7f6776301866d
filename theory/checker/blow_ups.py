"""Re-checks blow-ups: the charts, and that they cover every direction."""

from collections.abc import Sequence
from fractions import Fraction

from theory.algebra.ring import names_of, polynomial_ring
from theory.certificate import Node
from theory.checker.claims import ClaimedBounds, ClaimPart, least_claim
from theory.checker.states import Seen
from theory.checker.zeros import need


def check_blow_up(node: Node, state: Seen, parts: Sequence[ClaimPart]) -> ClaimedBounds:
    """The charts are those of the centre, and every real direction lies in one of them."""
    names = list(names_of(state.ring))
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
    return least_claim(parts)


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
