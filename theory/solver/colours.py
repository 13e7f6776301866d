"""Colours of the variables of a state, by which equal states get equal names."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from theory.solver.algebra import Poly

if TYPE_CHECKING:
    from theory.solver.states import State


def colours_of(state: "State") -> list[int]:
    """Colour the variables by how they occur, refined three times."""
    n, v = state.ring.ngens, state.vanishing
    colours: list[Any] = [
        (0, state.monomial[i], state.density[i]) if i < v else (1, Fraction(0), Fraction(0))
        for i in range(n)
    ]
    pieces: list[tuple[Any, Poly]] = [
        ((0, j.exponent, len(j.generators)), g) for j in state.ideals for g in j.generators
    ]
    pieces += [((1, Fraction(r.pivot * 0), 0), r.polynomial) for r in state.relations]
    pieces += [((2, Fraction(0), 0), p) for p in state.nonzero]
    listed = [
        (label, [([(j, k) for j, k in enumerate(e) if k], abs(c)) for e, c in p.items()])
        for label, p in pieces
    ]
    ranks = _ranks(colours)
    for _ in range(3):
        marks: list[list[Any]] = [[] for _ in range(n)]
        for label, terms in listed:
            around = [tuple(sorted((ranks[j], k) for j, k in powers)) for powers, _ in terms]
            sizes = [size for _, size in terms]
            shape = sorted(zip(around, sizes, strict=True))
            for (powers, size), near in zip(terms, around, strict=True):
                for i, k in powers:
                    marks[i].append((label, k, near, size, shape))
        ranks = _ranks([(ranks[i], sorted(marks[i])) for i in range(n)])
    return ranks


def _ranks(values: Sequence[Any]) -> list[int]:
    ordered: list[Any] = []
    for value in sorted(values):
        if not ordered or ordered[-1] != value:
            ordered.append(value)
    return [ordered.index(value) for value in values]
