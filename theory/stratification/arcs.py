"""Arcs of plane curves: whether a curve has real arcs in a box, and points on them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

from theory.algebra.univariate import real_roots_between
from theory.meter import WorkLimit, charge
from theory.solver.plane.field import Number, is_rational
from theory.stratification.box import Box, Side
from theory.stratification.components import Element, column, number, uses
from theory.stratification.elimination import eliminated
from theory.stratification.points import AlgebraicPoint, compare, point_of
from theory.stratification.zeros import line, rational_roots, real_numbers

MAX_HEIGHT = 4
MAX_ROUNDS = 6
MAX_PLACES = 9


def contains(box: Box, point: AlgebraicPoint, closed: bool) -> bool:
    """Return whether a point lies in the closed or the open box."""
    least = 0 if closed else 1
    return all(
        (side.lo is None or compare(c, side.lo) >= least)
        and (side.hi is None or compare(c, side.hi) <= -least)
        for side, c in zip(box, point.coordinates, strict=True)
    )


def arc_point(f: Element, box: Box, names: Sequence[str]) -> AlgebraicPoint | None:
    """Return a smooth real point of an irreducible curve in the open box, None if it has no arc.

    Over the roots of the discriminant and of the leading coefficient the number of real points may
    change; one rational sample in every interval between them decides (Collins, cylindrical
    decomposition). A curve that merely touches the box from outside has no arc in it.
    """
    return next(_arc_points(f, box, names, 1), None)


def sample(
    f: Element, box: Box, names: Sequence[str], admissible: Callable[[AlgebraicPoint], bool]
) -> AlgebraicPoint | None:
    """Return a simple admissible point of a curve in the open box, None if it has no arc there.

    Rational points come first, then algebraic ones over simple abscissae.

    Args:
        f: Irreducible.
        box: Where to look.
        names: The variables.
        admissible: Refuses finitely many points of the curve, its singular ones among them.

    Raises:
        WorkLimit: If the curve has an arc, but no admissible point was found on it.
    """
    for index in (0, 1):
        for place in simple(box[index]):
            poly = [c for c in line(f, 1 - index, place) if is_rational(c)]
            heights = rational_roots(poly) if poly else simple(box[1 - index])
            for height in sorted(heights, key=simplicity):
                ends = (place, height) if index == 0 else (height, place)
                if all(side.inside(v) for side, v in zip(box, ends, strict=True)):
                    point = point_of(names, ends)
                    if admissible(point):
                        return point
    if uses(f, 0) and uses(f, 1):
        for point in _points_over(f, simple(box[0])[:MAX_PLACES], box, names):
            if admissible(point):
                return point
    if arc_point(f, box, names) is None:
        return None
    for point in _arc_points(f, box, names, MAX_ROUNDS):
        if admissible(point):
            return point
    raise WorkLimit("sample")


def _arc_points(
    f: Element, box: Box, names: Sequence[str], rounds: int
) -> Iterator[AlgebraicPoint]:
    for index in (0, 1):
        if not uses(f, index):
            yield from _line_points(f, 1 - index, box, names)
            return
    yield from _points_over(f, _abscissae(f, box, rounds), box, names)


def _points_over(
    f: Element, places: Iterable[Fraction], box: Box, names: Sequence[str]
) -> Iterator[AlgebraicPoint]:
    for place in places:
        charge(100)
        for height in real_numbers([c for c in line(f, 1, place) if is_rational(c)]):
            point = point_of(names, (place, height))
            if contains(box, point, closed=False):
                yield point


def _line_points(
    f: Element, index: int, box: Box, names: Sequence[str]
) -> Iterator[AlgebraicPoint]:
    """Yield points of lines parallel to an axis; f has the variable of this index only."""
    for root in real_numbers([c for c in line(f, index, Fraction(0)) if is_rational(c)]):
        for free in simple(box[1 - index]):
            ends: tuple[Number, Number] = (root, free) if index == 0 else (free, root)
            point = point_of(names, ends)
            if contains(box, point, closed=False):
                yield point


def _abscissae(f: Element, box: Box, rounds: int) -> Iterator[Fraction]:
    """Yield a rational in every interval over which nothing changes, in later rounds more."""
    x, y = f.ring.gens
    critical = column(f, 1)[-1]
    if len(column(f, 1)) > 2:
        resultant = eliminated(f, f.diff(1))
        critical *= f.ring.from_dict({(k, 0): number(c) for k, c in enumerate(resultant) if c})
    for end in box[1]:
        if end is not None:
            critical *= f.compose(y, f.ring.from_dict({(0, 0): number(end)})) or f.ring.one
    for end in box[0]:
        if end is not None:
            critical *= x - number(end)
    # Inadmissible points are finitely many: new cuts at the old samples move past them.
    for _ in range(rounds):
        charge(100)
        samples = [p for p in real_roots_between(critical, 0) if box[0].inside(p)]
        yield from samples
        for p in samples:
            critical *= x - number(p)


def simple(side: Side) -> list[Fraction]:
    """Return simple rationals inside a range, the simplest first."""
    candidates = {
        Fraction(p, q)
        for q in range(1, MAX_HEIGHT + 1)
        for p in range(-MAX_HEIGHT * q, MAX_HEIGHT * q + 1)
    }
    if side.lo is not None and side.hi is not None:
        candidates |= {side.lo + (side.hi - side.lo) * Fraction(k, 8) for k in range(1, 8)}
    elif side.lo is not None:
        candidates |= {side.lo + k for k in range(1, 9)}
    elif side.hi is not None:
        candidates |= {side.hi - k for k in range(1, 9)}
    return sorted((v for v in candidates if side.inside(v)), key=simplicity)


def simplicity(value: Fraction) -> tuple[int, Fraction, bool]:
    """Return a key that sorts rationals by simplicity."""
    return max(abs(value.numerator), value.denominator), abs(value), value < 0
