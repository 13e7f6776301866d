"""Multiples of polynomials by integers and fractions, against sympy's own content."""

import random

from sympy.polys.domains import QQ

from theory.algebra.ring import polynomial_ring, primitive

RING = polynomial_ring(("x", "y", "z"))


def test_primitive_is_what_is_left_of_the_content() -> None:
    rng = random.Random(1)
    scaled = 0
    for _ in range(500):
        exponents = [tuple(rng.randint(0, 4) for _ in range(3)) for _ in range(rng.randint(1, 12))]
        p = RING.from_dict(
            {e: QQ(rng.choice([-6, -4, -1, 1, 3, 9]), rng.choice([1, 2, 3, 6])) for e in exponents}
        )
        content, expected = p.primitive()
        expected = expected.copy()
        if expected.LC < 0:
            expected, content = -expected, -content
        result = primitive(p)
        assert result == expected
        assert hash(result) == hash(expected)
        assert result * content == p
        scaled += content != 1
    assert scaled > 400
    assert primitive(RING.zero) == 0
