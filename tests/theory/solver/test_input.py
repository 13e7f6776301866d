"""What the entry points of the solver read from text, SymPy and lists, and what they refuse."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from theory import SumOfSquares, rlct, strata, verify
from theory.algebra.sympy_untyped import SYMPY
from theory.polynomials.expression import Polynomial, parse

F = Fraction
X, Y, REAL = SYMPY.Symbol("x"), SYMPY.Symbol("y"), SYMPY.Symbol("x", real=True)


def value(K: Any, **options: Any) -> tuple[Fraction, int | None]:
    coefficient = rlct(K, **options)
    assert verify(coefficient)
    return coefficient.value, coefficient.multiplicity


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("(x²y³)^2", "x^4*y^6"),
        ("(x²y³)²", "x^4*y^6"),
        ("x²+y²", "x^2+y^2"),
        ("((1+1)*x)^2", "x^2"),
        ("(1+1)*x^4+x^2*z^2", "x^4+x^2*z^2"),
        ("(1/2+1/2)*x^2*y^4", "x^2*y^4"),
        ("(1+y^0)*x^4+x^2*z^2", "x^4+x^2*z^2"),
        ("(x^0+1)^2*x^2*y^4", "x^2*y^4"),
        ("((x-x)+2)^2*y^2*x^2*z^4", "y^2*x^2*z^4"),
        ("2*(1+1)*(x^2+y^4)+z^2*(2-1)", "x^2+y^4+z^2"),
        ("(1+1)^2*x^2-(2-1)*x^2+(1-1)*y", "x^2"),
        ("x^(1+1)*y^(2*2)", "x^2*y^4"),
        ("0*x+(y-y)+z^2", "z^2"),
        ("(x^2+y^2)/(1+1)", "x^2+y^2"),
        ("x·x·y⁴", "x^2*y^4"),
    ],
)
def test_spellings_have_one_coefficient(text: str, plain: str) -> None:
    assert value(text) == value(plain)


@pytest.mark.parametrize(
    ("K", "expected"),
    [
        (SumOfSquares(["ab"]), (F(1, 2), 1)),
        (SumOfSquares(("a", "b")), (F(1), 1)),
        (SumOfSquares(iter(("a", "b"))), (F(1), 1)),  # type: ignore[arg-type]
        (SumOfSquares(["x²", "(1+1)*y"]), (F(3, 4), 1)),
        (SumOfSquares([X, Y**2]), (F(3, 4), 1)),
        (SumOfSquares([X, "x*y"]), (F(1, 2), 1)),
        (SumOfSquares(SYMPY.Matrix([X, Y])), (F(1), 1)),
        (SYMPY.Mul(SYMPY.Add(1, 1, evaluate=False), X**2, evaluate=False), (F(1, 2), 1)),
        (SYMPY.Pow(X, SYMPY.Add(1, 1, evaluate=False), evaluate=False), None),
        (REAL**2, (F(1, 2), 1)),
        (parse("x^2*y^4", ("x", "y")), (F(1, 4), 1)),
    ],
)
def test_lists_and_symbols(K: Any, expected: tuple[Fraction, int] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="not a polynomial"):
            rlct(K)
    else:
        assert value(K) == expected
        assert value(K) == expected, "a second reading is another one"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SumOfSquares("ab"), "takes a list.*'ab'"),
        (lambda: SumOfSquares("x"), "takes a list"),
        (lambda: SumOfSquares(b"ab"), "takes a list"),
        (lambda: SumOfSquares({"x", "y"}), "takes a list"),  # type: ignore[arg-type]
        (lambda: SumOfSquares({"x": 1}), "takes a list"),  # type: ignore[arg-type]
        (lambda: SumOfSquares(X), "takes a list"),
        (lambda: SumOfSquares(parse("x", ("x",))), "takes a list"),  # type: ignore[arg-type]
        (lambda: rlct(SumOfSquares([])), "at least one"),
        (lambda: rlct(SumOfSquares(["x₁"])), "SUBSCRIPT ONE"),
        (lambda: rlct(SumOfSquares([X, REAL])), "two symbols"),
        (lambda: rlct(X**2 + REAL**2), "two symbols"),
        (lambda: rlct(X**2 + SYMPY.Dummy("x") ** 2), "two symbols"),
        (lambda: rlct(SYMPY.Symbol("x^2") ** 2), "has a name"),
        (lambda: rlct(SYMPY.Symbol("x²") ** 2), "has a name"),
        (lambda: rlct(SYMPY.Symbol("x:3") ** 2), "has a name"),
        (lambda: rlct(SYMPY.Symbol("a b") ** 2), "has a name"),
        (lambda: rlct(SYMPY.Symbol("1") ** 2 + X**2), "has a name"),
        (lambda: rlct(SYMPY.Matrix([X, Y])), "not a polynomial"),
        (lambda: rlct(X**2 * SYMPY.Integer(10) ** 5000), "digits"),
        (lambda: rlct(Polynomial(("x^2",), {(2,): F(1)})), "no name"),
        (lambda: rlct("x^2", at="x"), "must map"),  # type: ignore[arg-type]
        (lambda: rlct("x^2", at=["x"]), "must map"),  # type: ignore[arg-type]
        (lambda: rlct("x^2", prior="x"), "must map"),  # type: ignore[arg-type]
        (lambda: rlct("x^2", at={"x": "１"}), "rational"),
        (lambda: rlct("x^2", at={"x": "1_0"}), "rational"),
        (lambda: rlct("x^2", at={"x": "1/"}), "rational"),
        (lambda: rlct("x^2", at={"x": "1/0"}), "rational"),
        (lambda: rlct("x^2", at={"x": "9" * 5000}), "rational"),
        (lambda: rlct("x^2", at={"x": True}), "rational"),
        (lambda: rlct("x^2", timeout=float("nan")), "timeout"),
        (lambda: rlct("x^2", timeout=float("inf")), "timeout"),
        (lambda: strata("x^2+y₁^2"), "SUBSCRIPT ONE"),
        (lambda: strata("x^2*y^2", timeout=float("inf")), "timeout"),
        (lambda: strata("x^2*y^2", box="12"), "box"),
    ],
)
def test_what_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
