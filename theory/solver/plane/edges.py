"""Roots of edge polynomials, grouped so that each group has one multiplicity in every factor."""

from collections.abc import Mapping
from typing import NamedTuple

from theory.solver.plane.field import NumberField, is_rational
from theory.solver.plane.roots import (
    Poly,
    common,
    divide,
    rational_parts,
    squarefree_parts,
)


class RootClass(NamedTuple):
    """Roots of a squarefree polynomial that behave alike in every factor.

    Attributes:
        poly: Squarefree; irreducible if the field is that of the rationals.
        multiplicities: Of each root in the edge polynomials, by index of the factor.
    """

    poly: Poly
    multiplicities: Mapping[int, int]

    @property
    def total(self) -> int:
        """Return the multiplicity of each root in the product of all factors."""
        return sum(self.multiplicities.values())


def classes(edges: Mapping[int, Poly], field: NumberField | None) -> list[RootClass]:
    """Return the classes of all nonzero roots, real and complex, in a fixed order."""
    return _rational(edges) if field is None else _coprime(edges)


def _rational(edges: Mapping[int, Poly]) -> list[RootClass]:
    powers: dict[tuple[int, ...], dict[int, int]] = {}
    for index, edge in edges.items():
        for part, power in rational_parts([c for c in edge if is_rational(c)]):
            key = tuple(int(c) for c in part if is_rational(c))
            # Irreducible factors agree up to a sign.
            key = key if key[-1] > 0 else tuple(-c for c in key)
            powers.setdefault(key, {})[index] = power
    return [RootClass(list(key), powers[key]) for key in sorted(powers)]


def _coprime(edges: Mapping[int, Poly]) -> list[RootClass]:
    """Refine squarefree parts until they are pairwise coprime; nothing need be factored."""
    base: list[tuple[Poly, dict[int, int]]] = []
    for index, edge in edges.items():
        for part, power in squarefree_parts(edge):
            rest = part
            refined: list[tuple[Poly, dict[int, int]]] = []
            for poly, powers in base:
                shared = common(poly, rest) if len(rest) > 1 else rest[:1]
                if len(shared) == 1:
                    refined.append((poly, powers))
                    continue
                left = divide(poly, shared)[0]
                if len(left) > 1:
                    refined.append((left, powers))
                refined.append((shared, powers | {index: power}))
                rest = divide(rest, shared)[0]
            base = refined + ([(rest, {index: power})] if len(rest) > 1 else [])
    return [RootClass(poly, powers) for poly, powers in base]
