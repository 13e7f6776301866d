"""Re-checks values and bounds that were read off exponents: Newton polyhedra and orders."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from theory.algebra.newton import Newton, polyhedron, subsets
from theory.algebra.ring import Poly, degree
from theory.algebra.univariate import determinant
from theory.checker.states import Generators, Seen, is_unit
from theory.checker.zeros import need, replay


def check_newton(state: Seen, data: Mapping[str, Any] | None) -> tuple[Fraction, Fraction, int]:
    """Return ``1/t`` and, from the tests of the faces, value and multiplicity.

    Raises:
        ValueError: If a facet, the convex combination or a test is wrong.
    """
    v = state.vanishing
    newton = polyhedron(
        [([e[:v] for g in j for e in g.keys()], c) for j, c in state.ideals], state.monomial
    )
    upper = newton.exponent(state.density)
    if data is None:
        return upper, upper, 0
    _check_bound(state, newton, data, upper)
    tests = {tuple(face["weight"]): face["tests"] for face in data["faces"]}
    ratios = [Fraction(len(j)) / c for j, c in state.ideals]
    zeros: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for weight, facets in newton.compact_faces():
        need(weight in tests, "a compact face was not tested")
        subsets = _check_face(state, weight, tests[weight])
        zeros.extend((facets, subset) for subset in subsets)
    value = min([upper, *(ratios[k] for _, subset in zeros for k in subset)])
    attaining = set(newton.attaining(state.density)) if upper == value else set()
    best = newton.codimension(sorted(attaining)) if attaining else 0
    for facets, subset in zeros:
        common = sorted(attaining.intersection(facets))
        joint = newton.codimension(common) if common else 0
        best = max(best, joint + sum(1 for k in subset if ratios[k] == value))
    return upper, value, best


def _check_bound(state: Seen, newton: Newton, data: Mapping[str, Any], upper: Fraction) -> None:
    """A valid inequality bounds ``1/t`` from above, a point of the polyhedron from below."""
    facet, points = data["facet"], [tuple(p) for p in data["points"]]
    weights = [Fraction(x) for x in data["weights"]]
    scale, normal, offset = facet["scale"], facet["normal"], facet["offset"]
    need(points == list(newton.points) and scale == newton.scale, "other support points")
    sizes = [sum(w * k for w, k in zip(normal, p, strict=True)) for p in points]
    need(min(sizes) >= offset > 0 and min(normal) >= 0, "the inequality is not valid")
    along = sum((w * d for w, d in zip(normal, state.density, strict=True)), Fraction(0))
    need(along * scale / offset == upper, "the facet does not give the bound")
    need(sum(weights) == 1 and min(weights) >= 0, "no convex combination")
    for i, d in enumerate(state.density):
        total = sum((x * p[i] for x, p in zip(weights, points, strict=True)), Fraction(0))
        need(total <= d * scale / upper, "the combination leaves the diagonal")


def _check_face(
    state: Seen, weight: Sequence[int], tests: Sequence[Mapping[str, Any]]
) -> list[tuple[int, ...]]:
    """Return the sets of ideals with a common zero on a face, all others being tested empty."""
    systems = [_initial(state, j, weight) for j, _ in state.ideals]
    equations = [q for q, _, _ in state.relations]
    nonzero = [*state.ring.gens[: state.vanishing], *state.nonzero]
    record = {tuple(test["ideals"]): test for test in tests}
    empty: list[set[int]] = []
    nonempty = []
    for k, system in enumerate(systems):
        if any(len(p) == 1 and is_unit(state, _at_ones(state, p)) for p in system):
            empty.append({k})
    for subset in sorted(subsets(range(len(systems))), key=len):
        if any(known <= set(subset) for known in empty):
            continue
        test = record.get(subset)
        if test is None:
            raise ValueError("a face was not tested")
        system = [p for k in subset for p in systems[k]]
        if "empty" in test:
            need(replay([*system, *equations], nonzero, test["empty"]) == "empty", "not empty")
            empty.append(set(subset))
            continue
        need(all(system), "a generator is missing on the face")
        need(replay([*system, *equations], nonzero, test["nonempty"]) == "nonempty", "no zero")
        critical = [*system, *_minors(state, system), *equations]
        need(replay(critical, nonzero, test["smooth"]) == "empty", "not smooth")
        nonempty.append(subset)
    return nonempty


def _initial(state: Seen, generators: Sequence[Poly], weight: Sequence[int]) -> list[Poly]:
    def size(e: Sequence[int]) -> int:
        return sum(w * k for w, k in zip(weight, e[: state.vanishing], strict=True))

    least = min(size(e) for g in generators for e in g.keys())
    return [
        state.ring.from_dict({e: c for e, c in g.items() if size(e) == least}) for g in generators
    ]


def _at_ones(state: Seen, p: Poly) -> Poly:
    v = state.vanishing
    return state.ring.from_dict({(*(0,) * v, *e[v:]): c for e, c in p.items()})


def _minors(state: Seen, system: Sequence[Poly]) -> list[Poly]:
    count = state.vanishing if state.relations else state.ring.ngens
    gens = state.ring.gens[:count]
    used = [x for x in gens if any(p.diff(x) for p in system)]
    return [
        determinant([[p.diff(x) for x in choice] for p in system], state.ring)
        for choice in combinations(used, len(system))
    ]


def order_bound(state: Seen) -> Fraction:
    """Return ``1 / (max N/nu + sum c ord J)`` with orders seen in unit coefficients, or zero."""
    total = max(
        (n / d for n, d in zip(state.monomial, state.density, strict=True)), default=Fraction(0)
    )
    known = all(d >= 1 for d in state.density)
    for generators, exponent in state.ideals:
        order = _order(state, generators)
        known = known and order is not None
        total += exponent * (order or 0)
    return 1 / total if known and total else Fraction(0)


def _order(state: Seen, generators: Generators) -> int | None:
    """Return a bound of the order of an ideal at every point of the region."""
    sizes = []
    v = state.vanishing
    pivots = [k for _, k, _ in state.relations]
    for g in generators:
        for e in g.keys():
            front = e[:v]
            part = {(*(0,) * v, *d[v:]): c for d, c in g.items() if d[:v] == front}
            # A pivot depends on V: with a smaller monomial it adds to this coefficient.
            smaller = [d for d in g.keys() if d[:v] != front and _divides(d[:v], front)]
            disturbed = any(d[k] for d in smaller for k in pivots)
            if not disturbed and is_unit(state, state.ring.from_dict(part)):
                sizes.append(sum(front))
    if sizes:
        return int(min(sizes))
    return None if state.relations else int(min(degree(g) for g in generators))


def _divides(e: Sequence[int], d: Sequence[int]) -> bool:
    return all(a <= b for a, b in zip(e, d, strict=True))
