"""Leaves of the recursion: values read off a Newton polyhedron under tested conditions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any, final

from theory.solver.algebra import Poly, WorkLimit, charge, degree, spent, text
from theory.solver.newton import Newton, Vector, minimal_points, polyhedron, rank, subsets
from theory.solver.real_zeros import Status, real_status
from theory.solver.states import Ideal, State
from theory.solver.univariate import determinant

MAX_MINORS = 120
MAX_TESTED_FACES = 4000


@final
@dataclass(frozen=True)
class Leaf:
    """What the Newton polyhedron of a state gives.

    Attributes:
        upper: ``1/t``, an upper bound in any case.
        exact: Whether `value` and `multiplicity` hold.
        value: Lambda.
        multiplicity: Order of the pole.
        data: Facet, convex combination and the tests of the faces.
    """

    upper: Fraction
    exact: bool
    value: Fraction = Fraction(0)
    multiplicity: int = 0
    data: dict[str, Any] = field(default_factory=dict)


def monomial_leaf(state: State) -> tuple[Fraction, int] | None:
    """Return ``min nu/N`` and how often it occurs, None if no exponent is positive."""
    ratios = [d / n for d, n in zip(state.density, state.monomial, strict=True) if n]
    return (min(ratios), ratios.count(min(ratios))) if ratios else None


def hoelder(state: State) -> Fraction | None:
    """Return a lower bound from Hoelder's inequality, None if there is no pole at all.

    ``1/lambda <= max N_j/nu_j + sum c_k ord(J_k)``, because an ideal of order o has threshold at
    least 1/o, also under a density that is bounded, and monomials have theirs.
    """
    if any(d < 1 for d in state.density):
        return Fraction(0)
    total = max(
        (n / d for n, d in zip(state.monomial, state.density, strict=True)), default=Fraction(0)
    )
    for ideal in state.ideals:
        bound = certified_order(state, ideal)
        if bound is None:
            return Fraction(0)
        total += ideal.exponent * bound
    return 1 / total if total else None


def certified_order(state: State, ideal: Ideal) -> int | None:
    """Return a bound of the order of an ideal that holds at every point of the region."""
    v = state.vanishing
    best: int | None = None
    for g in ideal.generators:
        for e in g.keys():
            size = sum(e[:v])
            if best is not None and size >= best:
                continue
            part = g.ring.from_dict({d: c for d, c in g.items() if d[:v] == e[:v]})
            coefficient = g.ring.from_dict({(*(0,) * v, *d[v:]): c for d, c in part.items()})
            if state.is_unit(coefficient):
                best = size
    if best is None and not state.relations:
        # Nonzero polynomials have no zero of higher order than their degree.
        best = min(degree(g) for g in ideal.generators)
    return best


def newton_of(state: State) -> Newton:
    """Return the Newton polyhedron of the state in its vanishing coordinates.

    Raises:
        WorkLimit: If it has too many facets.
    """
    v = state.vanishing
    supports = [
        ([e[:v] for g in ideal.generators for e in g.keys()], ideal.exponent)
        for ideal in state.ideals
    ]
    return polyhedron(supports, state.monomial)


def vertex_coefficients(state: State) -> list[Poly]:
    """Return the coefficients of the first vertex at which an ideal may lose its monomial."""
    v = state.vanishing
    zero = [Fraction(0)] * v
    equations, nonzero = state.region()
    for ideal in state.ideals:
        support = minimal_points([e[:v] for g in ideal.generators for e in g.keys()])
        moving = [p for p in support if not _has_unit(state, ideal, p)]
        if not moving:
            continue
        own = polyhedron([(support, Fraction(1))], zero)
        for j, point in enumerate(own.points):
            normals = [f.normal for f, on in zip(own.facets, own.on, strict=True) if on >> j & 1]
            if point not in moving or rank(normals) < v:
                continue
            found = [p for g in ideal.generators if (p := _coefficient(g, point)) is not None]
            if decide([*found, *equations], nonzero).answer != "empty":
                return found
    return []


def _has_unit(state: State, ideal: Ideal, point: Sequence[int]) -> bool:
    found = (_coefficient(g, point) for g in ideal.generators)
    return any(p is not None and state.is_unit(p) for p in found)


def _coefficient(g: Poly, point: Sequence[int]) -> Poly | None:
    v = len(point)
    part = {(*(0,) * v, *e[v:]): c for e, c in g.items() if e[:v] == tuple(point)}
    return g.ring.from_dict(part) if part else None


def initial(state: State, ideal: Ideal, weight: Vector) -> list[Poly]:
    """Return the terms of least weight of the ideal, generator by generator."""
    v = state.vanishing

    def size(e: Sequence[int]) -> int:
        return sum(w * k for w, k in zip(weight, e[:v], strict=True))

    least = min(size(e) for g in ideal.generators for e in g.keys())
    return [
        g.ring.from_dict({e: c for e, c in g.items() if size(e) == least}) for g in ideal.generators
    ]


def newton_leaf(state: State, newton: Newton) -> Leaf:
    """Return the value if every compact face passes the test (A) or (B), else the bound.

    (A): the initial system of every ideal has no zero with all coordinates nonzero.
    (B): it has, but there the generators of the ideals that vanish are smooth and transversal.
    """
    upper = newton.exponent(state.density)
    fail = Leaf(upper, False)
    attaining = set(newton.attaining(state.density))
    faces = newton.compact_faces()
    if len(faces) > MAX_TESTED_FACES:
        return fail
    ratios = [Fraction(len(j.generators)) / j.exponent for j in state.ideals]
    zeros: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    tests: list[dict[str, Any]] = []
    done: dict[Any, tuple[list[tuple[int, ...]], list[dict[str, Any]]] | None] = {}
    # Large faces fail first if any does, and failing early saves the rest.
    for weight, facets in sorted(faces, key=lambda item: (len(item[1]), item)):
        charge(4 + len(state.ideals))
        systems = [initial(state, j, weight) for j in state.ideals]
        shape = tuple(tuple(system) for system in systems)
        if shape not in done:
            done[shape] = _test_face(state, systems)
        found = done[shape]
        if found is None:
            return fail
        zeros.extend((facets, subset) for subset in found[0])
        tests.append({"weight": list(weight), "tests": found[1]})
    value = min([upper, *(ratios[k] for _, subset in zeros for k in subset)])
    best = newton.codimension(sorted(attaining)) if upper == value else 0
    for facets, subset in zeros:
        common = sorted(attaining.intersection(facets)) if upper == value else []
        joint = newton.codimension(common) if common else 0
        best = max(best, joint + sum(1 for k in subset if ratios[k] == value))
    facet = newton.facets[sorted(attaining)[0]]
    data = {
        "facet": {"normal": list(facet.normal), "offset": facet.offset, "scale": newton.scale},
        "points": [list(p) for p in newton.points],
        "weights": [str(x) for x in newton.hit(state.density)],
        "faces": tests,
    }
    return Leaf(upper, True, value, best, data)


def _test_face(
    state: State, systems: Sequence[Sequence[Poly]]
) -> tuple[list[tuple[int, ...]], list[dict[str, Any]]] | None:
    """Return which sets of ideals vanish together on a face, None if the tests fail."""
    log: list[dict[str, Any]] = []
    equations, nonzero = state.region()
    nonzero = [*state.coordinates, *nonzero]
    vanishing: list[int] = []
    certain: dict[tuple[int, ...], Status] = {}
    for k, system in enumerate(systems):
        if any(len(p) == 1 and state.is_unit(_without_coordinates(state, p)) for p in system):
            continue
        status = decide([*system, *equations], nonzero)
        if status.answer == "empty":
            log.append({"ideals": [k], "empty": status.witness})
            continue
        vanishing.append(k)
        certain[(k,)] = status
    zeros: list[tuple[int, ...]] = []
    for subset in sorted(subsets(vanishing), key=len):
        together = [p for k in subset for p in systems[k]]
        status = certain.get(subset) or decide([*together, *equations], nonzero)
        if status.answer == "empty":
            log.append({"ideals": list(subset), "empty": status.witness})
            continue
        if status.answer == "unknown" or any(not p for p in together):
            return None
        critical = _not_smooth(state, together)
        if critical is None:
            return None
        smooth = decide([*together, *critical, *equations], nonzero)
        if smooth.answer != "empty":
            return None
        log.append({"ideals": list(subset), "nonempty": status.witness, "smooth": smooth.witness})
        zeros.append(subset)
    return zeros, log


def _without_coordinates(state: State, p: Poly) -> Poly:
    """Return a polynomial with all vanishing coordinates set to one."""
    v = state.vanishing
    return p.ring.from_dict({(*(0,) * v, *e[v:]): c for e, c in p.items()})


def _not_smooth(state: State, system: Sequence[Poly]) -> list[Poly] | None:
    """Return the minors that vanish where the system is not smooth."""
    count = state.vanishing if state.relations else state.ring.ngens
    columns = [i for i in range(count) if any(e[i] for p in system for e in p.keys())]
    if len(columns) < len(system):
        return []
    choices = list(combinations(columns, len(system)))
    if len(choices) > MAX_MINORS or len(system) > 4:
        return None
    rows = [{i: p.diff(state.ring.gens[i]) for i in columns} for p in system]
    try:
        minors = {determinant([[r[i] for i in c] for r in rows], state.ring) for c in choices}
    except WorkLimit:
        return None
    return sorted((m for m in minors if m), key=lambda p: (len(p), text(p)))


_decided: dict[Any, tuple[Status, int]] = {}


def decide(equations: Sequence[Poly], nonzero: Sequence[Poly], work: int = 250) -> Status:
    """Call the oracle on the part of a problem that hangs together, and remember the answer."""
    system = [p for p in equations if p]
    linked = _linked(system, nonzero)
    key = (
        tuple(sorted(text(p) for p in system)),
        tuple(sorted(text(p) for p in linked)),
        tuple(str(s) for s in system[0].ring.symbols) if system else (),
    )
    if key in _decided:
        charge(_decided[key][1])
        return _decided[key][0]
    if len(_decided) > 50000:
        _decided.clear()
    before = spent()
    charge(4)
    status = real_status(system, linked, work)
    _decided[key] = (status, spent() - before)
    return status


def _linked(system: Sequence[Poly], nonzero: Sequence[Poly]) -> list[Poly]:
    """Return the conditions that share variables with the system, through others if need be.

    The rest can be met by a small change of variables that the system does not see.
    """
    active = {i for p in system for e in p.keys() for i, k in enumerate(e) if k}
    rest = [p for p in nonzero if not p or not p.is_ground]
    kept = [p for p in rest if not p]
    rest = [p for p in rest if p]
    changed = True
    while changed:
        changed = False
        for p in list(rest):
            mine = {i for e in p.keys() for i, k in enumerate(e) if k}
            if mine & active:
                active |= mine
                kept.append(p)
                rest.remove(p)
                changed = True
    return kept
