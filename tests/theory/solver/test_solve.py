"""The entry point: inputs, signs, splitting, and properties that every answer has."""

import json
import random
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

import theory
from theory import SumOfSquares, rlct, verify
from theory.certificate import Node, render
from theory.coefficient import RLCT
from theory.polynomials.expression import Polynomial

F = Fraction


def pair(coefficient: RLCT) -> tuple[Fraction, int | None]:
    return coefficient.value, coefficient.multiplicity


@pytest.mark.parametrize(
    ("K", "value", "m", "options"),
    [
        ("x^2 + y^2 + z^2", "3/2", 1, {}),
        ("(x*y*z)^2", "1/2", 3, {}),
        (SumOfSquares([f"x{i}" for i in range(10)]), "5", 1, {}),
        (SumOfSquares(["x^2*y", "z"]), "3/4", 1, {}),
        (SumOfSquares(["x*y", "z^2"]), "3/4", 2, {}),
        (SumOfSquares(["x*y", "z*w"]), "1", 3, {}),
        ("(x^2 + y^2 + z^2)^3", "1/2", 1, {}),
        ("(x^2 + y^2)^2*(z^2 + w^2)^2", "1/2", 2, {}),
        ("(x^2 + y^2)^3*z^2*(u^2 + v^2)^3", "1/3", 2, {}),
        ("x^2 - x^3 + y^2 + z^4", "5/4", 1, {}),
        ("x^2 - 3*x*y^2 + 4*y^4 + z^2", "5/4", 1, {}),
        ("(x^2 - 2*y^2)^2 + z^2", "1", 2, {}),
        ("x^2*(1 - x)*y^2*(1 + z)", "1/2", 2, {}),
        ("x^2 + x*y + y^2 + z^2*w^4", "5/4", 1, {}),
        ("(x - 1)^2*(y + 2)^4", "1/4", 1, {"at": {"x": 1, "y": -2}}),
        ("(x - 1/3)^2 + y^2", "1", 1, {"at": {"x": F(1, 3)}}),
        ("(x - 1/3)^2 + y^2", "1", 1, {"at": {"x": "1/3"}}),
        ("x^3", "1/3", 1, {"absolute": True}),
        ("x*y*z", "1", 3, {"absolute": True}),
        ("-(x^2 + y^4)", "3/4", 1, {"absolute": True}),
        ("x^4 + y^4*z^4", "1/2", 2, {}),
        ("x^2*y^2*z^2", "1", 1, {"prior": {"x": 1, "y": 2, "z": 3}}),
        (sympy.Symbol("x") ** 2 * (sympy.Symbol("x") - sympy.Symbol("y")) ** 4, "1/4", 1, {}),
    ],
)
def test_value(K: Any, value: str, m: int, options: dict[str, Any]) -> None:
    found = rlct(K, **options)
    assert (str(found.value), found.multiplicity) == (value, m)
    assert found.exact
    assert verify(found)


@pytest.mark.parametrize(
    ("K", "options", "message"),
    [
        ("x", {}, "negative values"),
        ("-x^2", {}, "negative values"),
        ("x^2 - y^2", {}, "negative values"),
        ("x^2 - y^3", {}, "negative values"),
        ("y^2 - x^4", {}, "negative values"),
        ("x^2*y", {}, "negative values"),
        ("x^2*(x - 1)", {}, "negative values"),
        ("x^2 + y^2 - z^2*w^2", {}, "negative values"),
        ("x^3 + y^2 + z^2", {}, "negative values"),
        ("x^4*y^2 + x^2*y^4 - 4*x^2*y^2*z^2 + z^6", {}, "negative values"),
        ("(x^2 - y^3)*(y^2 + z^2)", {}, "negative values"),
        ("x - x", {}, "identically zero"),
        ("0*x", {}, "identically zero"),
        (SumOfSquares(["x - x", "0"]), {}, "identically zero"),
        ("x^2 + 1", {}, "K is 1 at x = 0"),
        ("x^2*y", {"at": {"x": 2, "y": "1/2"}}, "K is 2 at x = 2, y = 1/2"),
        ("3", {}, "not zero"),
        ("x^2", {"at": {"z": 1}}, "does not occur"),
        ("x^2", {"at": {"x": 0.5}}, "rational"),
        ("x^2", {"at": {"x": "1/0"}}, "rational"),
        ("x^2", {"at": {"x": "1.5"}}, "rational"),
        ("x^2", {"at": {"x": True}}, "rational"),
        ("x^2", {"prior": {"x": -1}}, "exponent"),
        ("x^2", {"timeout": 0}, "timeout"),
        ("1.5*x^2", {}, "not an integer"),
        (1.5 * sympy.Symbol("x") ** 2, {}, "floating-point"),
        (sympy.exp(sympy.Symbol("x")), {}, "not a polynomial"),
        ("__import__('os').system('true')", {}, "invalid syntax"),
        (SumOfSquares([]), {}, "at least one"),
    ],
)
def test_error_says_which_and_where(K: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        rlct(K, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "K",
    [
        "x^2 - 2*x*y + y^2",
        "x^2 + x*y + y^2",
        "x^2*(1 + x)",
        "x^4 - 2*x^2*y^3 + y^6",
        "x^2 - x*y^2 + y^4",
        "(x - y)*(2*x - 2*y)",
        "x^2 - x^3",
        "-(x - y)*(y - x)",
        "x^4 - x^3*y^2 + y^8",
        "(y - x^2)^2 + x^7*y^3 + x^8",
    ],
)
def test_nonnegative_germs_are_accepted(K: str) -> None:
    assert rlct(K).exact


def test_signs_agree_with_samples_near_the_point() -> None:
    rng = random.Random(21)
    radius = np.geomspace(1e-3, 1e-1, 12)[:, None]
    angle = np.linspace(0, 2 * np.pi, 1500)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    accepted = refused = 0
    for _ in range(150):
        terms = {
            (2 * rng.randrange(3), 2 * rng.randrange(3)): F(rng.choice((1, 2, 3))) for _ in range(2)
        } | {(rng.randrange(4), rng.randrange(4)): F(rng.choice((-2, -1, 1)))}
        terms = {e: c for e, c in terms.items() if sum(e)}
        if not terms:
            continue
        values = sum(float(c) * x**i * y**j for (i, j), c in terms.items())
        size = sum(abs(float(c) * x**i * y**j) for (i, j), c in terms.items())
        try:
            rlct(Polynomial(("x", "y"), terms))
        except ValueError:
            # Thin regions may escape a sample at one radius, but not at all of them.
            assert np.any(values < 0), terms
            refused += 1
        else:
            assert np.all(values[0] >= -1e-9 * size[0]), terms
            accepted += 1
    assert min(accepted, refused) > 20


def test_the_clock_turns_into_bounds() -> None:
    start = time.monotonic()
    coefficient = rlct(
        SumOfSquares(
            [
                "x^2*y - z*w^2 + x*z^3",
                "y^2*z - x*w^3 + w^5",
                "x*y*z*w - z^4",
            ]
        ),
        timeout=1,
    )
    assert time.monotonic() - start < 5
    assert 0 < coefficient.lower <= coefficient.upper
    assert verify(coefficient)


def test_an_undecided_sign_is_said() -> None:
    # Motzkin's polynomial is nonnegative but no sum of squares.
    found = rlct("x^4*y^2 + x^2*y^4 - 3*x^2*y^2*z^2 + z^6")
    assert pair(found) == (F(1, 2), 1)
    assert "not decided" in found.conditions
    assert "K >= 0" in rlct("x^2 + y^4 - x*y^2").conditions
    assert "|K|" in rlct("x*y", absolute=True).conditions


def test_json_and_text() -> None:
    coefficient = rlct("x^2*y^4")
    plain = json.loads(json.dumps(coefficient.to_json()))
    assert {k: plain[k] for k in ("exact", "value", "multiplicity", "lower", "upper")} == {
        "exact": True,
        "value": "1/4",
        "multiplicity": 1,
        "lower": "1/4",
        "upper": "1/4",
    }
    assert plain["proof"]
    assert verify(plain)
    assert "lambda = 1/4, m = 1" in render(coefficient.certificate or Node("", F(0), None, None))
    text = render(rlct("(x^2 - 2*y^2)^2 + x^6").certificate or Node("", F(0), None, None))
    assert "chart below" in text


def test_answers_are_deterministic() -> None:
    for K in ("((y - x)^2 - 2*x^4)^2*(x^2 + y^2)", "(x^2 - 2*y^2)^2 + x^5"):
        first = rlct(K, absolute=True).to_json()
        assert all(rlct(K, absolute=True).to_json() == first for _ in range(3))


def test_package_names() -> None:
    assert theory.rlct is rlct
    assert {"rlct", "verify", "SumOfSquares"} <= set(dir(theory))


def test_every_answer_of_a_random_set_is_verified() -> None:
    rng = random.Random(11)
    for _ in range(40):
        terms = [
            f"({rng.choice((-2, -1, 1, 3))})*x^{rng.randrange(6)}*y^{rng.randrange(1, 6)}"
            for _ in range(rng.randrange(1, 5))
        ]
        K = f"({' + '.join(terms)})^{rng.randrange(1, 3)}"
        coefficient = rlct(K, absolute=True)
        assert coefficient.exact
        assert verify(coefficient)
        assert verify(json.loads(json.dumps(coefficient.to_json())))
