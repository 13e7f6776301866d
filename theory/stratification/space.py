"""Local coefficients along a zero set in three variables, at rational sample points.

Points are searched on every surface, every zero set of an ideal, their singular points and
crossings. Points with one signature are taken for one stratum; at least two of them are computed,
and more if their coefficients may differ.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from theory.coefficient import RLCT
from theory.solver.budget import attempt
from theory.stratification.arcs import simplicity
from theory.stratification.box import EVERYWHERE, Box
from theory.stratification.components import Factorisation
from theory.stratification.cover import undecided as open_questions
from theory.stratification.loci import (
    Loci,
    Place,
    System,
    deeper,
    gradient,
    loci,
    names_through,
    rank,
    value,
    vanish,
)
from theory.stratification.points import AlgebraicPoint, point_of
from theory.stratification.result import Stratum
from theory.stratification.search import rational_points
from theory.stratification.signatures import signature

Evaluate = Callable[[AlgebraicPoint, float], RLCT]
Group = dict[tuple[object, ...], list[Place]]
SAMPLES = 2
MAX_POINTS = 400


def space_strata(
    parts: Factorisation, box: Box, timeout: float, evaluate: Evaluate
) -> tuple[list[Stratum], list[str]]:
    """Return the strata that were found in the box, and what was not decided.

    A quarter of the time is for points, half of it for coefficients, the rest for completeness.
    """
    places = loci(parts)
    groups = _groups(places, box, timeout / 4)
    chosen = {key: _chosen(members) for key, members in groups.items()}
    sampled = [place for samples in chosen.values() for place in samples]
    each = timeout / 2 / max(1, len(sampled))
    strata: dict[tuple[object, ...], Stratum] = {}
    for key, samples in chosen.items():
        for place in samples:
            point = point_of(parts.names, place)
            value = evaluate(point, each)
            index = (key, value.lower, value.upper, value.multiplicity)
            if index not in strata:
                strata[index] = Stratum(
                    value,
                    point,
                    _dimension(places, place, samples),
                    _describe(places, place),
                    tuple(names_through(places, place)),
                )
    if any(side != EVERYWHERE for side in box):
        return list(strata.values()), ["completeness is not proved inside a box"]
    return list(strata.values()), open_questions(parts, places, set(sampled), timeout / 4)


def _groups(places: Loci, box: Box, seconds: float) -> Group:
    """Return the points that were found by signature, the simplest first."""
    systems: list[System] = [crossing.equations for crossing in places.crossings]
    systems += [*places.special, *deeper(places)]
    by_point: dict[Place, None] = {}
    for system in systems:
        share = seconds / len(systems)
        points = attempt(share, _collect, rational_points(system, box)).value or []
        by_point.update(dict.fromkeys(points))
    groups: Group = {}
    for place in sorted(by_point, key=lambda p: [simplicity(x) for x in p]):
        groups.setdefault(signature(places, place), []).append(place)
    return groups


def _collect(points: Iterator[Place]) -> list[Place]:
    return list(islice(points, MAX_POINTS))


def _chosen(members: Sequence[Place]) -> list[Place]:
    """Return the simplest points, and the simplest one on every half-axis."""
    simplest = dict.fromkeys(members[:SAMPLES])
    axes: dict[tuple[int, bool], Place] = {}
    for place in members:
        used = [i for i, x in enumerate(place) if x]
        if len(used) == 1:
            axes.setdefault((used[0], place[used[0]] > 0), place)
    return list(simplest | dict.fromkeys(axes.values()))


def _dimension(places: Loci, place: Place, samples: Sequence[Place]) -> int:
    """Return the dimension of a stratum; for special points as far as the samples show it."""
    for crossing in places.crossings:
        alone = not places.is_special(place) and vanish(crossing.equations, place)
        through = len(crossing.surfaces) + len(crossing.ideals)
        if alone and through == len(names_through(places, place)):
            return len(place) - len(crossing.equations)
    for system in places.special:
        if vanish(system, place):
            rows = [[value(d, place) for d in gradient(f)] for f in system]
            if rank(rows) == len(place):
                return 0
    return 1 if len(samples) > 1 else 0


def _describe(places: Loci, place: Place) -> str:
    names = names_through(places, place)
    listed = " and ".join(names)
    if not places.is_special(place):
        return f"along {listed}" if len(names) == 1 else f"crossing of {listed}"
    return f"singular point of {listed}" if len(names) == 1 else f"contact of {listed}"
