"""Turns SymPy expressions into trees, node by node; nothing is evaluated or rounded."""

from fractions import Fraction
from typing import Any

from theory.polynomials.characters import is_name, quoted
from theory.polynomials.grammar import MAX_DEGREE, MAX_DEPTH
from theory.polynomials.trees import Symbol, Tree, number, power, product, sum_of


def from_sympy(expression: Any, symbols: dict[str, Any] | None = None) -> Tree:
    """Return the tree of a SymPy expression.

    Args:
        expression: What to read.
        symbols: The symbols of other expressions by name; those of this one are added.

    Raises:
        ValueError: If it is not a polynomial with rational coefficients, or two of its symbols
            have one name.
    """
    return _convert(expression, 0, {} if symbols is None else symbols)


def _convert(expression: Any, depth: int, symbols: dict[str, Any]) -> Tree:
    import sympy  # loaded only by those who pass its objects

    def inner(part: Any) -> Tree:
        return _convert(part, depth + 1, symbols)

    if depth > MAX_DEPTH:
        raise ValueError(f"expression is nested more than {MAX_DEPTH} deep")
    match expression:
        case sympy.Float():
            raise ValueError(
                f"{expression} is a floating-point coefficient; give an exact rational such as 3/2"
            )
        case sympy.Rational():
            return number(Fraction(int(expression.p), int(expression.q)))
        case sympy.Symbol():
            return Symbol(_name(expression, symbols))
        case sympy.Add():
            return sum_of([inner(term) for term in expression.args])
        case sympy.Mul():
            return product([inner(factor) for factor in expression.args])
        case sympy.Pow(base=base, exp=sympy.Integer() as exponent) if 0 <= exponent <= MAX_DEGREE:
            return power(inner(base), int(exponent))
    raise ValueError(f"{_shown(expression)} is not a polynomial with rational coefficients")


def _name(symbol: Any, symbols: dict[str, Any]) -> str:
    name = str(symbol.name)
    if not is_name(name):
        raise ValueError(
            f"the symbol {quoted(name)} has a name that text cannot hold; use letters, digits and _"
        )
    if symbols.setdefault(name, symbol) != symbol:
        raise ValueError(
            f"two symbols have the name {name!r} and other assumptions; define each symbol once"
        )
    return name


def _shown(expression: Any) -> str:
    return quoted(str(expression).replace("\n", " "))[1:-1]
