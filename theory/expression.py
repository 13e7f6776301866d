"""Polynomials with rational coefficients, read from text without evaluating it."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

MAX_DEGREE = 10_000
MAX_TERMS = 20_000

Exponents = tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Polynomial:
    """A polynomial as a sparse sum of monomials, exact and immutable.

    Attributes:
        variables: Names, in the order of the exponents.
        terms: Nonzero coefficients by exponent vector.
    """

    variables: tuple[str, ...]
    terms: Mapping[Exponents, Fraction]

    @property
    def degree(self) -> int:
        """Return the total degree, 0 for the zero polynomial."""
        return max((sum(exponents) for exponents in self.terms), default=0)

    def derivative(self, index: int) -> "Polynomial":
        """Return the partial derivative with respect to one variable."""
        terms = {
            _lower(exponents, index): coefficient * exponents[index]
            for exponents, coefficient in self.terms.items()
            if exponents[index]
        }
        return Polynomial(self.variables, terms)

    def __call__(self, point: Sequence[Fraction | int]) -> Fraction:
        """Return the exact value at a rational point."""
        total = Fraction(0)
        for exponents, coefficient in self.terms.items():
            product = coefficient
            for value, exponent in zip(point, exponents, strict=True):
                product *= Fraction(value) ** exponent
            total += product
        return total

    def __add__(self, other: "Polynomial") -> "Polynomial":
        terms = dict(self.terms)
        for exponents, coefficient in other.terms.items():
            terms[exponents] = terms.get(exponents, Fraction(0)) + coefficient
        return Polynomial(self.variables, {e: c for e, c in terms.items() if c})

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        terms: dict[Exponents, Fraction] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                key = tuple(i + j for i, j in zip(left, right, strict=True))
                terms[key] = terms.get(key, Fraction(0)) + a * b
        if len(terms) > MAX_TERMS:
            raise ValueError(f"polynomial has more than {MAX_TERMS} terms; split it into factors")
        return Polynomial(self.variables, {e: c for e, c in terms.items() if c})

    def __pow__(self, power: int) -> "Polynomial":
        result = _constant(self.variables, Fraction(1))
        base = self
        while power:
            if power & 1:
                result = result * base
            power >>= 1
            if power:
                base = base * base
        return result


def parse(text: str, variables: Sequence[str]) -> Polynomial:
    """Parse polynomial text over named variables.

    Accepts ``+ - * / ^ **``, parentheses, integers and rational constants such as ``3/2``; a
    decimal point is refused because a rounded coefficient changes the singularity.

    Args:
        text: For example ``"x^2*y - 3/2*(x + y)^3"``.
        variables: The admissible names, in the order of the exponents.

    Returns:
        The expanded polynomial.

    Raises:
        ValueError: If the text is not a polynomial with rational coefficients in these variables.
    """
    names = tuple(variables)
    try:
        tree = ast.parse(re.sub(r"\^", "**", text.strip()), mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"cannot read {text!r} as a polynomial: invalid syntax") from error
    return _convert(tree.body, names, text)


def _convert(node: ast.expr, names: tuple[str, ...], text: str) -> Polynomial:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return _constant(names, Fraction(value))
        case ast.Constant(value=value):
            raise ValueError(f"{value!r} in {text!r} is not an integer; write rationals as 3/2")
        case ast.Name(id=name):
            if name not in names:
                raise ValueError(f"unknown variable {name!r} in {text!r}; expected one of {names}")
            exponents = tuple(int(name == other) for other in names)
            return Polynomial(names, {exponents: Fraction(1)})
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _constant(names, Fraction(-1)) * _convert(operand, names, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, names, text)
        case ast.BinOp(left=left, op=operator, right=right):
            return _binary(operator, _convert(left, names, text), right, names, text)
    raise ValueError(f"cannot read {text!r}: {type(node).__name__} is not part of a polynomial")


def _binary(
    operator: ast.operator, left: Polynomial, node: ast.expr, names: tuple[str, ...], text: str
) -> Polynomial:
    right = _convert(node, names, text)
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left + _constant(names, Fraction(-1)) * right
        case ast.Mult():
            return left * right
        case ast.Div():
            divisor = _as_constant(right, text, "divisor")
            if divisor == 0:
                raise ValueError(f"division by zero in {text!r}")
            return left * _constant(names, 1 / divisor)
        case ast.Pow():
            power = _as_constant(right, text, "exponent")
            if power.denominator != 1 or power < 0 or power * max(left.degree, 1) > MAX_DEGREE:
                raise ValueError(
                    f"exponent {power} in {text!r} must be a whole number, degree <= {MAX_DEGREE}"
                )
            return left ** int(power)
    raise ValueError(f"cannot read {text!r}: {type(operator).__name__} is not part of a polynomial")


def _as_constant(polynomial: Polynomial, text: str, role: str) -> Fraction:
    if polynomial.degree:
        raise ValueError(f"the {role} in {text!r} must be a constant")
    return next(iter(polynomial.terms.values()), Fraction(0))


def _constant(names: tuple[str, ...], value: Fraction) -> Polynomial:
    return Polynomial(names, {(0,) * len(names): value} if value else {})


def _lower(exponents: Exponents, index: int) -> Exponents:
    return (*exponents[:index], exponents[index] - 1, *exponents[index + 1 :])
