"""Turns SymPy expressions into trees, node by node; nothing is evaluated or rounded."""

from fractions import Fraction
from typing import Any

from theory.polynomials.grammar import MAX_DEGREE, MAX_DEPTH
from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree


def from_sympy(expression: Any) -> Tree:
    """Return the tree of a SymPy expression.

    Raises:
        ValueError: If it is not a polynomial with rational coefficients.
    """
    return _convert(expression, 0)


def _convert(expression: Any, depth: int) -> Tree:
    import sympy  # loaded only by those who pass its objects

    if depth > MAX_DEPTH:
        raise ValueError(f"expression is nested more than {MAX_DEPTH} deep")
    match expression:
        case sympy.Float():
            raise ValueError(
                f"{expression} is a floating-point coefficient; give an exact rational such as 3/2"
            )
        case sympy.Rational():
            return Number(Fraction(int(expression.p), int(expression.q)))
        case sympy.Symbol():
            return Symbol(str(expression.name))
        case sympy.Add():
            return Sum(tuple(_convert(term, depth + 1) for term in expression.args))
        case sympy.Mul():
            return Product(tuple(_convert(factor, depth + 1) for factor in expression.args))
        case sympy.Pow(base=base, exp=sympy.Integer() as exponent) if 0 <= exponent <= MAX_DEGREE:
            return Power(_convert(base, depth + 1), int(exponent))
    raise ValueError(f"{expression} is not a polynomial with rational coefficients")
