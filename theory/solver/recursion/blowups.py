"""Blow-ups of coordinate subspaces, chart by chart, and the choice of the centre."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from theory.algebra.newton import subsets
from theory.algebra.ring import Poly, names_of, polynomial_ring, substitute, text
from theory.solver.recursion.canonical import StateMove, finish
from theory.solver.recursion.generators import order
from theory.solver.recursion.states import Ideal, Relation, State


def blow_up(state: State, centre: Sequence[int], lazy: bool) -> list[StateMove]:
    """Return states that cover the exceptional fibre over the germ.

    Either one for every set of homogeneous coordinates that are not zero, or, if `lazy`, with
    parameters that may be zero instead of free coordinates: then every set of coordinates that
    are not free, or else the first free coordinate that is not zero, gives one state. Only free
    coordinates can be treated so, because the others carry a monomial or a density.
    """
    if not lazy:
        return [_chart(state, centre, active, ()) for active in subsets(list(centre))]
    free = [i for i in centre if state.is_free(i)]
    bound = [i for i in centre if not state.is_free(i)]
    moves = [_chart(state, centre, active, free) for active in subsets(bound)]
    return moves + [_chart(state, centre, [free[k]], free[k + 1 :]) for k in range(len(free))]


def _chart(
    state: State, centre: Sequence[int], active: Sequence[int], real: Sequence[int]
) -> StateMove:
    """Return one chart of a blow-up.

    ``x_i = u`` for the first active coordinate, ``x_j = u t_j`` with ``t_j != 0`` for the other
    active ones and with any real ``t_j`` for those in `real`, ``u x_j`` for the rest.
    """
    v, names = state.vanishing, list(names_of(state.ring))
    first, others = active[0], [*active[1:], *real]
    kept = [i for i in range(v) if i not in others]
    coordinate_names = [f"v{i}" for i in kept]
    parameter_names = [*(f"w{i}" for i in range(v, len(names))), *(f"p{i}" for i in others)]
    target = polynomial_ring((*coordinate_names, *parameter_names))
    at = dict(zip([*coordinate_names, *parameter_names], target.gens, strict=True))
    u = at[f"v{first}"]
    images: list[Poly] = []
    for i in range(len(names)):
        if i >= v:
            images.append(at[f"w{i}"])
        elif i == first:
            images.append(u)
        elif i in others:
            images.append(u * at[f"p{i}"])
        elif i in centre:
            images.append(u * at[f"v{i}"])
        else:
            images.append(at[f"v{i}"])
    orders = [order(j.generators, centre) for j in state.ideals]
    power = sum((state.monomial[i] for i in centre), Fraction(0)) + sum(
        (j.exponent * o for j, o in zip(state.ideals, orders, strict=True)), Fraction(0)
    )
    measure = sum((state.density[i] for i in centre), Fraction(0))
    place = kept.index(first)
    ideals = tuple(
        Ideal(
            tuple(_divide_by(substitute(g, images, target), place, o) for g in j.generators),
            j.exponent,
        )
        for j, o in zip(state.ideals, orders, strict=True)
    )
    shift = len(kept) - v
    result = State(
        target,
        len(kept),
        ideals,
        tuple(power if i == first else state.monomial[i] for i in kept),
        tuple(measure if i == first else state.density[i] for i in kept),
        tuple(
            Relation(
                substitute(r.polynomial, images, target),
                r.pivot + shift,
                substitute(r.value, images, target),
            )
            for r in state.relations
        ),
        (
            *(substitute(p, images, target) for p in state.nonzero),
            *(at[f"p{i}"] for i in active[1:]),
        ),
    )
    return finish(
        result,
        {
            "active": [names[i] for i in active],
            "real": [names[i] for i in real],
            "names": list(names_of(target)),
            "images": [text(image) for image in images],
            "orders": orders,
        },
    )


def _divide_by(p: Poly, index: int, power: int) -> Poly:
    return p.ring.dtype({(*e[:index], e[index] - power, *e[index + 1 :]): c for e, c in p.items()})


def centres(state: State, style: int) -> tuple[int, ...] | None:
    """Return the coordinates to blow up.

    Style 0: the fewest that keep the full order of every ideal; style 1: the fewest on which
    every ideal vanishes, highest total order first; style 2: all.
    """
    everything = tuple(range(state.vanishing))
    if len(everything) < 2:
        return None
    if style == 2:
        return everything
    full = [order(j.generators, everything) for j in state.ideals]
    if len(everything) > 14:
        return everything
    for size in range(2, len(everything)):
        candidates = []
        for subset in combinations(everything, size):
            orders = [order(j.generators, subset) for j in state.ideals]
            if orders == full if style == 0 else all(orders):
                candidates.append((-sum(orders), subset))
        if candidates:
            return min(candidates)[1]
    return everything
