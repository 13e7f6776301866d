"""The result, its box and JSON, and what is refused."""

import copy
import json
from fractions import Fraction
from typing import Any

import pytest
import sympy

from theory import RLCT, strata, verify
from theory.algebra.groebner import basis, count_real, standard_monomials
from theory.polynomials.expression import parse
from theory.stratification import check_strata
from theory.stratification.components import column, shortened
from theory.stratification.points import point_of
from theory.stratification.zeros import common_zeros, real_numbers


@pytest.mark.parametrize(
    ("K", "options", "words"),
    [
        ("x^2", {}, "one variable x"),
        ("a^2*b^2*c^2*d^2", {}, "4 variables"),
        ("7", {}, "no variable"),
        ("0*x*y", {}, "identically zero"),
        ("x^2+y^2+1", {}, "no real zero"),
        ("(x^2+y^2+1)*(x^4+y^2+1)^3", {}, "no real zero"),
        ("(x^2+x*y+y^2)*0", {}, "identically zero"),
        ("x^2*y^2", {"box": (3, 4)}, "no real zero with 3 <= x <= 4"),
        ("x^2+y^2+z^2+1", {}, "no real zero"),
        ("x*y", {}, "beside x = 0; pass absolute=True"),
        ("-x^2-y^2", {}, "negative"),
        ("x^2*y*z^2", {}, "absolute=True"),
        ("0.5*x^2*y^2", {}, "0.5"),
        ("x^2*y^2", {"timeout": 0}, "timeout must be positive"),
        ("x^2*y^2", {"box": (2, -2)}, "lower end first, got 2, -2"),
        ("x^2*y^2", {"box": {"z": (0, 1)}}, "'z'"),
        ("x^2*y^2", {"box": (0.5, 1)}, "rational"),
        ("x^2*y^2", {"box": (1, 2, 3)}, "pair"),
    ],
)
def test_refused(K: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + words) as caught:
        strata(K, **options)
    assert "\n" not in str(caught.value)


def test_sympy_and_names() -> None:
    u, v = sympy.symbols("u v")
    found = strata(u**2 * (v - 1) ** 4)
    assert found.variables == ("u", "v")
    assert found.deepest.point.rational == {"u": 0, "v": 1}
    assert [s.equations for s in found if s.dimension == 1] == [("v - 1",), ("u",)]


def test_box_keeps_what_lies_in_it() -> None:
    K = "(x^2+y^2-1)^2*(x-y)^2*(x-5)^4"
    assert len(strata(K)) == 6
    inside = strata(K, box=(0, 2))
    assert [(s.dimension, str(s.value)) for s in inside] == [
        (0, "1/2 (m 2)"),
        (1, "1/2 (m 1)"),
        (1, "1/2 (m 1)"),
    ]
    for stratum in inside:
        assert all(0 <= x <= 2 for x in stratum.point.floats())
    assert inside.conditions == ("only 0 <= x <= 2, 0 <= y <= 2",)
    # A narrow box around an arc without simple points, and one variable left free.
    assert len(strata(K, box={"x": ("7/10", "71/100"), "y": ("70/99", "99/140")})) == 3
    assert [s.dimension for s in strata(K, box={"x": (4, 6)})] == [0, 1, 1]
    # The boundary belongs to the box for points only.
    assert [s.dimension for s in strata("x^2*y^2", box=(0, 1))] == [0]


def test_order_values_and_table() -> None:
    stratification = strata("x^2*y^4*(x-1)^4")
    assert stratification.values == (
        (Fraction(1, 4), Fraction(1, 4), 2),
        (Fraction(1, 4), Fraction(1, 4), 1),
        (Fraction(1, 2), Fraction(1, 2), 1),
    )
    lines = str(stratification).splitlines()
    assert lines[0].split() == ["lambda", "m", "dim", "sample", "point", "piece"]
    assert lines[1].split()[:3] == ["1/4", "2", "0"]
    assert lines[-1] == "every real zero is covered"
    assert len(lines) == len(stratification) + 2


def test_json_is_checked_again_and_damage_is_noticed() -> None:
    stratification = strata("(x^2+y^2-1)^2*(x-y)^2")
    plain = json.loads(json.dumps(stratification.to_json()))
    assert check_strata(plain) == len(stratification) == 4
    assert plain["strata"][0]["point"]["x"]["root_of"] == "2*x^2 - 1"

    def broken(change: Any) -> None:
        other = copy.deepcopy(plain)
        change(other)
        with pytest.raises(ValueError, match=r"\S"):
            check_strata(other)

    broken(lambda p: p["strata"][0]["value"].update(multiplicity=1))
    broken(lambda p: p["strata"][2]["point"].update(x="1"))
    broken(lambda p: p["strata"][0]["point"].update(p["strata"][1]["point"]))
    broken(lambda p: p["strata"][0]["point"]["x"].update(root_of="2*x^2 - 3"))
    broken(lambda p: p.update(potential="(x^2+y^2-1)^2*(x+y)^2"))
    broken(lambda p: p["strata"][0].pop("value"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("polynomial", "(x^2-2)^2*(y-1)^4*(x-5)^4"),
        ("at", ["t", "2"]),
        ("at", ["2*t", "1"]),
        ("units", []),
        ("units", [["x - 5", 4]]),
        ("units", [["x - 5", 2], ["y - 1", 1]]),
        ("field", {"minimal": "t^2 - 2", "interval": ["-2", "-1"]}),
        ("field", {"minimal": "t^2 - 2", "interval": ["-2", "2"]}),
        ("field", {"minimal": "t^2 - 3", "interval": ["1", "2"]}),
    ],
)
def test_checker_of_algebraic_points_rejects_damage(key: str, value: Any) -> None:
    K = "(x^2-2)^2*(y-1)^4*(x-5)^2"
    result = next(
        s.value
        for s in strata(K)
        if s.point.rational is None and s.point.floats()[0] > 0 and not s.dimension
    )
    assert isinstance(result, RLCT)
    assert verify(result)
    plain = result.to_json()
    plain["proof"][-1]["certificate"]["data"][key] = value
    assert not verify(plain)


def test_little_time_gives_bounds_or_open_questions_and_no_wrong_value() -> None:
    full = strata("((x^2+y^2-1)^3-x^2*y^3)^2*(x-y)^4")
    hasty = strata("((x^2+y^2-1)^3-x^2*y^3)^2*(x-y)^4", timeout=1e-2)
    least = full.deepest.value.value
    assert hasty.conditions or rows(hasty) == rows(full)
    assert all(s.value.upper >= least for s in hasty)
    assert not (hasty.conditions and hasty.complete)


def rows(result: Any) -> list[tuple[Any, ...]]:
    return [(s.value.lower, s.value.upper, s.value.multiplicity) for s in result]


def test_common_zeros_against_an_independent_solver() -> None:
    x, y = sympy.symbols("x y")
    ring = sympy.ring(["x", "y"], sympy.QQ, sympy.grevlex)[0]
    systems = [
        ("x^2+y^2-5", "x*y-2"),
        ("x^2-2*y", "y^2-3"),
        ("y^2-x^3+x", "x+y-1"),
        ("x^2-2", "y^2-8"),
        ("x^2-y^2-1", "x*y"),
        ("y*(y-1)", "x^2-y"),
    ]
    for one, two in systems:
        pair = [ring.from_expr(sympy.sympify(f.replace("^", "**"))) for f in (one, two)]
        results = sorted(p.floats() for p in common_zeros(pair, ("x", "y")))
        solved = sympy.solve([f.as_expr() for f in pair], [x, y], dict=True)
        points = [(complex(s[x]), complex(s[y])) for s in solved]
        real = sorted((a.real, b.real) for a, b in points if abs(a.imag) + abs(b.imag) < 1e-9)
        assert len(results) == len(real)
        for p, q in zip(results, real, strict=True):
            assert p == pytest.approx(q, abs=1e-7)


def test_equal_points_in_different_fields_are_equal() -> None:
    (_, root) = real_numbers([-2, 0, 1])
    quartic = real_numbers([-4, 0, 0, 0, 1])
    here = point_of(("x", "y"), (root, root * root))
    assert here == point_of(("x", "y"), (quartic[-1], Fraction(2)))
    assert here != point_of(("x", "y"), (quartic[0], Fraction(2)))
    assert str(here) == "x = 1.41421 (x^2 - 2), y = 2"


def test_long_polynomials_are_cut_in_tables() -> None:
    assert shortened("x^2 + y") == "x^2 + y"
    long = "x^6 + 3*x^4*y^2 - 3*x^4 + 3*x^2*y^4 - x^2*y^3"
    assert long.startswith(shortened(long).removesuffix(" + ..."))
    ring = sympy.ring(["x", "y"], sympy.QQ)[0]
    f = ring.from_dict({e: sympy.QQ(c) for e, c in parse("x^2*y + y^3", ("x", "y")).terms.items()})
    assert [len(c) for c in column(f, 1)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "factors",
    [
        ["x^2+y^2-1", "x-y"],
        ["x^2-2", "y^2-3", "x^3-2*y^3"],
        ["y^2-x^3-x^2", "x+1"],
        ["(x^2+y^2-1)^3-x^2*y^3"],
        ["(x^2+y^2)^2-x^2+y^2", "y-x^2"],
        ["x^3-y^2", "x^2+y^2-3", "y"],
    ],
)
def test_special_points_are_all_real_singular_points_of_the_reduced_curve(
    factors: list[str],
) -> None:
    # The signature of the Hermite form counts them without resultants or number fields.
    stratification = strata("*".join(f"({f})^{2 * k + 2}" for k, f in enumerate(factors)))
    ring = sympy.ring(["x", "y"], sympy.QQ, sympy.grevlex)[0]
    whole = ring.from_expr(sympy.sympify("*".join(f"({f})" for f in factors).replace("^", "**")))
    reduced = basis([whole, whole.diff(0), whole.diff(1)])
    monomials = standard_monomials(reduced, [0, 1])
    assert monomials is not None
    assert (
        len([s for s in stratification if s.dimension == 0]) == count_real(reduced, monomials) > 0
    )
