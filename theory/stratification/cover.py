"""Proves that sampled points stand for every zero of K in three variables."""

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from theory.solver.budget import attempt
from theory.solver.plane.field import is_rational
from theory.solver.plane.roots import Poly, common, trim
from theory.solver.zeros.oracle import real_status
from theory.stratification.components import Element, Factorisation, number, shortened, terms, text
from theory.stratification.loci import Crossing, Loci, Place, System, rank, vanish
from theory.stratification.zeros import rational_roots, real_numbers


def undecided(
    parts: Factorisation, places: Loci, sampled: Collection[Place], seconds: float
) -> list[str]:
    """Return what stands against the claim that the samples stand for all zeros; none if proved.

    The special zeros have to lie on half-axes that a scaling ``x_i -> s^(w_i) x_i`` of K turns
    into single orbits, or to be sampled points; both are decided exactly. Every crossing without a
    generic sample must have no generic real point.
    """
    reasons = []
    share = seconds / (4 * len(places.special) + len(places.crossings) + 1)
    for system in places.special:
        if not _covered(parts, system, sampled, share):
            listed = ", ".join(shortened(text(f)) for f in system)
            reasons.append(f"samples are not proved to stand for all real zeros of <{listed}>")
    for crossing in places.crossings:
        if not _generic(places, crossing, sampled, share):
            listed = ", ".join(shortened(text(f)) for f in crossing.equations)
            reasons.append(f"no rational point was found at which just <{listed}> vanishes")
    return reasons


def _generic(places: Loci, crossing: Crossing, sampled: Collection[Place], share: float) -> bool:
    """Return whether a crossing has a generic sample, or no generic real point."""
    others = [(c.polynomial,) for k, c in enumerate(places.surfaces) if k not in crossing.surfaces]
    others += [ideal for k, ideal in enumerate(places.ideals) if k not in crossing.ideals]
    for place in sampled:
        if vanish(crossing.equations, place) and not places.is_special(place):
            if not any(vanish(system, place) for system in others):
                return True
    # Over the reals a sum of squares is zero where all of them are.
    away = [_squares(crossing.minors), *map(_squares, others)]
    return not crossing.minors or _empty(crossing.equations, away, share)


def _squares(system: System) -> Element:
    if len(system) == 1:
        return system[0]
    return sum(f**2 for f in system)


def _covered(
    parts: Factorisation, system: System, sampled: Collection[Place], share: float
) -> bool:
    gens = system[0].ring.gens
    known = [p for p in sampled if sum(map(bool, p)) > 1 and vanish(system, p)]
    away = [
        sum(((x - number(a)) ** 2 for x, a in zip(gens, p, strict=True)), gens[0].ring.zero)
        for p in known[:4]
    ]
    for one, two in combinations(gens, 2):
        if not _empty(system, [one, two, *away], share):
            return False
    return all(_axis_covered(parts, system, index, sampled) for index in range(len(gens)))


def _axis_covered(
    parts: Factorisation, system: System, index: int, sampled: Collection[Place]
) -> bool:
    """Check the zeros of a system on one axis."""
    size = len(parts.names)
    shared: Poly = []
    for f in system:
        line = _on_axis(f, index)
        shared = common(shared, line) if shared and line else shared or line
    unit = tuple(Fraction(int(i == index)) for i in range(size))
    origin = (Fraction(0),) * size
    if not shared:
        both = [p for p in sampled if p[index] and not any(p[:index] + p[index + 1 :])]
        signs = {p[index] > 0 for p in both}
        return origin in sampled and len(signs) == 2 and _scales(parts, index)
    numbers = [c for c in shared if is_rational(c)]
    roots = rational_roots(numbers)
    return len(roots) == len(real_numbers(numbers)) and all(
        tuple(root * u for u in unit) in sampled for root in roots
    )


def _scales(parts: Factorisation, index: int) -> bool:
    """Return whether K is homogeneous for weights that are not zero on a coordinate."""
    unit = [Fraction(int(i == index)) for i in range(len(parts.names))]
    rows: list[list[Fraction]] = []
    polynomials = [c.polynomial for c in parts.factors if not c.definite]
    polynomials += [g for ideal in parts.ideals for g in ideal if g]
    for f in polynomials:
        first, *rest = sorted(terms(f))
        rows += [[Fraction(a - b) for a, b in zip(e, first, strict=True)] for e in rest]
    # Weights are orthogonal to all rows; one of them sees the coordinate unless it is in the span.
    return rank([*rows, unit]) > rank(rows)


def _empty(system: Sequence[Element], nonzero: Sequence[Element], share: float) -> bool:
    status: Any = attempt(share, real_status, [f for f in system if f], list(nonzero))
    return bool(status.done and status.value.answer == "empty")


def _on_axis(f: Element, index: int) -> Poly:
    coefficients: dict[int, Fraction] = {}
    for e, c in terms(f).items():
        if not any(k for i, k in enumerate(e) if i != index):
            coefficients[e[index]] = c
    return trim(
        [coefficients.get(k, Fraction(0)) for k in range(max(coefficients, default=-1) + 1)]
    )
