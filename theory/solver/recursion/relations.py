"""Parameters that depend on other variables, and normal forms modulo that."""

from collections.abc import Sequence
from typing import NamedTuple

from theory.algebra.meter import WorkLimit
from theory.algebra.ring import Poly, degree_in


class Relation(NamedTuple):
    """``polynomial(T) = value(V, T)``, which makes the parameter `pivot` a function of the rest.

    The polynomial has a constant leading coefficient in the pivot, its derivative there has no
    zero in the region, and the value vanishes where all of V does.
    """

    polynomial: Poly
    pivot: int
    value: Poly


def normal_form(p: Poly, relations: Sequence[Relation]) -> Poly:
    """Return the representative of a function of low degree in the pivots.

    Raises:
        WorkLimit: If the relations do not lead to one soon.
    """
    for _ in range(2 + 2 * len(relations)):
        before = p
        for relation in reversed(relations):
            p = _divide(p, relation)
        if p == before:
            return p
    raise WorkLimit("normal form")


def _divide(p: Poly, relation: Relation) -> Poly:
    """Replace the highest power of the pivot as long as it is not below that of the relation."""
    index, top = relation.pivot, degree_in(relation.polynomial, relation.pivot)
    ring = p.ring
    lead = next(c for e, c in relation.polynomial.items() if e[index] == top)
    power = ring.gens[index] ** top
    tail = power - (relation.polynomial - relation.value) / lead
    while degree_in(p, index) >= top:
        high = ring.dtype(
            {
                (*e[:index], e[index] - top, *e[index + 1 :]): c
                for e, c in p.items()
                if e[index] >= top
            }
        )
        p = p - high * power + high * tail
    return p
