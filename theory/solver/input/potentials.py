"""What the solver accepts: text, SymPy expressions, polynomials, points and densities."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, final

from theory.polynomials.characters import is_name, quoted
from theory.polynomials.expression import Polynomial, expand, write
from theory.polynomials.grammar import read
from theory.polynomials.trees import MAX_DIGITS, Power, Sum, Tree, names, show
from theory.solver.input.from_sympy import from_sympy
from theory.solver.input.structure import Structure, read_structure, squares_reading

Expression = Any
"""Text, a SymPy expression or a `Polynomial`."""

Value = int | str | Fraction

# As many digits as a number in the text of K.
_RATIONAL = re.compile(rf"([+-]?[0-9]{{1,{MAX_DIGITS}}})(?:/([0-9]{{1,{MAX_DIGITS}}}))?")
_SHOWN, _LISTED = 60, 10


@final
@dataclass(frozen=True, slots=True)
class SumOfSquares:
    """The potential ``K = g_1^2 + ... + g_r^2``, given by its generators.

    Only the ideal of the generators matters for lambda and the multiplicity.

    Attributes:
        generators: Text, SymPy expressions or polynomials.

    Raises:
        ValueError: If they are no list, as one text is none.
    """

    generators: Sequence[Expression]

    def __post_init__(self) -> None:
        """Keep the generators as a tuple."""
        given = self.generators
        single = isinstance(given, str | bytes | Mapping | Set | Polynomial)
        try:
            listed = () if single else tuple(given)
        except TypeError:
            single = True
        if single:
            raise ValueError(
                f"SumOfSquares takes a list of generators, got {quoted(str(given))};"
                " write SumOfSquares([...])"
            )
        object.__setattr__(self, "generators", listed)


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
        tree = _tree(K, {})
        variables = names(tree)
        text = K.strip() if isinstance(K, str) else show(tree)
        return GivenPotential(text, variables, read_structure(tree, variables))
    symbols: dict[str, Any] = {}
    trees = [_tree(g, symbols) for g in K.generators]
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
    if not isinstance(values, Mapping):
        raise ValueError(f"{role} must map names to rationals, as {{'x': 1}}, got {values!r}")
    for name in values:
        if name not in variables:
            raise ValueError(
                f"{role} names {name!r}, which does not occur in K; it has {_list(variables)}"
            )
    return [_rational(values.get(name, 0), f"{role} of {name}") for name in variables]


def _rational(value: object, role: str) -> Fraction:
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str) and (parts := _RATIONAL.fullmatch(value.strip())):
        top, bottom = parts[1], parts[2] or "1"
        if int(bottom):
            return Fraction(int(top), int(bottom))
    raise ValueError(f"{role} must be a rational such as 3 or '3/2', got {_cut(value)}")


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _list(variables: Sequence[str]) -> str:
    more = ", ..." if len(variables) > _LISTED else ""
    return ", ".join(variables[:_LISTED]) + more


def _tree(expression: Expression, symbols: dict[str, Any]) -> Tree:
    if isinstance(expression, str):
        return read(expression)
    if isinstance(expression, Polynomial):
        for name in expression.variables:
            if not is_name(name):
                raise ValueError(f"the variable {quoted(name)} is no name of letters, digits and _")
        return read(write(expression))
    return from_sympy(expression, symbols)
