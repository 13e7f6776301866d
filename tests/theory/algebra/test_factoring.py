"""The short ways to factors, against those of the computer algebra system."""

import random

import pytest

from theory.algebra.factoring import common_factor, factors
from theory.algebra.modular import coprime, factor_degrees, irreducible, squarefree
from theory.algebra.ring import coefficient_list, polynomial_ring, primitive, read, used
from theory.algebra.square_roots import square_root

NAMES = ("x", "y", "z", "s")


def draw(rng, top=3, terms=4):
    """Return a polynomial with a few random terms."""
    ring = polynomial_ring(NAMES)
    return sum(
        (
            rng.choice([-3, -2, -1, 1, 2, 5]) * ring.from_dict({e: ring.domain.one})
            for e in {tuple(rng.randint(0, top) for _ in NAMES) for _ in range(terms)}
        ),
        ring.zero,
    )


@pytest.mark.parametrize("seed", range(60))
def test_factors_are_those_of_the_computer_algebra_system(seed):
    rng = random.Random(seed)
    drawn = [draw(rng, rng.randint(1, 2), rng.randint(2, 3)) for _ in range(rng.randint(1, 3))]
    p = drawn[0].ring.one
    for factor in drawn:
        p = p * factor ** rng.choice([1, 1, 2, 3, 4])
        if len(p) > 16:
            break
    p = p / rng.randint(1, 7)
    results = {(q, k) for q, k, _ in factors(p)}
    expected: dict = {}
    for q, k in p.factor_list()[1]:
        expected[primitive(q)] = expected.get(primitive(q), 0) + k
    product = p.ring.one
    for q, k in results:
        product = product * q**k
    assert primitive(product) == primitive(p)
    if all(known for _, _, known in factors(p)):
        assert results == set(expected.items())


def test_what_is_seen_to_be_irreducible_or_coprime_is():
    rng = random.Random(1)
    seen = [0, 0]
    for _ in range(16):
        f, g = draw(rng, 2, 3), draw(rng, 2, 3)
        common = draw(rng, 1, 2)
        assert f.gcd(g).is_ground or not coprime(f, g)
        assert common.is_ground or not coprime(f * common, g * common)
        assert common.is_ground or not squarefree(f * common**2)
        seen[0] += coprime(f, g) and squarefree(f)
        for p in (f, f * g, f * f):
            for i in used(p):
                if common_factor([c for c in coefficient_list(p, i) if c]).is_ground:
                    drawn = sum(k for _, k in p.factor_list()[1])
                    assert drawn == 1 or not irreducible(p, i)
                    seen[1] += irreducible(p, i)
    assert min(seen) > 4


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("x^2 + 1", True),
        ("7*x^2 - 2*x*y - 2*y^2", True),
        ("x^2 - y^3", True),
        ("x^3/5 + y^3/241 + 1/3", True),
        ("x^4 + y^4", False),
        ("4*x^2 - y^2", False),
        ("(x^2 + y)^2", False),
    ],
)
def test_irreducible_polynomials_are_seen_unless_every_image_splits(written, expected):
    assert irreducible(read(polynomial_ring(NAMES), written), 0) == expected


def test_degrees_of_factors_modulo_a_prime():
    # (x - 1) (x^2 + 1) (x - 2) modulo 7, where x^2 + 1 does not split.
    assert sorted(factor_degrees([2, -3 % 7, 3, -3 % 7, 1], 7)) == [1, 1, 2]
    assert factor_degrees([1, 2, 1], 7) is None


def test_square_roots():
    rng = random.Random(2)
    for _ in range(200):
        p = draw(rng)
        root = square_root(p * p)
        assert root in (p, -p)
        assert square_root(-p * p) is None
        assert square_root(3 * p * p) is None
        assert square_root(p * p * p * p) in (p * p, -p * p)
        other = p * p + draw(rng)
        result = square_root(other) if other else None
        assert result is None or result * result == other
