"""Two variables: lists worked out by hand, line arrangements by formula, points on curves."""

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest

from theory import SumOfSquares, rlct, strata, verify
from theory.stratification import Strata

F = Fraction
Row = tuple[str, int, int]

# K and all strata (lambda, m, dimension), deepest first.
EXAMPLES: list[tuple[Any, list[Row]]] = [
    # Monomials and lines.
    ("x^2*y^4", [("1/4", 1, 0), ("1/4", 1, 1), ("1/2", 1, 1)]),
    ("x^2*y^2", [("1/2", 2, 0), *[("1/2", 1, 1)] * 2]),
    ("(x*y*(x-y))^2", [("1/3", 1, 0), *[("1/2", 1, 1)] * 3]),
    ("x^4*(x-1)^2*y^6", [*[("1/6", 1, 0)] * 2, ("1/6", 1, 1), ("1/4", 1, 1), ("1/2", 1, 1)]),
    ("x^4*y^4 + 2*x^5*y^3 + x^6*y^2", [("1/4", 2, 0), ("1/4", 1, 1), *[("1/2", 1, 1)] * 2]),
    # One line and one isolated zero: f = (x - 1)^a (x^2 + y^2)^b, K = f^2.
    ("((x-1)*(x^2+y^2))^2", [("1/2", 1, 0), ("1/2", 1, 1)]),
    ("((x-1)*(x^2+y^2)^2)^2", [("1/4", 1, 0), ("1/2", 1, 1)]),
    ("((x-1)^3*(x^2+y^2)^2)^2", [("1/6", 1, 1), ("1/4", 1, 0)]),
    # Isolated zeros.
    ("x^2+y^2", [("1", 1, 0)]),
    ("(x^2+x*y+y^2)^2", [("1/2", 1, 0)]),
    ("(x^2+y^2)^2*((x-1)^2+y^2)^6", [("1/6", 1, 0), ("1/2", 1, 0)]),
    (SumOfSquares(["x^2", "y"]), [("3/4", 1, 0)]),
    (SumOfSquares(["x^2-y", "y^2-x"]), [("1", 1, 0)] * 2),
    # Sums of squares with a common factor.
    (SumOfSquares(["x*y", "x*(x-1)"]), [("1/2", 1, 1), ("1", 1, 0)]),
    (SumOfSquares(["x*(x^2+y^2-3)", "y*(x^2+y^2-3)"]), [("1/2", 1, 1), ("1", 1, 0)]),
    ("x^2*y^4+x^6", [("1/3", 1, 0), ("1/2", 1, 1)]),
    # A definite factor that meets a line at a point.
    ("x^2*(x^2+(y-1)^2)", [("1/2", 2, 0), ("1/2", 1, 1)]),
    ("(x^2+y^2)*x^4", [("1/4", 1, 0), ("1/4", 1, 1)]),
    # Singular curves: cusp, node, isolated point of a cubic, lemniscate.
    ("(x^2-y^3)^2", [("5/12", 1, 0), ("1/2", 1, 1)]),
    ("(y^2-x^3-x^2)^2", [("1/2", 2, 0), ("1/2", 1, 1)]),
    ("(y^2-x^2*(x-1))^2", [("1/2", 1, 0), ("1/2", 1, 1)]),
    ("((x^2+y^2)^2-(x^2-y^2))^2", [("1/2", 2, 0), ("1/2", 1, 1)]),
    # 8 v^3 = x^2 at (0, 1) and (0, -1); one real branch of order 3 at (1, 0) and (-1, 0).
    ("((x^2+y^2-1)^3-x^2*y^3)^2", [*[("1/3", 1, 0)] * 2, *[("5/12", 1, 0)] * 2, ("1/2", 1, 1)]),
    # Two curves: crossing, touching with equal and with different weight.
    ("(y-x^2)^2*(y+x^2-2)^2", [*[("1/2", 2, 0)] * 2, *[("1/2", 1, 1)] * 2]),
    ("(x-y^2)^2*(x+y^2)^2", [("3/8", 1, 0), *[("1/2", 1, 1)] * 2]),
    ("(y-x^2)^2*y^4", [("1/4", 2, 0), ("1/4", 1, 1), ("1/2", 1, 1)]),
    ("(y^2-2*x^3)^2*(x-2)^2", [("5/12", 1, 0), *[("1/2", 2, 0)] * 2, *[("1/2", 1, 1)] * 2]),
    ("(x^2*y^2-1)^2", [("1/2", 1, 1)] * 2),
    # No rational point, or none on the special part.
    ("(x^2+y^2-3)^2", [("1/2", 1, 1)]),
    ("(x^3-2*y^3)^2", [("1/3", 1, 0), ("1/2", 1, 1)]),
    ("(x^2-2*y^2)^2", [("1/2", 2, 0), ("1/2", 1, 1)]),
    ("(x^2+y^2-1)^2*(x-y)^2", [*[("1/2", 2, 0)] * 2, *[("1/2", 1, 1)] * 2]),
    ("((x^2-2)^3-y^2)^2", [*[("5/12", 1, 0)] * 2, ("1/2", 1, 1)]),
    ("(x^2-2)^2*(y^2-3)^2", [*[("1/2", 2, 0)] * 4, *[("1/2", 1, 1)] * 2]),
    ("(x^2-3)^4*(x+y)^2", [*[("1/4", 1, 0)] * 2, ("1/4", 1, 1), ("1/2", 1, 1)]),
]


def rows(stratification: Strata) -> list[Row]:
    return [(str(s.value.value), s.value.multiplicity or 0, s.dimension) for s in stratification]


@pytest.mark.parametrize(("K", "expected"), EXAMPLES)
def test_hand_checked_list(K: Any, expected: list[Row]) -> None:
    found = strata(K)
    assert rows(found) == expected
    assert found.complete
    assert not found.conditions
    assert all(verify(stratum.value) for stratum in found)


@pytest.mark.parametrize(
    ("K", "expected"),
    [
        ("x*y", [("1", 2, 0), *[("1", 1, 1)] * 2]),
        ("x^3-y^2", [("5/6", 1, 0), ("1", 1, 1)]),
        ("-x^2*(x^2-2)^2", [("1/2", 1, 1)] * 2),
    ],
)
def test_absolute_value(K: str, expected: list[Row]) -> None:
    K = K if "y" in K else K.replace("x^2-2", "y^2-2")
    with pytest.raises(ValueError, match="absolute=True"):
        strata(K)
    if "y^2-2" in K:
        expected = [*[("1/2", 2, 0)] * 2, *expected]
    assert rows(strata(K, absolute=True)) == expected


def test_the_same_form_at_algebraic_and_at_rational_points() -> None:
    pairs = [
        ("((x^2-2)^3-y^2)^2", "((x^2-4)^3-y^2)^2"),
        ("(x^2+y^2-1)^2*(x-y)^4", "(x^2+y^2-2)^2*(x-y)^4"),
        ("(x^2-2)^6*(y^2-3)^4", "(x^2-4)^6*(y^2-9)^4"),
        ("(y-x^4+4*x^2-4)^2*y^4", "(y-x^4+8*x^2-16)^2*y^4"),
        ("((x^2-2)^2+y^2)^2*y^2", "((x^2-1)^2+y^2)^2*y^2"),
    ]
    for algebraic, rational in pairs:
        one, two = strata(algebraic), strata(rational)
        assert any(stratum.point.rational is None for stratum in one)
        assert len([s for s in one if s.dimension == 0]) == len([s for s in two if not s.dimension])
        assert set(one.values) == set(two.values)


def line_oracle(lines: list[tuple[int, int, int, int]]) -> list[Row]:
    """Return the strata of ``prod (a x + b y - c)^k`` from blow-ups of the crossing points."""
    points: dict[tuple[F, F], set[int]] = {}
    for (i, (a, b, c, _)), (j, (d, e, f, _)) in combinations(enumerate(lines), 2):
        det = a * e - b * d
        if det:
            points.setdefault((F(c * e - b * f, det), F(a * f - c * d, det)), set()).update({i, j})
    results: list[tuple[F, int, int]] = [(F(1, k), 1, 1) for *_, k in lines]
    for through in points.values():
        powers = [lines[i][3] for i in through]
        ratio, branch = F(2, sum(powers)), F(1, max(powers))
        results.append((min(ratio, branch), 2 if ratio == branch else 1, 0))
    ordered = sorted(results, key=lambda row: (row[0], -row[1], row[2]))
    return [(str(value), m, dimension) for value, m, dimension in ordered]


@pytest.mark.parametrize("seed", range(6))
def test_line_arrangements(seed: int) -> None:
    rng = random.Random(seed)
    slopes: dict[tuple[F | None, F], tuple[int, int, int, int]] = {}
    while len(slopes) < 4:
        a, b, c = (rng.randint(-2, 2) for _ in range(3))
        if a or b:
            key = (F(a, b) if b else None, F(c, b or a))
            slopes[key] = (a, b, c, rng.choice((2, 4, 6)))
    lines = list(slopes.values())
    K = "*".join(f"({a}*x + {b}*y - {c})^{k}" for a, b, c, k in lines)
    if "x" not in K or "y" not in K:
        pytest.fail(f"seed {seed} gives {K}")
    stratification = strata(K)
    assert rows(stratification) == line_oracle(lines)
    assert stratification.complete


PARAMETRISED: list[tuple[str, Callable[[F], tuple[F, F]]]] = [
    ("(x^2+y^2-1)^2*(x-y)^2", lambda t: ((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t))),
    ("(x^2+y^2-1)^2*(x-y)^2", lambda t: (t, t)),
    ("(x^2-y^3)^2", lambda t: (t**3, t**2)),
    ("(y^2-x^3-x^2)^2", lambda t: (t * t - 1, t * (t * t - 1))),
    ("(y-x^2)^2*y^4", lambda t: (t, t * t)),
    ("(y-x^2)^2*y^4", lambda t: (t, F(0))),
    ("((x^2+y^2)^2-(x^2-y^2))^2", lambda t: ((t + t**3) / (1 + t**4), (t - t**3) / (1 + t**4))),
    ("x^4*(x-1)^2*y^6", lambda t: (t, F(0))),
]


@pytest.mark.parametrize(("K", "curve"), PARAMETRISED)
def test_points_on_curves_have_values_of_the_list(
    K: str, curve: Callable[[F], tuple[F, F]]
) -> None:
    stratification = strata(K)
    special = [s.point.rational for s in stratification if s.dimension == 0]
    generic = {
        (s.value.lower, s.value.upper, s.value.multiplicity)
        for s in stratification
        if s.dimension == 1
    }
    rng = random.Random(K)
    places = [F(n) for n in (-1, 0, 1)]
    places += [F(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(5)]
    for t in places:
        x, y = curve(t)
        at = {"x": x, "y": y}
        local = rlct(K, at=at)
        value = (local.lower, local.upper, local.multiplicity)
        assert value in stratification.values
        assert at in special or value in generic


@pytest.mark.parametrize("K", [K for K, _ in EXAMPLES[::3]])
def test_deeper_points_have_smaller_values(K: Any) -> None:
    stratification = strata(K)
    curves = {s.equations: s.value.value for s in stratification if s.dimension == 1}
    for stratum in stratification:
        for equations, value in curves.items():
            if equations[0] in stratum.equations:
                assert stratum.value.value <= value
    assert stratification.deepest.value.value == min(s.value.value for s in stratification)


def test_a_point_that_is_left_out_is_noticed() -> None:
    # The test above would fail if the crossing were missing: its value is no generic one.
    found = strata("x^2*y^2")
    crossing = found.strata[0].value
    kept = {(s.value.lower, s.value.upper, s.value.multiplicity) for s in found.strata[1:]}
    assert (crossing.lower, crossing.upper, crossing.multiplicity) not in kept
