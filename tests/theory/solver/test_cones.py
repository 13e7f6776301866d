"""Homogeneous germs in three variables against the plane germs of their charts.

One blow-up of the origin gives ``K = e^d k(s, t)`` with density ``e^2``, so the value is the least
of ``3/d`` and the plane values at the real points of the curve ``k = 0``, and the multiplicity
adds 1 at such a point if ``3/d`` is the least too. The curves touch each other on purpose: there a
function that vanishes at a point is no coordinate.
"""

from fractions import Fraction
from typing import Any

import pytest

from theory import rlct, verify

CONE = "(x^2 - y^2 - z^2)"
TOUCHING = ["(3*y - 5*x + 4*z)", "(12*y - 13*x + 5*z)", "(x - y)"]
POINTS = [(5, 3, 4), (13, 12, 5), (1, 1, 0)]
ACROSS = ["(x + 2*y)", "(y + 3*z)"]


def local(K: str, place: tuple[int, int, int]) -> tuple[Fraction, int]:
    """Return value and multiplicity of the plane germ at a point of the curve, with x = 1."""
    a, b, c = place
    chart = K.replace("x", "1").replace("y", "s").replace("z", "t")
    found = rlct(chart, at={"s": Fraction(b, a), "t": Fraction(c, a)}, absolute=True)
    assert found.exact
    assert found.multiplicity is not None
    return found.value, found.multiplicity


CASES = [
    (f"{CONE}^2*({CONE} + {line}*{other})^2", 8, place)
    for line, place in zip(TOUCHING, POINTS, strict=True)
    for other in ACROSS
] + [
    (f"{CONE}^2*({CONE}*{other} + {line}^2*y)^2", 10, place)
    for line, place in zip(TOUCHING, POINTS, strict=True)
    for other in ACROSS[:1]
]


@pytest.mark.parametrize(("K", "degree", "place"), CASES)
def test_value_is_the_least_over_the_charts(
    K: str, degree: int, place: tuple[int, int, int]
) -> None:
    value, order = local(K, place)
    ratio = Fraction(3, degree)
    expected = min(value, ratio)
    multiplicity = order * (value == expected) + (ratio == expected)
    found = rlct(K)
    assert verify(found)
    assert found.lower <= expected <= found.upper
    if found.exact:
        assert (found.value, found.multiplicity) == (expected, multiplicity)


@pytest.mark.parametrize("prior", [{"x": 2}, {"y": 2}, {"z": 2}, {"x": 2, "z": 1}])
@pytest.mark.parametrize("other", ACROSS)
def test_value_is_not_above_that_of_points_nearby(other: str, prior: dict[str, Any]) -> None:
    """On the ray through (5, 3, 4) the density is positive and the value is 3/8 all along."""
    K = f"{CONE}^2*({CONE} + {TOUCHING[0]}*{other})^2"
    near = rlct(K, at={"x": 5, "y": 3, "z": 4})
    assert (near.value, near.multiplicity) == (Fraction(3, 8), 1)
    found = rlct(K, prior=prior)
    assert verify(found)
    assert found.lower <= near.value
    assert not found.exact or (found.value, found.multiplicity) == (Fraction(3, 8), 1)
