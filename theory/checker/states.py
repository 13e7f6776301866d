"""States as a checker reads them from a proof."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from theory.algebra.factoring import factors
from theory.algebra.ring import (
    Poly,
    Ring,
    coefficient_list,
    degree_in,
    from_polynomial,
    names_of,
    polynomial_ring,
    read,
    substitute,
    used,
)
from theory.checker.zeros import need
from theory.polynomials.germ import Germ

Generators = tuple[Poly, ...]


class Seen(NamedTuple):
    """A state of the recursion; the fields are those of `theory.solver.recursion.states.State`."""

    ring: Ring
    vanishing: int
    ideals: tuple[tuple[Generators, Fraction], ...]
    monomial: tuple[Fraction, ...]
    density: tuple[Fraction, ...]
    relations: tuple[tuple[Poly, int, Poly], ...]
    nonzero: tuple[Poly, ...]

    def is_free(self, index: int) -> bool:
        """Return whether a coordinate carries neither a monomial nor a density."""
        return not self.monomial[index] and self.density[index] == 1

    def at_point(self, p: Poly) -> Poly:
        """Return the terms without vanishing coordinates."""
        return self.ring.from_dict({e: c for e, c in p.items() if not any(e[: self.vanishing])})

    def with_ideal(self, index: int, ideal: tuple[Generators, Fraction]) -> "Seen":
        """Return the state with one ideal replaced."""
        return self._replace(ideals=(*self.ideals[:index], ideal, *self.ideals[index + 1 :]))

    def without_ideal(self, index: int) -> "Seen":
        """Return the state with one ideal left out."""
        return self._replace(ideals=(*self.ideals[:index], *self.ideals[index + 1 :]))

    def mapped(self, ring: Ring, images: Sequence[Poly]) -> "Seen":
        """Return the state with all polynomials moved; the other fields are untouched."""

        def move(p: Poly) -> Poly:
            return substitute(p, images, ring)

        return self._replace(
            ring=ring,
            ideals=tuple((tuple(map(move, j)), c) for j, c in self.ideals),
            relations=tuple((move(q), k, move(v)) for q, k, v in self.relations),
            nonzero=tuple(map(move, self.nonzero)),
        )

    def renamed(self, names: Sequence[str]) -> "Seen":
        """Return the state with other names of the variables, in the same places."""
        need(len(set(names)) == self.ring.ngens == len(names), "names")
        ring = polynomial_ring(tuple(names))
        return self.mapped(ring, ring.gens)

    def without_variables(self, gone: Sequence[str]) -> "Seen":
        """Return the state without variables that nothing depends on."""
        names = names_of(self.ring)
        places = [names.index(name) for name in gone]
        everything = [p for j, _ in self.ideals for p in j]
        everything += [p for q, _, v in self.relations for p in (q, v)] + list(self.nonzero)
        for i in places:
            need(not any(degree_in(p, i) for p in everything), "a variable that matters")
            need(i >= self.vanishing or not self.monomial[i], "a monomial")
            need(all(k != i for _, k, _ in self.relations), "a pivot")
        kept = [i for i in range(len(names)) if i not in places]
        ring = polynomial_ring(tuple(names[i] for i in kept))
        at = dict(zip(kept, ring.gens, strict=True))
        moved = self.mapped(ring, [at.get(i, ring.zero) for i in range(len(names))])
        front = [i for i in kept if i < self.vanishing]
        return moved._replace(
            vanishing=len(front),
            monomial=tuple(self.monomial[i] for i in front),
            density=tuple(self.density[i] for i in front),
            relations=tuple((q, kept.index(k), v) for q, k, v in moved.relations),
        )

    def reduced(self) -> "Seen":
        """Return the state with its generators divided by the relations."""
        ideals = tuple((tuple(map(self._normal, j)), c) for j, c in self.ideals)
        return self._replace(ideals=ideals)

    def _normal(self, p: Poly) -> Poly:
        # The relations are monic in their pivots, so the remainder is unique.
        changed = True
        while changed:
            changed = False
            for q, k, v in self.relations:
                top, head = degree_in(q, k), coefficient_list(q, k)[-1]
                while degree_in(p, k) >= top:
                    high = coefficient_list(p, k)[-1]
                    shift = self.ring.gens[k] ** (degree_in(p, k) - top)
                    p = p - (q - v) * high * shift / head.LC
                    changed = True
        return p

    def same_as(self, other: "Seen") -> bool:
        """Return whether two states with the same names are equal up to order and scale."""
        if set(names_of(self.ring)) != set(names_of(other.ring)):
            return False
        place = [names_of(other.ring).index(name) for name in names_of(self.ring)]
        moved = other.mapped(self.ring, _images(self.ring, place))
        front = place[: self.vanishing]
        if self.vanishing != other.vanishing or max(front, default=-1) >= other.vanishing:
            return False
        if [self.monomial, self.density] != [
            tuple(values[i] for i in front) for values in (other.monomial, other.density)
        ]:
            return False
        pivots = [place.index(k) for _, k, _ in other.relations]
        return (
            _ideal_shapes(self) == _ideal_shapes(moved)
            and [(q, k, v) for q, k, v in self.relations]
            == [(q, k, v) for (q, _, v), k in zip(moved.relations, pivots, strict=True)]
            and _conditions(self) == _conditions(moved)
        )

    def check_parts(self, parts: Sequence["Seen"], *, of_sum: bool) -> None:
        """Reject parts that share variables or are not all of the state.

        Raises:
            ValueError: If so.
        """
        names = [name for part in parts for name in names_of(part.ring)]
        need(len(set(names)) == len(names), "two parts share a variable")
        home = names_of(self.ring)
        ideals: list[Any] = []
        monomial = dict.fromkeys(home, Fraction(0))
        conditions: set[Poly] = set()
        relations: list[Any] = []
        generators: set[Poly] = set()
        for part in parts:
            place = [home.index(name) for name in names_of(part.ring)]
            moved = part.mapped(self.ring, [self.ring.gens[i] for i in place])
            for k, i in enumerate(place[: part.vanishing]):
                need(i < self.vanishing, "a parameter became a coordinate")
                monomial[home[i]] = part.monomial[k]
                need(part.density[k] == self.density[i], "another density")
            need(all(i >= self.vanishing for i in place[part.vanishing :]), "a coordinate")
            ideals.extend(_ideal_shapes(moved))
            conditions |= _conditions(moved)
            relations.extend(
                (q, place[k], v)
                for (q, _, v), (_, k, _) in zip(moved.relations, part.relations, strict=True)
            )
            generators |= {g.monic() for j, _ in moved.ideals for g in j}
            if of_sum:
                need([c for _, c in part.ideals] == [self.ideals[0][1]], "another exponent")
        need(all(monomial[home[i]] == n for i, n in enumerate(self.monomial)), "another monomial")
        if of_sum:
            need(generators == {g.monic() for g in self.ideals[0][0]}, "other generators")
        else:
            need(sorted(map(str, ideals)) == sorted(map(str, _ideal_shapes(self))), "factors")
        # A region that no part sees must have points, which the claim of the state asserts.
        need(conditions <= _conditions(self), "another region")
        need(all(r in self.relations for r in relations), "another relation")
        inside = {home.index(n) for n in names}
        left = [(q, k, v) for q, k, v in self.relations if (q, k, v) not in relations]
        tied = {i for q, k, v in left for i in used(q) | used(v) | {k}}
        need(not tied & inside, "a relation was left out")
        rest = [p for p in _conditions(self) - conditions if used(p) & inside]
        need(not rest, "a condition was left out")


def _images(ring: Ring, place: Sequence[int]) -> list[Poly]:
    images = [ring.zero] * len(place)
    for new, old in enumerate(place):
        images[old] = ring.gens[new]
    return images


def _ideal_shapes(state: Seen) -> list[Any]:
    return sorted((str(c), sorted(str(g) for g in {p.monic() for p in j})) for j, c in state.ideals)


def _conditions(state: Seen) -> set[Poly]:
    return {p.monic() if p else p for p in state.nonzero if not p or not p.is_ground}


def read_state(data: Mapping[str, Any]) -> Seen:
    """Return the state that stands in a proof.

    Raises:
        ValueError: If the text is no state.
    """
    coordinates, parameters = list(data["coordinates"]), list(data["parameters"])
    ring = polynomial_ring((*coordinates, *parameters))
    names = names_of(ring)
    need(len(set(names)) == len(names), "a variable has two places")
    state = Seen(
        ring,
        len(coordinates),
        tuple(
            (tuple(read(ring, text) for text in j["generators"]), Fraction(j["exponent"]))
            for j in data["ideals"]
        ),
        tuple(Fraction(x) for x in data["monomial"]),
        tuple(Fraction(x) for x in data["density"]),
        tuple(
            (read(ring, r["polynomial"]), names.index(r["pivot"]), read(ring, r["value"]))
            for r in data["relations"]
        ),
        tuple(read(ring, text) for text in data["nonzero"]),
    )
    need(len(state.monomial) == len(state.density) == state.vanishing, "exponents")
    need(all(n >= 0 for n in state.monomial) and all(d > 0 for d in state.density), "exponents")
    need(all(c > 0 and j for j, c in state.ideals), "an empty ideal")
    return state


def state_of(germ: Germ) -> Seen:
    """Return a germ as a state without parameters, with the names of the germ."""
    ring = polynomial_ring(germ.variables)
    ideals = (
        (tuple(from_polynomial(ring, g) for g in factor.generators if g.terms), factor.exponent)
        for factor in germ.factors
    )
    return Seen(
        ring, len(germ.variables), tuple(ideals), tuple(germ.monomial), tuple(germ.density), (), ()
    )


def is_unit(state: Seen, p: Poly) -> bool:
    """Return whether a polynomial in the parameters divides a product of the conditions."""
    if not p:
        return False
    known = {q.monic() for h in state.nonzero if h for q, _, _ in factors(h)}
    return all(q.monic() in known for q, _, _ in factors(p))


def unit_at_point(state: Seen, p: Poly) -> bool:
    """Return whether a polynomial is a unit at all points of the region."""
    return is_unit(state, state.at_point(p))
