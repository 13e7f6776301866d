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
from theory.algebra.factoring import factors
from theory.algebra.ring import polynomial_ring, read
from theory.solver.newton import hoelder
from theory.solver.recursion import splits
from theory.solver.zeros.problem import ZeroStatus

CONE = "(x^2 - y^2 - z^2)"
TOUCHING = ["(3*y - 5*x + 4*z)", "(12*y - 13*x + 5*z)", "(x - y)"]
POINTS = [(5, 3, 4), (13, 12, 5), (1, 1, 0)]
ACROSS = ["(x + 2*y)", "(y + 3*z)"]


def local(K: str, place: tuple[int, int, int]) -> tuple[Fraction, int]:
    """Return value and multiplicity of the plane germ at a point of the curve, with x = 1."""
    a, b, c = place
    chart = K.replace("x", "1").replace("y", "s").replace("z", "t")
    coefficient = rlct(chart, at={"s": Fraction(b, a), "t": Fraction(c, a)}, absolute=True)
    assert coefficient.exact
    assert coefficient.multiplicity is not None
    return coefficient.value, coefficient.multiplicity


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
    coefficient = rlct(K)
    assert verify(coefficient)
    assert coefficient.lower <= expected <= coefficient.upper
    if coefficient.exact:
        assert (coefficient.value, coefficient.multiplicity) == (expected, multiplicity)


@pytest.mark.parametrize("prior", [{"x": 2}, {"y": 2}, {"z": 2}, {"x": 2, "z": 1}])
@pytest.mark.parametrize("other", ACROSS)
def test_value_is_not_above_that_of_points_nearby(other: str, prior: dict[str, Any]) -> None:
    """On the ray through (5, 3, 4) the density is positive and the value is 3/8 all along."""
    K = f"{CONE}^2*({CONE} + {TOUCHING[0]}*{other})^2"
    near = rlct(K, at={"x": 5, "y": 3, "z": 4})
    assert (near.value, near.multiplicity) == (Fraction(3, 8), 1)
    coefficient = rlct(K, prior=prior)
    assert verify(coefficient)
    assert coefficient.lower <= near.value
    assert not coefficient.exact or (coefficient.value, coefficient.multiplicity) == (
        Fraction(3, 8),
        1,
    )


CUSPS = [
    ("+", 1, 4, Fraction(5, 27)),
    ("-", 1, 3, Fraction(5, 21)),
    ("+", 2, 8, Fraction(5, 54)),
]


def cusp(sign: str, cone: int, power: int) -> str:
    """Return the cone times a cubic that has a cusp on the ray through (5, 3, 4), along it.

    With weights 3 and 2 at the cusp the cubic has order 6 and the cone order 3.
    """
    return f"{CONE}^{cone}*((5*x - 3*y - 4*z)^2*x {sign} (5*z - 4*x)^3)^{power}"


@pytest.mark.parametrize(("sign", "cone", "power", "value"), CUSPS)
def test_lower_bounds_hold_where_a_curve_touches_a_tied_parameter(
    sign: str, cone: int, power: int, value: Fraction
) -> None:
    """The prior leaves the ray as it is, and makes the origin itself no smaller than the ray."""
    K = cusp(sign, cone, power)
    near = rlct(K, at={"x": 5, "y": 3, "z": 4}, absolute=True)
    assert (near.value, near.multiplicity) == (value, 1)
    assert value == Fraction(5, 6 * power + 3 * cone)
    coefficient = rlct(K, prior={"x": 20}, absolute=True)
    assert verify(coefficient)
    assert coefficient.lower <= value <= coefficient.upper


# A witness that would do if an equation of the system were a constant.
NEVER = ZeroStatus("empty", {"rule": "unit", "parts": []})


@pytest.mark.parametrize(
    ("module", "name", "answer", "K", "options"),
    [
        (hoelder, "_disturbed", False, cusp("+", 1, 4), {"prior": {"x": 20}, "absolute": True}),
        (splits, "_vanishing_slopes", NEVER, CASES[0][0], {}),
    ],
)
def test_a_proof_without_the_condition_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    answer: Any,
    K: str,
    options: dict[str, Any],
) -> None:
    assert verify(rlct(K, **options))
    monkeypatch.setattr(module, name, lambda *_: answer)
    assert not verify(rlct(K, **options))


def test_equal_factors_are_found_in_sets() -> None:
    ring = polynomial_ring(("s", "t"))
    product = read(ring, "s^2 + 3*s*t - s - 3*t")
    assert {p for p, _, _ in factors(product)} == {read(ring, "s - 1"), read(ring, "s + 3*t")}
