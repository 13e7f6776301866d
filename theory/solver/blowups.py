"""Moves of the recursion: blow-ups, substitutions, shifts and splits of the parameters."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

from theory.solver.algebra import (
    Poly,
    WorkLimit,
    coefficient_list,
    degree_in,
    evaluate,
    factors,
    group,
    is_constant,
    polynomial_ring,
    substitute,
    substitute_quotient,
    text,
    used,
)
from theory.solver.groebner import basis, saturated
from theory.solver.ideals import order
from theory.solver.leaves import decide
from theory.solver.newton import subsets
from theory.solver.states import Ideal, Relation, State, canonical, drop_variables

SUBSTITUTION_TERMS = 600


class Move(NamedTuple):
    """A state that another one leads to, with what a checker needs to repeat the step."""

    state: State
    data: dict[str, Any]


def finish(state: State, data: dict[str, Any]) -> Move:
    """Return a move to the state with standard names; the data tell how it was renamed."""
    result, old = canonical(state)
    names = [str(symbol) for symbol in state.ring.symbols]
    return Move(result, {**data, "renamed": [names[i] for i in old]})


def blow_up(state: State, centre: Sequence[int], lazy: bool) -> list[Move]:
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


def _chart(state: State, centre: Sequence[int], active: Sequence[int], real: Sequence[int]) -> Move:
    """Return one chart of a blow-up.

    ``x_i = u`` for the first active coordinate, ``x_j = u t_j`` with ``t_j != 0`` for the other
    active ones and with any real ``t_j`` for those in `real`, ``u x_j`` for the rest.
    """
    v, names = state.vanishing, [str(symbol) for symbol in state.ring.symbols]
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
            "names": [str(symbol) for symbol in target.symbols],
            "images": [text(image) for image in images],
            "orders": orders,
        },
    )


def _divide_by(p: Poly, index: int, power: int) -> Poly:
    return p.ring.from_dict(
        {(*e[:index], e[index] - power, *e[index + 1 :]): c for e, c in p.items()}
    )


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
        found = []
        for subset in combinations(everything, size):
            orders = [order(j.generators, subset) for j in state.ideals]
            if orders == full if style == 0 else all(orders):
                found.append((-sum(orders), subset))
        if found:
            return min(found)[1]
    return everything


def smooth_substitutions(state: State) -> Iterator[tuple[int, Poly, Poly, Poly]]:
    """Yield a free coordinate, the generator ``c v + r`` and c, r, the simplest first."""
    found = []
    for ideal in state.ideals:
        for g in ideal.generators:
            if len(g) < 2 or len(g) > 40 or state.at_point(g):
                continue
            for i in range(state.vanishing):
                if not state.is_free(i) or degree_in(g, i) != 1:
                    continue
                r, c = coefficient_list(g, i)
                if used(c) & set(range(state.vanishing)):
                    # The part of c that is constant in V decides, but the division would not
                    # stay polynomial: leave c as it is and clear denominators.
                    c0 = state.at_point(c)
                else:
                    c0 = c
                if not c0 or not state.is_unit(c0):
                    continue
                if any(degree_in(x.value, i) for x in state.relations) and not is_constant(c):
                    continue
                rank = (not is_constant(c), len(c), len(r), i, text(g))
                found.append((rank, i, g, c, r))
    for _, i, g, c, r in sorted(found, key=lambda item: item[0]):
        yield i, g, c, r


def substitute_smooth(state: State, index: int, g: Poly, c: Poly, r: Poly) -> Move:
    """Return the state in which the generator has become a coordinate: ``v = (y - r)/c``.

    Raises:
        WorkLimit: If the result is too long.
    """
    y = state.ring.gens[index]

    def move(p: Poly) -> Poly:
        result = substitute_quotient(p, index, y - r, c) if degree_in(p, index) else p
        if len(result) > SUBSTITUTION_TERMS:
            raise WorkLimit("substitution")
        return result

    ideals = []
    for ideal in state.ideals:
        ideals.append(
            Ideal(tuple(y if p == g else move(p) for p in ideal.generators), ideal.exponent)
        )
    relations = tuple(
        Relation(x.polynomial, x.pivot, _divided(move(x.value), c, degree_in(x.value, index)))
        for x in state.relations
    )
    name = str(state.ring.symbols[index])
    return finish(
        replace(state, ideals=tuple(ideals), relations=relations),
        {"variable": name, "generator": text(g), "coefficient": text(c), "rest": text(r)},
    )


def _divided(p: Poly, c: Poly, power: int) -> Poly:
    """Return ``p / c^power``, where c is a number if the power is positive."""
    return p / c.LC**power if power else p


def straighten(state: State) -> Move | None:
    """Return the state with a smooth generator as coordinate whose variable is nowhere else."""
    polynomials = [g for j in state.ideals for g in j.generators]
    polynomials += [r.value for r in state.relations]
    for g in polynomials[: sum(len(j.generators) for j in state.ideals)]:
        if len(g) < 2 or state.at_point(g):
            continue
        for i in range(state.vanishing):
            if not state.is_free(i) or any(degree_in(p, i) for p in polynomials if p is not g):
                continue
            slope = state.at_point(g.diff(state.ring.gens[i]))
            if slope and state.is_unit(slope):
                ideals = tuple(
                    Ideal(
                        tuple(state.ring.gens[i] if p is g else p for p in j.generators),
                        j.exponent,
                    )
                    for j in state.ideals
                )
                return finish(
                    replace(state, ideals=ideals),
                    {"variable": str(state.ring.symbols[i]), "generator": text(g)},
                )
    return None


def shift(state: State, index: int, amount: Poly) -> Move:
    """Return the state after ``v -> v + amount`` for a free coordinate.

    Raises:
        WorkLimit: If the result is too long.
    """
    images = list(state.ring.gens)
    images[index] = images[index] + amount
    ideals = []
    for ideal in state.ideals:
        moved = tuple(substitute(g, images, state.ring) for g in ideal.generators)
        if any(len(g) > SUBSTITUTION_TERMS for g in moved):
            raise WorkLimit("shift")
        ideals.append(Ideal(moved, ideal.exponent))
    relations = tuple(
        Relation(r.polynomial, r.pivot, substitute(r.value, images, state.ring))
        for r in state.relations
    )
    return finish(
        replace(state, ideals=tuple(ideals), relations=relations),
        {"variable": str(state.ring.symbols[index]), "amount": text(amount)},
    )


def shortening_shift(state: State) -> Move | None:
    """Return a shift of a free coordinate that leaves fewer terms, completing powers for example.

    Raises:
        WorkLimit: If a result is too long.
    """
    size = sum(len(g) for j in state.ideals for g in j.generators)
    tried = set()
    for ideal in state.ideals:
        for g in ideal.generators:
            if not 2 < len(g) <= 60:
                continue
            for i in range(state.vanishing):
                top = degree_in(g, i)
                if not state.is_free(i) or not 2 <= top <= 6:
                    continue
                parts = coefficient_list(g, i)
                amounts = [-parts[-2].quo(parts[-1] * top)] if len(parts[-1]) == 1 else []
                for amount in amounts:
                    if not amount or state.at_point(amount) or (i, amount) in tried:
                        continue
                    tried.add((i, amount))
                    move = shift(state, i, amount)
                    if sum(len(p) for j in move.state.ideals for p in j.generators) < size:
                        return move
    return None


def away(state: State, p: Poly) -> Move:
    """Return the part of the region where a polynomial in the parameters is not zero."""
    return finish(replace(state, nonzero=(*state.nonzero, p)), {"side": "nonzero"})


def onto(state: State, p: Poly) -> Move | None:
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
        if not state.is_unit(c) and decide([c, p, *equations], nonzero).answer != "empty":
            continue
        result = _linear(state, i, c, r)
        if result is not None:
            return result
    for i in variables:
        if i in bound or degree_in(p, i) < 2:
            continue
        if not is_constant(coefficient_list(p, i)[-1]):
            continue
        slope = p.diff(state.ring.gens[i])
        if decide([p, slope, *equations], nonzero).answer != "empty":
            continue
        return _relation(state, i, p)
    return None


def _linear(state: State, index: int, c: Poly, r: Poly) -> Move | None:
    """Replace the parameter t by ``(y - r)/c`` with a new coordinate y."""
    v, names = state.vanishing, [str(symbol) for symbol in state.ring.symbols]
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
        relations.append(Relation(head, pivot, value))
    conditions = [evaluate(move(p), 0, 0) for p in state.nonzero]
    conditions.append(bottom)
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
            "names": [str(symbol) for symbol in target.symbols],
        },
    )


def _without_coordinates(p: Poly, count: int) -> Poly:
    zero = (0,) * count
    return p.ring.from_dict({e: c for e, c in p.items() if e[:count] == zero})


def _relation(state: State, index: int, p: Poly) -> Move:
    """Keep the parameter as a function of a new coordinate y with ``p(t) = y``."""
    v, names = state.vanishing, [str(symbol) for symbol in state.ring.symbols]
    target = polynomial_ring(
        ("y", *(f"v{i}" for i in range(v)), *(f"w{i}" for i in range(v, len(names))))
    )

    def embed(q: Poly) -> Poly:
        return target.from_dict({(0, *e): c for e, c in q.items()})

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
            "names": [str(symbol) for symbol in target.symbols],
        },
    )


def split_polynomials(state: State, coefficients: Sequence[Poly]) -> list[Poly]:
    """Return the irreducible factors that may vanish, simplest first."""
    found: dict[Poly, None] = {}
    for p in coefficients:
        for q, _, _ in factors(p):
            if q not in state.units and not is_constant(q):
                found[q] = None
    return sorted(found, key=lambda q: (len(q), sum(q.LM), text(q)))


def components(state: State, *, of_sum: bool) -> list[State] | None:
    """Return parts in separate variables, of the factors or of the generators of the only one.

    Parameters belong to the part in which they occur; a region ties its parameters together.
    """
    blocks: list[tuple[frozenset[int], tuple[str, Any]]] = []
    if of_sum:
        blocks = [(used(g), ("g", g)) for g in state.ideals[0].generators]
    else:
        blocks = [
            (frozenset().union(*(used(g) for g in j.generators)), ("j", j)) for j in state.ideals
        ]
        blocks += [(frozenset([i]), ("n", i)) for i, n in enumerate(state.monomial) if n]
    blocks += [(used(r.polynomial) | used(r.value) | {r.pivot}, ("r", r)) for r in state.relations]
    blocks += [(used(p), ("h", p)) for p in state.nonzero]
    groups: list[tuple[frozenset[int], list[tuple[str, Any]]]] = []
    for variables, item in blocks:
        touching = [g for g in groups if g[0] & variables]
        groups = [g for g in groups if not g[0] & variables]
        merged = frozenset(variables).union(*(g[0] for g in touching))
        groups.append((merged, [x for g in touching for x in g[1]] + [item]))
    useful = [g for g in groups if any(kind in "gjn" for kind, _ in g[1])]
    if len(useful) < 2:
        return None
    parts = []
    for variables, items in sorted(useful, key=lambda g: sorted(g[0])):
        if of_sum:
            generators = tuple(x for kind, x in items if kind == "g")
            ideals: tuple[Ideal, ...] = (Ideal(generators, state.ideals[0].exponent),)
        else:
            ideals = tuple(x for kind, x in items if kind == "j")
        part = replace(
            state,
            ideals=ideals,
            monomial=tuple(
                n if i in variables else Fraction(0) for i, n in enumerate(state.monomial)
            ),
            relations=tuple(x for kind, x in items if kind == "r"),
            nonzero=tuple(x for kind, x in items if kind == "h"),
        )
        gone = [i for i in range(state.ring.ngens) if i not in variables]
        parts.append(drop_variables(part, gone)[0])
    return parts


def vanishing_coefficients(state: State, ideal: Ideal) -> list[Poly]:
    """Return the parts of the generators that are constant in the coordinates, if not zero."""
    found = []
    for g in ideal.generators:
        part = group(g, state.vanishing).get((0,) * state.vanishing)
        if part:
            found.append(part)
    return found


def easier(state: State, p: Poly) -> list[Poly]:
    """Return polynomials to split on first, after which the zeros of p are easier to reach.

    Off the zeros of a coefficient p becomes linear, off those of a slope it becomes smooth, and
    the real zeros of a definite p are singular points.
    """
    variables = sorted(used(p) - state.pivots)
    found: list[Poly] = []
    for i in variables:
        if degree_in(p, i) == 1:
            found.extend(split_polynomials(state, [coefficient_list(p, i)[1]]))
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
            members.append(state.ring.from_dict({e[:size]: c for e, c in q.items()}))
    found.extend(split_polynomials(state, members))
    found.extend(split_polynomials(state, slopes))
    return [q for q in found if q != p]


def linked(state: State, system: Sequence[Poly]) -> list[Poly]:
    """Return the conditions of the region in the variables of a system."""
    active = frozenset().union(*(used(p) for p in system))
    return [p for p in state.region()[1] if used(p) <= active]
