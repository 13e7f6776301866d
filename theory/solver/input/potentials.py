"""What the solver accepts: text, SymPy expressions, polynomials, points and densities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from theory.polynomials.expression import Polynomial, expand, write
from theory.polynomials.grammar import read
from theory.polynomials.trees import Power, Sum, Tree, names, show
from theory.solver.input.from_sympy import from_sympy
from theory.solver.input.structure import Structure, read_structure, squares_reading

Expression = Any
"""Text, a SymPy expression or a `Polynomial`."""

Value = int | str | Fraction


@final
@dataclass(frozen=True, slots=True)
class SumOfSquares:
    """The potential ``K = g_1^2 + ... + g_r^2``, given by its generators.

    Only the ideal of the generators matters for lambda and the multiplicity.

    Attributes:
        generators: Text, SymPy expressions or polynomials.
    """

    generators: Sequence[Expression]


@final
@dataclass(frozen=True, slots=True)
class GivenPotential:
    """A potential as it was given, ready for the solver.

    Attributes:
        text: Text of K with its structure.
        variables: In the order of their first occurrence.
        reading: The structure of K, in the given coordinates.
    """

    text: str
    variables: tuple[str, ...]
    reading: Structure


def potential(K: Expression | SumOfSquares) -> GivenPotential:
    """Return the structure of a potential.

    Raises:
        ValueError: If it is no polynomial with rational coefficients, or too large.
    """
    if not isinstance(K, SumOfSquares):
        tree = _tree(K)
        variables = names(tree)
        text = K.strip() if isinstance(K, str) else show(tree)
        return GivenPotential(text, variables, read_structure(tree, variables))
    trees = [_tree(g) for g in K.generators]
    if not trees:
        raise ValueError("SumOfSquares needs at least one generator")
    whole = Sum(tuple(Power(tree, 2) for tree in trees))
    variables = names(whole)
    reading = squares_reading([expand(tree, variables) for tree in trees])
    return GivenPotential(show(whole), variables, reading)


def rationals(values: Mapping[str, Value], variables: Sequence[str], role: str) -> list[Fraction]:
    """Return one rational per variable, 0 where none is given.

    Raises:
        ValueError: If a name does not occur in K, or a value is no rational.
    """
    for name in values:
        if name not in variables:
            raise ValueError(
                f"{role} names {name!r}, which does not occur in K; it has {', '.join(variables)}"
            )
    return [_rational(values.get(name, 0), f"{role} of {name}") for name in variables]


def _rational(value: object, role: str) -> Fraction:
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str):
        top, _, bottom = value.strip().partition("/")
        try:
            return Fraction(int(top), int(bottom or "1"))
        except (ValueError, ZeroDivisionError):
            pass
    raise ValueError(f"{role} must be a rational such as 3 or '3/2', got {value!r}")


def _tree(expression: Expression) -> Tree:
    if isinstance(expression, str):
        return read(expression)
    if isinstance(expression, Polynomial):
        return read(write(expression))
    return from_sympy(expression)
