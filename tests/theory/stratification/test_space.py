"""Three variables: lists worked out by hand, points on surfaces, and what is left open."""

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from theory import SumOfSquares, rlct, strata, verify
from theory.stratification import check_strata

F = Fraction
Row = tuple[str, int, int]
Place = tuple[F, F, F]

EXAMPLES: list[tuple[Any, list[Row]]] = [
    # Whitney umbrella: two real sheets cross for z > 0, two complex ones for z < 0.
    ("(x^2-2*y^2*z)^2", [("1/2", 2, 0), ("1/2", 2, 1), ("1/2", 1, 1), ("1/2", 1, 2)]),
    ("(x*y*z)^2", [("1/2", 3, 0), *[("1/2", 2, 1)] * 3, *[("1/2", 1, 2)] * 3]),
    ("(x^2+y^2-z^2)^2", [("1/2", 1, 0), ("1/2", 1, 2)]),
    ("(x*y-z^3)^2", [("1/2", 1, 0), ("1/2", 1, 2)]),
    ("(x^2+y^2+z^2-1)^2", [("1/2", 1, 2)]),
    # Reduced rank 2-1-1: <a b, c b>.
    (SumOfSquares(["a*b", "c*b"]), [("1/2", 1, 0), ("1/2", 1, 2), ("1", 1, 1)]),
    (SumOfSquares(["a*b-1", "a*c"]), [("1", 1, 1)]),
    (SumOfSquares(["x*y", "y*z", "x*z"]), [("3/4", 1, 0), ("1", 1, 1)]),
    (SumOfSquares(["x-1", "y-2", "z*(x+1)"]), [("3/2", 1, 0)]),
    # 1/4 or 1/2 from x^2 y^4, plus 1/2.
    ("x^2*y^4+z^2", [("3/4", 1, 0), ("3/4", 1, 1), ("1", 1, 1)]),
    ("(x^2+y^2)^2*z^2", [("1/2", 2, 0), ("1/2", 1, 1), ("1/2", 1, 2)]),
    ("(x*y+z^2-1)^2*(x-1)^2", [("1/2", 2, 1), *[("1/2", 1, 2)] * 2]),
    (
        "(x*y*(x-y))^2*z^4",
        [
            ("1/4", 1, 0),
            ("1/4", 1, 1),
            ("1/4", 1, 1),
            ("1/4", 1, 1),
            ("1/4", 1, 2),
            ("1/3", 1, 1),
            *[("1/2", 1, 2)] * 3,
        ],
    ),
]


def rows(result: Any) -> list[Row]:
    return [(str(s.value.value), s.value.multiplicity or 0, s.dimension) for s in result]


@pytest.mark.parametrize(("K", "expected"), EXAMPLES)
def test_hand_checked_list(K: Any, expected: list[Row]) -> None:
    found = strata(K)
    assert rows(found) == expected
    assert found.complete
    assert all(verify(stratum.value) for stratum in found)
    assert check_strata(found.to_json()) == len(expected)


PARAMETRISED: list[tuple[str, Callable[[F, F], Place]]] = [
    ("(x^2-2*y^2*z)^2", lambda s, t: (2 * s * t, t, 2 * s * s)),
    ("(x^2-2*y^2*z)^2", lambda s, t: (F(0), F(0), s)),
    ("(x^2+y^2-z^2)^2", lambda s, t: (s * s - t * t, 2 * s * t, s * s + t * t)),
    ("(x*y*z)^2", lambda s, t: (s, t, F(0))),
    ("(x*y-z^3)^2", lambda s, t: (s**2 * t, s * t**2, s * t)),
    ("x^2*y^4+z^2", lambda s, t: (s, F(0), F(0))),
    ("(x*y*(x-y))^2*z^4", lambda s, t: (s, s, t)),
]


@pytest.mark.parametrize(("K", "surface"), PARAMETRISED)
def test_points_on_surfaces_have_values_of_the_list(
    K: str, surface: Callable[[F, F], Place]
) -> None:
    stratification = strata(K)
    rng = random.Random(K)
    numbers = [F(n) for n in (-1, 0, 1)] + [F(rng.randint(-5, 5), rng.randint(1, 4)) for _ in "ab"]
    for s in numbers:
        t = rng.choice(numbers)
        at = dict(zip(("x", "y", "z"), surface(s, t), strict=True))
        value = rlct(K, at=at)
        assert (value.lower, value.upper, value.multiplicity) in stratification.values


def test_both_halves_of_the_handle_are_told_apart() -> None:
    stratification = strata("(x^2-2*y^2*z)^2")
    handle = {
        s.point.rational["z"] > 0: s.value.multiplicity
        for s in stratification
        if s.dimension == 1 and s.point.rational
    }
    assert handle == {True: 2, False: 1}


def test_what_was_not_decided_is_said() -> None:
    # Two umbrellas on the line x = y = 0, at the irrational places z^2 = 2.
    stratification = strata("((z^2-2)*x^2-y^2)^2", timeout=20)
    assert not stratification.complete
    assert len(stratification.conditions) == 1
    assert stratification.conditions[0].startswith(
        "samples are not proved to stand for all real zeros of"
    )
    assert str(stratification).splitlines()[-1].startswith("NOT complete; ")
    # No rational point at all on the surface: nothing is invented.
    with pytest.raises(ValueError, match="no real zero of K was found; "):
        strata("(x^2+y^2+z^2-7)^2", timeout=10)


def test_box() -> None:
    found = strata("(x*y*z)^2", box={"z": (1, 2)})
    assert {row[:2] for row in rows(found)} == {("1/2", 2), ("1/2", 1)}
    assert not found.complete
    assert found.conditions[0] == "only 1 <= z <= 2"
    with pytest.raises(ValueError, match="no real zero of K with 1 <= x <= 2"):
        strata("(x*y*z)^2", box=(1, 2))
