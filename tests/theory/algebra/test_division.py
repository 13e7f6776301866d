"""Remainders against those of the computer algebra system."""

import random

import pytest

from theory.algebra.division import remainder
from theory.algebra.ring import polynomial_ring, primitive, read

RING = polynomial_ring(("x", "y", "z"))


def draw(rng, top, terms):
    """Return a nonzero polynomial with rational coefficients."""
    exponents = {tuple(rng.randint(0, top) for _ in range(3)) for _ in range(terms)}
    return sum(
        (
            RING.from_dict({e: RING.domain(rng.choice([-3, -1, 1, 2]), rng.choice([1, 1, 2, 5]))})
            for e in exponents
        ),
        RING.zero,
    )


@pytest.mark.parametrize("seed", range(40))
def test_remainders_are_multiples_of_the_usual_ones(seed):
    rng = random.Random(seed)
    divisors = [draw(rng, 2, 3) for _ in range(rng.randint(1, 3))]
    p = draw(rng, 4, 6)
    assert remainder(p, divisors) == primitive(p.rem(divisors))
    assert not remainder(p * divisors[0], divisors[:1])
    assert not remainder(RING.zero, divisors)


def test_the_first_divisor_that_can_is_taken():
    p, f, g = (read(RING, text) for text in ("x*y", "x - z", "y - z"))
    assert remainder(p, [f, g]) == read(RING, "z^2")
    assert remainder(read(RING, "x^2/2 - y"), [read(RING, "3*x^2 + z")]) == read(RING, "6*y + z")
