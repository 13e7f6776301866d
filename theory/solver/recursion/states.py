"""Germs with real parameters, the objects on which the recursion works."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, final

from theory.algebra.factoring import factors
from theory.algebra.ring import (
    Poly,
    Ring,
    degree_in,
    from_polynomial,
    names_of,
    polynomial_ring,
    text,
    used,
)
from theory.meter import WorkLimit
from theory.polynomials.germ import Germ


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


class Ideal(NamedTuple):
    """``|J|^exponent`` with ``|J|`` the largest absolute value of the generators."""

    generators: tuple[Poly, ...]
    exponent: Fraction


@final
@dataclass(frozen=True)
class State:
    """``x^N * prod |J_k|^(c_k)`` under ``x^(nu - 1)`` at all points of a region of parameters.

    Attributes:
        ring: Its first `vanishing` variables are zero at the point; the others are parameters,
            real numbers.
        vanishing: Number of coordinates that vanish.
        ideals: The factors.
        monomial: ``N``, for the vanishing coordinates.
        density: ``nu``, for the vanishing coordinates.
        relations: Parameters that depend on the others, at the point and near it.
        nonzero: Polynomials in the parameters without a zero in the region.
    """

    ring: Ring
    vanishing: int
    ideals: tuple[Ideal, ...]
    monomial: tuple[Fraction, ...]
    density: tuple[Fraction, ...]
    relations: tuple[Relation, ...] = ()
    nonzero: tuple[Poly, ...] = ()

    @property
    def coordinates(self) -> tuple[Poly, ...]:
        """Return the coordinates that vanish."""
        return tuple(self.ring.gens[: self.vanishing])

    @property
    def parameters(self) -> tuple[Poly, ...]:
        """Return the parameters."""
        return tuple(self.ring.gens[self.vanishing :])

    @property
    def pivots(self) -> frozenset[int]:
        """Return the indices of the parameters that depend on others."""
        return frozenset(relation.pivot for relation in self.relations)

    def is_free(self, index: int) -> bool:
        """Return whether any change of this vanishing coordinate is allowed."""
        return not self.monomial[index] and self.density[index] == 1

    @cached_property
    def units(self) -> frozenset[Poly]:
        """Return the known irreducible polynomials without a zero in the region."""
        irreducible: set[Poly] = set()
        for p in self.nonzero:
            irreducible.update(q for q, _, _ in factors(p))
        return frozenset(irreducible)

    def is_unit(self, p: Poly) -> bool:
        """Return whether a polynomial in the parameters is seen at once not to vanish."""
        return bool(p) and all(q in self.units for q, _, _ in factors(p))

    def at_point(self, p: Poly) -> Poly:
        """Return the part of a polynomial that is constant in the vanishing coordinates."""
        zero = (0,) * self.vanishing
        return self.ring.dtype({e: c for e, c in p.items() if e[: self.vanishing] == zero})

    def region(self) -> tuple[list[Poly], list[Poly]]:
        """Return the equations and the conditions of the region."""
        equations = [relation.polynomial for relation in self.relations]
        return equations, list(self.nonzero)

    def normal(self, p: Poly) -> Poly:
        """Return the representative of a function of low degree in the pivots."""
        return normal_form(p, self.relations)

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Return what tells states apart."""
        return (
            self.vanishing,
            self.ring.ngens,
            tuple((tuple(text(g) for g in j.generators), j.exponent) for j in self.ideals),
            self.monomial,
            self.density,
            tuple((text(r.polynomial), r.pivot, text(r.value)) for r in self.relations),
            tuple(text(p) for p in self.nonzero),
        )

    def to_data(self) -> dict[str, Any]:
        """Return the state as text and lists for a certificate."""
        names = list(names_of(self.ring))
        return {
            "coordinates": names[: self.vanishing],
            "parameters": names[self.vanishing :],
            "ideals": [
                {"generators": [text(g) for g in j.generators], "exponent": str(j.exponent)}
                for j in self.ideals
            ],
            "monomial": [str(x) for x in self.monomial],
            "density": [str(x) for x in self.density],
            "relations": [
                {
                    "polynomial": text(r.polynomial),
                    "pivot": names[r.pivot],
                    "value": text(r.value),
                }
                for r in self.relations
            ],
            "nonzero": [text(p) for p in self.nonzero],
        }


def from_germ(germ: Germ) -> State:
    """Return a germ without parameters as a state with the names of the germ."""
    ring = polynomial_ring(germ.variables)
    ideals = tuple(
        Ideal(
            tuple(p for p in (from_polynomial(ring, g) for g in factor.generators) if p),
            Fraction(factor.exponent),
        )
        for factor in germ.factors
    )
    return State(
        ring,
        len(germ.variables),
        ideals,
        tuple(Fraction(n) for n in germ.monomial),
        tuple(Fraction(n) for n in germ.density),
    )


def rename(state: State, order: Sequence[int], target: Ring) -> Callable[[Poly], Poly]:
    """Return the map that moves variable ``order[k]`` to place k of another ring."""

    def move(p: Poly) -> Poly:
        return target.dtype({tuple(e[i] for i in order): c for e, c in p.items()})

    return move


def drop_variables(state: State, gone: Sequence[int]) -> tuple[State, list[int]]:
    """Return the state without variables that do not occur, and the old indices of the rest."""
    kept = [i for i in range(state.ring.ngens) if i not in gone]
    names = tuple(str(state.ring.symbols[i]) for i in kept)
    target = polynomial_ring(names)
    move = rename(state, kept, target)
    place = {old: new for new, old in enumerate(kept)}
    count = sum(1 for i in kept if i < state.vanishing)
    return (
        replace(
            state,
            ring=target,
            vanishing=count,
            ideals=tuple(Ideal(tuple(map(move, j.generators)), j.exponent) for j in state.ideals),
            monomial=tuple(state.monomial[i] for i in kept[:count]),
            density=tuple(state.density[i] for i in kept[:count]),
            relations=tuple(
                Relation(move(r.polynomial), place[r.pivot], move(r.value)) for r in state.relations
            ),
            nonzero=tuple(map(move, state.nonzero)),
        ),
        kept,
    )


def occurring(state: State) -> frozenset[int]:
    """Return the variables that occur in the ideals, the relations or the conditions."""
    indices: set[int] = set()
    for ideal in state.ideals:
        for g in ideal.generators:
            indices |= used(g)
    for relation in state.relations:
        indices |= used(relation.polynomial) | used(relation.value) | {relation.pivot}
    for p in state.nonzero:
        indices |= used(p)
    return frozenset(indices)
