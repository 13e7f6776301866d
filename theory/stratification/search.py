"""Rational solutions of systems in three variables with two coordinates that are simple."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

from theory.meter import charge
from theory.solver.plane.field import is_rational
from theory.solver.plane.roots import Poly, common, trim
from theory.stratification.arcs import simple
from theory.stratification.box import Box
from theory.stratification.components import terms
from theory.stratification.loci import Place, System
from theory.stratification.zeros import rational_roots

PLACES = 7


def rational_points(system: System, box: Box) -> Iterator[Place]:
    """Yield rational zeros of a system in a box, on lines through simple rational places.

    Every line parallel to an axis over a grid of simple values is searched for all rational
    zeros; on a line inside the zero set simple values are taken.
    """
    grids = [simple(side)[:PLACES] for side in box]
    polynomials = [terms(f) for f in system]
    size = len(box)
    for free in range(size):
        others = [i for i in range(size) if i != free]
        for fixed in product(*(grids[i] for i in others)):
            charge(10)
            poly: Poly = []
            for f in polynomials:
                restricted = _restricted(f, free, others, fixed)
                poly = common(poly, restricted) if poly and restricted else poly or restricted
                if len(poly) == 1:
                    break
            roots = rational_roots([c for c in poly if is_rational(c)]) if poly else grids[free]
            for root in roots:
                place = dict(zip(others, fixed, strict=True)) | {free: root}
                if all(box[i].inside(place[i]) for i in range(size)):
                    yield tuple(place[i] for i in range(size))


def _restricted(
    f: dict[tuple[int, ...], Fraction],
    free: int,
    others: Sequence[int],
    fixed: Sequence[Fraction],
) -> Poly:
    coefficients: dict[int, Fraction] = {}
    for exponents, c in f.items():
        for i, x in zip(others, fixed, strict=True):
            c = c * x ** exponents[i]
        coefficients[exponents[free]] = coefficients.get(exponents[free], Fraction(0)) + c
    return trim(
        [coefficients.get(k, Fraction(0)) for k in range(max(coefficients, default=-1) + 1)]
    )
