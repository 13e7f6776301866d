from fractions import Fraction
from typing import Any

import pytest
import sympy

from theory.polynomials.expression import Polynomial, parse, write
from theory.polynomials.grammar import read
from theory.polynomials.trees import names
from theory.solver.input.from_sympy import from_sympy
from theory.solver.input.squares import as_squares
from theory.solver.input.structure import Structure, moved, read_structure


def reading(text: str) -> Structure:
    tree = read(text)
    return read_structure(tree, names(tree))


def shape(text: str) -> tuple[str, list[tuple[list[str], int, bool]]]:
    found = reading(text)
    return str(found.constant), [
        ([write(g) for g in part.polynomials], part.power, bool(part.weights))
        for part in found.parts
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x^2*y^4 + x^6", ("1", [(["x*y^2", "x^3"], 1, True)])),
        ("(x^2 + y^2)^3*z^4", ("1", [(["x", "y"], 3, True), (["z"], 4, False)])),
        ("(f^2 + g^2)^3*h^4", ("1", [(["f", "g"], 3, True), (["h"], 4, False)])),
        ("(x + y)*(x + y)^2", ("1", [(["x + y"], 3, False)])),
        ("(-x)^3", ("-1", [(["x"], 3, False)])),
        ("(-2*x)^2", ("4", [(["x"], 2, False)])),
        ("x^2 - x^2", ("0", [])),
        ("5", ("5", [])),
        ("x^0", ("1", [])),
        ("2*(x^2 + y^2) + 3*z^2", ("1", [(["x", "y", "z"], 1, True)])),
        ("(x^2 + y^2)^2 + z^4", ("1", [(["x^2", "x*y", "y^2", "z^2"], 1, True)])),
        ("x^2 - 2*x*y + y^2 + z^2", ("1", [(["x - y", "z"], 1, True)])),
        ("x^2 + x*y + y^2 + z^4", ("1", [(["x + 1/2*y", "y", "z^2"], 1, True)])),
        ("x^2 + 1", ("1", [(["x", "1"], 1, True)])),
    ],
)
def test_structure_is_read_off(text: str, expected: Any) -> None:
    assert shape(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x^2*y^4 + x^6",
        "(x^2+y^2)^3*z^4",
        "2*(x - y)^4/3 + (x + y)^6",
        "((x^2+y^2)^2 + z^4)^2*x",
        "x^4 - 2*x^2*y^2 + y^4 + z^2*x",
        "-(x - y)^3*(2*x - 2*y)",
        "x*y - z^2 + (x*z - 1/2*y)^2",
    ],
)
def test_reading_multiplies_to_the_expression(text: str) -> None:
    structure = reading(text)
    variables = names(read(text))
    total = Polynomial(variables, {(0,) * len(variables): structure.constant})
    for part in structure.parts:
        inner = part.polynomials[0]
        if part.weights:
            inner = Polynomial(variables, {})
            for weight, g in zip(part.weights, part.polynomials, strict=True):
                inner = inner + Polynomial(variables, {(0,) * len(variables): weight}) * g * g
        total = total * inner**part.power
    assert total == parse(text, variables)


def test_moving_the_point() -> None:
    found = moved(reading("(x^2 + y^2 - 25)^2"), [Fraction(3), Fraction(4)])
    assert write(found.parts[0].polynomials[0]) == "x^2 + 6*x + y^2 + 8*y"


@pytest.mark.parametrize(
    ("text", "is_sum"),
    [
        ("x^2 + x*y + y^2", True),
        ("x^2 + 3*x*y + y^2", False),
        ("x^2 - 2*x*y + y^2", True),
        ("x^4 - 2*x^2*y^2 + y^4", True),
        ("x^2 - y", False),
        ("-x^2", False),
        ("2*x^2 - 2*x*y + 2*y^2 - 2*y*z + z^2", True),
        ("x^4 + 2*x^3*y + 3*x^2*y^2 + y^6", True),
    ],
)
def test_squares_are_exact(text: str, is_sum: bool) -> None:
    f = parse(text, ("x", "y", "z"))
    squares = as_squares(f)
    assert (squares is not None) == is_sum
    if squares is not None:
        total = Polynomial(f.variables, {})
        for weight, g in squares:
            assert weight > 0
            total = total + Polynomial(f.variables, {(0, 0, 0): weight}) * g * g
        assert total == f


def test_sympy_expressions_keep_their_structure() -> None:
    x, y = sympy.symbols("x y")
    tree = from_sympy((x**2 + y**2) ** 3 * (x - y / 3) ** 4)
    found = read_structure(tree, ("x", "y"))
    assert sorted(part.power for part in found.parts) == [3, 4]


@pytest.mark.parametrize(
    "expression",
    [
        sympy.Symbol("x") * 1.5,
        1 / sympy.Symbol("x"),
        sympy.sin(sympy.Symbol("x")),
        sympy.sqrt(2) * sympy.Symbol("x"),
        sympy.Symbol("x") ** sympy.Symbol("y"),
        sympy.Symbol("x") ** sympy.Rational(1, 2),
        sympy.I * sympy.Symbol("x"),
        sympy.oo,
        1.0,
        None,
        [1],
    ],
)
def test_what_is_no_rational_polynomial_is_refused(expression: Any) -> None:
    with pytest.raises(ValueError, match=r"not a polynomial|floating"):
        from_sympy(expression)
