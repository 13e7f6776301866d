"""Newton polyhedra of supports, exactly: facets, compact faces and the shifted diagonal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import final

from theory.algebra.linear import convex_weights, rank
from theory.meter import WorkLimit, charge

Vector = tuple[int, ...]


MAX_RAYS = 3000


MAX_FACES = 20000


@final
@dataclass(frozen=True, slots=True)
class Facet:
    """The valid inequality ``normal . a >= offset`` that supports a facet."""

    normal: Vector
    offset: int


@final
@dataclass(frozen=True)
class Newton:
    """The Newton polyhedron ``hull(points) + orthant`` scaled to integers.

    Attributes:
        scale: The true points are `points` divided by this.
        points: Minimal support points.
        facets: All facets, sorted.
        on: For each facet the points on it, as a bit mask.
    """

    scale: int
    points: tuple[Vector, ...]
    facets: tuple[Facet, ...]
    on: tuple[int, ...]

    def exponent(self, density: Sequence[Fraction]) -> Fraction:
        """Return ``1/t``, the least ``normal . density / offset`` over facets off the origin."""
        return min(self._ratios(density).values())

    def attaining(self, density: Sequence[Fraction]) -> list[int]:
        """Return the facets that attain `exponent`; the diagonal leaves through their face."""
        ratios = self._ratios(density)
        best = min(ratios.values())
        return [i for i, ratio in ratios.items() if ratio == best]

    def codimension(self, facets: Sequence[int]) -> int:
        """Return the rank of the normals of some facets."""
        return rank([self.facets[i].normal for i in facets])

    def _ratios(self, density: Sequence[Fraction]) -> dict[int, Fraction]:
        """Return ``normal . density / offset`` of the facets off the origin."""
        below = lcm(*[d.denominator for d in density])
        whole = [d.numerator * (below // d.denominator) for d in density]
        return {
            i: Fraction(_dot(f.normal, whole) * self.scale, f.offset * below)
            for i, f in enumerate(self.facets)
            if f.offset
        }

    def compact_faces(self) -> list[tuple[Vector, tuple[int, ...]]]:
        """Return a weight inside the normal cone and the facets of every compact face.

        Raises:
            WorkLimit: If there are too many faces.
        """
        seen: set[int] = set()
        queue = [mask for mask in self.on if mask]
        while queue:
            mask = queue.pop()
            if mask in seen:
                continue
            seen.add(mask)
            if len(seen) > MAX_FACES:
                raise WorkLimit("faces")
            queue.extend(mask & other for other in self.on if mask & other)
        faces: dict[tuple[int, ...], Vector] = {}
        for mask in seen:
            containing = tuple(i for i, other in enumerate(self.on) if mask & ~other == 0)
            weight = _sum([self.facets[i].normal for i in containing])
            if all(weight):
                faces[containing] = _reduced(weight)
        return sorted((weight, face) for face, weight in faces.items())

    def hit(self, density: Sequence[Fraction]) -> list[Fraction]:
        """Return convex weights of the points whose combination is at most ``t * density``."""
        t = 1 / self.exponent(density)
        target = [t * d * self.scale for d in density]
        return convex_weights(self.points, target)


def polyhedron(
    supports: Sequence[tuple[Sequence[Vector], Fraction]], shift: Sequence[Fraction]
) -> Newton:
    """Return the Newton polyhedron of ``x^shift * prod J_k^(c_k)`` from the supports of the J_k.

    Raises:
        WorkLimit: If it has too many facets.
    """
    scale = 1
    for value in [*(c for _, c in supports), *shift]:
        scale = scale * value.denominator // gcd(scale, value.denominator)
    total: list[Vector] = [tuple(int(s * scale) for s in shift)]
    for points, power in supports:
        factor = int(power * scale)
        step = minimal_points(points)
        total = minimal_points(
            [tuple(a + factor * b for a, b in zip(p, q, strict=True)) for p in total for q in step]
        )
        if len(total) > MAX_RAYS:
            raise WorkLimit("support")
    facets = _facets(total)
    on = tuple(
        sum(1 << j for j, p in enumerate(total) if _dot(f.normal, p) == f.offset) for f in facets
    )
    return Newton(scale, tuple(total), tuple(facets), on)


def minimal_points(points: Sequence[Vector]) -> list[Vector]:
    """Return the points that no other point divides, sorted."""
    kept: list[Vector] = []
    for p in sorted(set(points), key=lambda q: (sum(q), q)):
        if not any(all(a <= b for a, b in zip(q, p, strict=True)) for q in kept):
            kept.append(p)
    return sorted(kept)


def _facets(points: Sequence[Vector]) -> list[Facet]:
    """Return the facets by double description of ``{(w, c): w >= 0, a.w >= c for all points}``.

    The cone starts as the orthant cut by the first point, whose rays are known; every further
    point keeps the rays on its good side and joins adjacent rays across it.
    """
    n = len(points[0])
    first = points[0]
    # Rays of {w >= 0, first.w >= c}: (e_i, first_i) and (0, -1); the last one is the recession.
    rays: list[tuple[Vector, int]] = []
    constraints = n + 1
    for i in range(n):
        unit = tuple(int(i == j) for j in range(n))
        tight = ((1 << n) - 1) & ~(1 << i) | (1 << n)
        rays.append(((*unit, first[i]), tight))
    rays.append(((0,) * n + (-1,), (1 << n) - 1))
    for p in points[1:]:
        values = [_dot(ray[:n], p) - ray[n] for ray, _ in rays]
        bit = 1 << constraints
        positive = [(r, t) for (r, t), v in zip(rays, values, strict=True) if v > 0]
        zero = [(r, t | bit) for (r, t), v in zip(rays, values, strict=True) if v == 0]
        negative = [(r, t) for (r, t), v in zip(rays, values, strict=True) if v < 0]
        values_positive = [v for v in values if v > 0]
        values_negative = [v for v in values if v < 0]
        joined: list[tuple[Vector, int]] = []
        charge(1 + len(positive) * len(negative) // 20)
        masks = [t for _, t in rays]
        for (r, tr), vr in zip(positive, values_positive, strict=True):
            for (s, ts), vs in zip(negative, values_negative, strict=True):
                common = tr & ts
                if common.bit_count() < n - 1:
                    continue
                if sum(1 for mask in masks if common & ~mask == 0) > 2:
                    continue
                new = _reduced(tuple(vr * b - vs * a for a, b in zip(r, s, strict=True)))
                joined.append((new, common | bit))
        rays = positive + zero + joined
        if len(rays) > MAX_RAYS:
            raise WorkLimit("facets")
        constraints += 1
    facets = [Facet(ray[:n], ray[n]) for ray, _ in rays if any(ray[:n])]
    return sorted(facets, key=lambda f: (f.normal, f.offset))


def subsets(items: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield all nonempty subsets in a fixed order."""
    for mask in range(1, 1 << len(items)):
        yield tuple(item for i, item in enumerate(items) if mask >> i & 1)


def _dot(left: Sequence[int], right: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _sum(vectors: Sequence[Vector]) -> Vector:
    return tuple(sum(column) for column in zip(*vectors, strict=True))


def _reduced(vector: Vector) -> Vector:
    divisor = gcd(*vector)
    return tuple(x // divisor for x in vector) if divisor > 1 else vector
