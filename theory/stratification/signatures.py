"""Cheap invariants that tell local forms of a zero set apart."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise

from theory.stratification.components import Element, number, terms
from theory.stratification.loci import Loci, Place, gradient, rank, value, vanish


def signature(parts: Loci, place: Place) -> tuple[object, ...]:
    """Return what tells local forms apart cheaply; points of one form have one signature.

    For every surface through the point: the order, the squarefree parts of the leading form and,
    for a quadratic one, its inertia; for every ideal the rank of its gradients and the orders of
    its generators; then the rank of all gradients.
    """
    entries: list[object] = []
    rows: list[list[Fraction]] = []
    for index, component in enumerate(parts.surfaces):
        f = component.polynomial
        if value(f, place):
            continue
        rows.append([value(g, place) for g in gradient(f)])
        form = _leading(f, place)
        order = sum(next(iter(form.keys())))
        # Not the factors over the rationals: those change along one stratum.
        squarefree = sorted((sum(max(g.keys())), int(k)) for g, k in form.sqf_list()[1])
        inertia = _inertia(form) if order == 2 else ()
        entries.append(("surface", index, order, tuple(squarefree), inertia))
    for index, ideal in enumerate(parts.ideals):
        if not vanish(ideal, place):
            continue
        steps = [[value(d, place) for d in gradient(g)] for g in ideal]
        rows += steps
        orders = sorted(sum(next(iter(_leading(g, place).keys()))) for g in ideal)
        entries.append(("ideal", index, rank(steps), tuple(orders)))
    return (*entries, rank(rows))


def _leading(f: Element, place: Place) -> Element:
    """Return the homogeneous part of least degree at a point."""
    shift = [(x, x + number(a)) for x, a in zip(f.ring.gens, place, strict=True)]
    there = f.compose(shift)
    least = min(map(sum, there.keys()))
    return f.ring.from_dict({e: c for e, c in there.items() if sum(e) == least})


def _inertia(form: Element) -> tuple[int, int]:
    """Return the smaller and the larger number of squares of one sign in a quadratic form."""
    size = form.ring.ngens
    coefficients = terms(form)
    table = [[Fraction(0)] * size for _ in range(size)]
    for e, c in coefficients.items():
        i, j = [k for k in range(size) for _ in range(e[k])]
        table[i][j] += c / 2
        table[j][i] += c / 2
    trace = sum((table[i][i] for i in range(size)), Fraction(0))
    middle = sum(
        (table[i][i] * table[j][j] - table[i][j] ** 2 for i, j in combinations(range(size), 2)),
        Fraction(0),
    )
    whole = (
        table[0][0] * (table[1][1] * table[2][2] - table[1][2] ** 2)
        - table[0][1] * (table[0][1] * table[2][2] - table[1][2] * table[0][2])
        + table[0][2] * (table[0][1] * table[1][2] - table[1][1] * table[0][2])
    )
    # All roots of the characteristic polynomial are real, so Descartes' rule counts them.
    plus = _changes([Fraction(1), -trace, middle, -whole])
    minus = _changes([Fraction(1), trace, middle, whole])
    return min(plus, minus), max(plus, minus)


def _changes(values: Sequence[Fraction]) -> int:
    kept = [v for v in values if v]
    return sum(a * b < 0 for a, b in pairwise(kept))
