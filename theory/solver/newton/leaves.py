"""Leaves of the recursion: values read off a Newton polyhedron under tested conditions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any, final

from theory.algebra.newton import Newton, subsets
from theory.algebra.ring import Poly, text
from theory.algebra.univariate import determinant
from theory.meter import WorkLimit, charge
from theory.solver.newton.polyhedra import initial
from theory.solver.recursion.states import State
from theory.solver.zeros.oracle import decide
from theory.solver.zeros.problem import ZeroStatus

MAX_MINORS = 120


MAX_TESTED_FACES = 4000


@final
@dataclass(frozen=True)
class NewtonLeaf:
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


def newton_leaf(state: State, newton: Newton) -> NewtonLeaf:
    """Return the value if every compact face passes the test (A) or (B), else the bound.

    (A): the initial system of every ideal has no zero with all coordinates nonzero.
    (B): it has, but there the generators of the ideals that vanish are smooth and transversal.
    """
    upper = newton.exponent(state.density)
    fail = NewtonLeaf(upper, False)
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
        checked = done[shape]
        if checked is None:
            return fail
        zeros.extend((facets, subset) for subset in checked[0])
        tests.append({"weight": list(weight), "tests": checked[1]})
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
    return NewtonLeaf(upper, True, value, best, data)


def _test_face(
    state: State, systems: Sequence[Sequence[Poly]]
) -> tuple[list[tuple[int, ...]], list[dict[str, Any]]] | None:
    """Return which sets of ideals vanish together on a face, None if the tests fail."""
    log: list[dict[str, Any]] = []
    equations, nonzero = state.region()
    nonzero = [*state.coordinates, *nonzero]
    vanishing: list[int] = []
    certain: dict[tuple[int, ...], ZeroStatus] = {}
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
    return p.ring.dtype({(*(0,) * v, *e[v:]): c for e, c in p.items()})


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
