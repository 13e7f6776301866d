"""Newton polyhedra against known cones, brute force over weights, and their certificates."""

import random
from fractions import Fraction
from itertools import product

import pytest

from theory.algebra.linear import convex_weights, rank
from theory.algebra.newton import minimal_points, polyhedron

ONE = Fraction(1)


@pytest.mark.parametrize(
    ("points", "value", "codimension"),
    [
        ([(2, 1, 0), (0, 0, 1)], "3/2", 1),
        ([(2, 0), (0, 6)], "2/3", 1),
        ([(3, 0), (1, 1), (0, 3)], "1", 2),
        ([(1, 1, 0, 0, 0, 0), (0, 0, 1, 1, 0, 0), (0, 0, 0, 0, 1, 1)], "3", 4),
        ([(2, 6)], "1/6", 1),
        ([(1, 1, 0), (0, 0, 2)], "3/2", 2),
    ],
)
def test_known_exponents(points, value, codimension) -> None:
    n = len(points[0])
    newton = polyhedron([(points, ONE)], [Fraction(0)] * n)
    density = [ONE] * n
    assert newton.exponent(density) == Fraction(value)
    assert newton.codimension(newton.attaining(density)) == codimension


@pytest.mark.parametrize("seed", range(30))
def test_facets_are_valid_tight_and_complete(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.choice([2, 3, 4])
    points = [tuple(rng.randint(0, 4) for _ in range(n)) for _ in range(rng.randint(1, 7))]
    newton = polyhedron([(points, ONE)], [Fraction(0)] * n)
    for facet, on in zip(newton.facets, newton.on, strict=True):
        sizes = [sum(w * k for w, k in zip(facet.normal, p, strict=True)) for p in newton.points]
        assert min(sizes) == facet.offset
        # A facet has n affinely independent points and directions of recession.
        mine = [p for j, p in enumerate(newton.points) if on >> j & 1]
        spread = [tuple(a - b for a, b in zip(p, mine[0], strict=True)) for p in mine[1:]]
        spread += [
            tuple(int(i == j) for j in range(n)) for i, w in enumerate(facet.normal) if not w
        ]
        assert (rank(spread) if spread else 0) == n - 1
    density = [Fraction(rng.randint(1, 3)) for _ in range(n)]
    if not any(f.offset for f in newton.facets):
        return
    best = min(
        sum((w * d for w, d in zip(weight, density, strict=True)), Fraction(0)) / least
        for weight in product(range(6), repeat=n)
        if (least := min(sum(w * k for w, k in zip(weight, p, strict=True)) for p in points))
    )
    assert newton.exponent(density) <= best
    weights = newton.hit(density)
    t = 1 / newton.exponent(density)
    assert sum(weights) == 1
    assert min(weights) >= 0
    for i in range(n):
        total = sum((x * p[i] for x, p in zip(weights, newton.points, strict=True)), Fraction(0))
        assert total <= t * density[i]


def test_scaled_products_add_supports() -> None:
    half = Fraction(1, 2)
    newton = polyhedron([([(2, 0), (0, 2)], half), ([(1, 1)], Fraction(2))], [half, Fraction(0)])
    # (1/2)(x^2, y^2) + 2 (1, 1) + (1/2, 0): the vertices are (7/2, 2) and (5/2, 3).
    assert newton.scale == 2
    assert newton.points == ((5, 6), (7, 4))
    assert newton.exponent([ONE, ONE]) == Fraction(4, 11)


def test_compact_faces_of_a_triangle() -> None:
    newton = polyhedron([([(2, 0, 0), (0, 2, 0), (0, 0, 2)], ONE)], [Fraction(0)] * 3)
    assert len(newton.compact_faces()) == 7


def test_points_outside_have_no_convex_weights() -> None:
    with pytest.raises(ValueError, match="outside"):
        convex_weights([(2, 0), (0, 2)], [Fraction(1, 2), Fraction(1, 2)])


def test_minimal_points_drop_multiples() -> None:
    assert minimal_points([(1, 1), (2, 1), (0, 3), (1, 1)]) == [(0, 3), (1, 1)]
