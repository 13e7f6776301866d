"""Newton polyhedra of states: initial systems, and vertices that may lose their monomial."""

from collections.abc import Sequence
from fractions import Fraction

from theory.algebra.linear import rank
from theory.algebra.newton import Newton, Vector, minimal_points, polyhedron
from theory.algebra.ring import Poly
from theory.solver.recursion.states import Ideal, State
from theory.solver.zeros.oracle import decide


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
            coefficients = [
                p for g in ideal.generators if (p := _coefficient(g, point)) is not None
            ]
            if decide([*coefficients, *equations], nonzero).answer != "empty":
                return coefficients
    return []


def _has_unit(state: State, ideal: Ideal, point: Sequence[int]) -> bool:
    coefficients = (_coefficient(g, point) for g in ideal.generators)
    return any(p is not None and state.is_unit(p) for p in coefficients)


def _coefficient(g: Poly, point: Sequence[int]) -> Poly | None:
    v = len(point)
    part = {(*(0,) * v, *e[v:]): c for e, c in g.items() if e[:v] == tuple(point)}
    return g.ring.dtype(part) if part else None


def initial(state: State, ideal: Ideal, weight: Vector) -> list[Poly]:
    """Return the terms of least weight of the ideal, generator by generator."""
    v = state.vanishing

    def size(e: Sequence[int]) -> int:
        return sum(w * k for w, k in zip(weight, e[:v], strict=True))

    least = min(size(e) for g in ideal.generators for e in g.keys())
    return [
        g.ring.dtype({e: c for e, c in g.items() if size(e) == least}) for g in ideal.generators
    ]
