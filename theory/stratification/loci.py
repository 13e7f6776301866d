"""Where a zero set in three variables is generic, and the systems that hold all other points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import final

from theory.stratification.components import (
    Element,
    Factorisation,
    IrreducibleFactor,
    shortened,
    terms,
    text,
)

System = tuple[Element, ...]
Place = tuple[Fraction, ...]


@final
@dataclass(frozen=True, slots=True)
class Crossing:
    """Surfaces and ideals that may vanish together.

    Where they and no others vanish, and the gradients of all their equations are independent, the
    equations are coordinates and K is a unit times a fixed product of their powers: one local form
    and one coefficient.

    Attributes:
        surfaces: Positions in `Loci.surfaces`.
        ideals: Positions in `Loci.ideals`.
        equations: Of all of them.
        minors: They vanish where the gradients are dependent; empty if there are too many.
    """

    surfaces: tuple[int, ...]
    ideals: tuple[int, ...]
    equations: System
    minors: System


@final
@dataclass(frozen=True, slots=True)
class Loci:
    """The zero set of K, cut by where its local form is known from first derivatives.

    Attributes:
        surfaces: Plain irreducible factors.
        ideals: Generators without common factor.
        crossings: All combinations whose gradients can be independent.
        special: Systems that hold every zero that is in no crossing with independent gradients.
    """

    surfaces: tuple[IrreducibleFactor, ...]
    ideals: tuple[System, ...]
    crossings: tuple[Crossing, ...]
    special: tuple[System, ...]

    def is_special(self, place: Place) -> bool:
        """Return whether a zero lies in a special system."""
        return any(vanish(system, place) for system in self.special)


def loci(parts: Factorisation) -> Loci:
    """Return the loci of K."""
    surfaces = tuple(c for c in parts.factors if not c.definite)
    ideals = tuple(
        ideal
        for ideal in (tuple(g for g in gens if g) for gens in parts.ideals)
        if not any(g.is_ground for g in ideal)
    )
    items: list[System] = [(c.polynomial,) for c in surfaces] + list(ideals)
    size = len(parts.names)
    crossings: list[Crossing] = []
    special: list[System] = []
    for count in range(1, size + 2):
        for chosen in combinations(range(len(items)), count):
            equations = tuple(f for k in chosen for f in items[k])
            smallest = min(len(items[k]) for k in chosen)
            if len(equations) > size:
                # Larger sets of zeros lie inside those of their parts.
                if count == 1 or len(equations) - smallest <= size:
                    special.append(equations)
                continue
            degenerate = tuple(minors([gradient(f) for f in equations], len(equations)))
            crossings.append(
                Crossing(
                    tuple(k for k in chosen if k < len(surfaces)),
                    tuple(k - len(surfaces) for k in chosen if k >= len(surfaces)),
                    equations,
                    degenerate,
                )
            )
            if not any(m.is_ground for m in degenerate):
                special.append((*equations, *degenerate))
    return Loci(surfaces, ideals, tuple(crossings), tuple(special))


def deeper(parts: Loci) -> Iterator[System]:
    """Yield systems inside the special ones, where a search meets deeper points."""
    for system in parts.special:
        yield (*system, *minors([gradient(f) for f in system], 2))
        yield from ((*system, x) for x in system[0].ring.gens)


def gradient(f: Element) -> tuple[Element, ...]:
    """Return the partial derivatives."""
    return tuple(f.diff(i) for i in range(f.ring.ngens))


def vanish(system: Sequence[Element], place: Place) -> bool:
    """Return whether all polynomials are zero at a rational point."""
    return not any(value(f, place) for f in system)


def minors(rows: Sequence[Sequence[Element]], size: int) -> list[Element]:
    """Return the minors of a size that are not zero."""
    values: dict[Element, None] = {}
    for chosen in combinations(rows, size):
        for columns in combinations(range(len(rows[0])), size):
            value = _determinant([[row[j] for j in columns] for row in chosen])
            if value:
                values[value] = None
    return list(values)


def rank(rows: Sequence[Sequence[Fraction]]) -> int:
    """Return the rank of a rational matrix."""
    table, done = [list(row) for row in rows], 0
    for column in range(len(table[0]) if table else 0):
        pivot = next((i for i in range(done, len(table)) if table[i][column]), None)
        if pivot is None:
            continue
        table[done], table[pivot] = table[pivot], table[done]
        for i in range(done + 1, len(table)):
            ratio = table[i][column] / table[done][column]
            table[i] = [a - ratio * b for a, b in zip(table[i], table[done], strict=True)]
        done += 1
    return done


def value(f: Element, place: Place) -> Fraction:
    """Return the value at a rational point."""
    total = Fraction(0)
    for exponents, c in terms(f).items():
        for x, e in zip(place, exponents, strict=True):
            c = c * x**e
        total += c
    return total


def names_through(parts: Loci, place: Place) -> list[str]:
    """Return the equations of the surfaces and ideals that vanish at a point as text."""
    items: list[System] = [(c.polynomial,) for c in parts.surfaces] + list(parts.ideals)
    return [
        " = ".join([*(shortened(text(g)) for g in item), "0"])
        for item in items
        if vanish(item, place)
    ]


def _determinant(rows: list[list[Element]]) -> Element:
    if len(rows) == 1:
        return rows[0][0]
    total = rows[0][0].ring.zero
    for j, head in enumerate(rows[0]):
        rest = [[*row[:j], *row[j + 1 :]] for row in rows[1:]]
        total += (-1) ** j * head * _determinant(rest)
    return total
