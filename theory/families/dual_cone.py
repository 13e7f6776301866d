"""Extreme rays of the cone of weights of a Newton polyhedron, in integers only."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import gcd

Ray = tuple[int, ...]


def extreme_rays(points: Sequence[Sequence[int]]) -> list[Ray]:
    """Return the extreme rays of ``{(w, c) >= 0 : a . w >= c for every point a}``.

    Rays with ``c > 0`` are the normals of the facets of the Newton polyhedron of the points that do
    not lie in a coordinate hyperplane through the origin.

    The cone starts as the orthant; one inequality at a time cuts it. Two rays on different sides
    are joined when they are adjacent: no third ray satisfies with equality all the inequalities
    that both of them do (the double description method).

    Args:
        points: exponent vectors of equal length, at least one.

    Source: motzkin1953.
    """
    dim = len(points[0])
    rays: list[Ray] = [tuple(int(i == j) for j in range(dim + 1)) for i in range(dim + 1)]
    # Inequalities as coefficient vectors on (w, c): first the signs, then one for each point.
    active: list[Ray] = list(rays)
    for point in points:
        cut = (*point, -1)
        rays = _cut(rays, active, cut)
        active.append(cut)
    return sorted(rays)


def rank(rows: Sequence[Sequence[int]]) -> int:
    """Return the rank of an integer matrix by exact elimination."""
    work = [[Fraction(x) for x in row] for row in rows]
    done = 0
    for column in range(len(work[0]) if work else 0):
        pivot = next((i for i in range(done, len(work)) if work[i][column]), None)
        if pivot is None:
            continue
        work[done], work[pivot] = work[pivot], work[done]
        for i in range(done + 1, len(work)):
            factor = work[i][column] / work[done][column]
            if factor:
                work[i] = [x - factor * y for x, y in zip(work[i], work[done], strict=True)]
        done += 1
    return done


def _cut(rays: list[Ray], active: list[Ray], cut: Ray) -> list[Ray]:
    """Intersect the cone with one more half-space."""
    sides = {ray: _dot(cut, ray) for ray in rays}
    kept = [ray for ray in rays if sides[ray] >= 0]
    if len(kept) == len(rays):
        return rays
    tight = {
        ray: frozenset(k for k, row in enumerate(active) if not _dot(row, ray)) for ray in rays
    }
    above = [ray for ray in rays if sides[ray] > 0]
    below = [ray for ray in rays if sides[ray] < 0]
    for left in above:
        for right in below:
            common = tight[left] & tight[right]
            if any(common <= tight[ray] for ray in rays if ray not in (left, right)):
                continue
            kept.append(
                _primitive(
                    tuple(
                        sides[left] * y - sides[right] * x for x, y in zip(left, right, strict=True)
                    )
                )
            )
    return kept


def _dot(row: Ray, ray: Ray) -> int:
    return sum(x * y for x, y in zip(row, ray, strict=True))


def _primitive(ray: Ray) -> Ray:
    return tuple(x // gcd(*ray) for x in ray)


def minimal_points(points: Sequence[Ray]) -> list[Ray]:
    """Return the points that no other one divides; the others do not move the polyhedron."""
    distinct = sorted(set(points))
    return [
        point
        for point in distinct
        if not any(
            other != point and all(x <= y for x, y in zip(other, point, strict=True))
            for other in distinct
        )
    ]


def pair_points(dim: int) -> list[Ray]:
    """Return the exponents of ``w_i w_j``, ``i < j``, in ``dim`` variables."""
    return [tuple(int(k in pair) for k in range(dim)) for pair in combinations(range(dim), 2)]
