"""The definition that a maker of a polynomial problem returns, and helpers for its text."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llcbench.problems.polynomials.potentials import Block
from theory.coefficient import RLCT


class Definition(NamedTuple):
    """A polynomial model.

    Attributes:
        variables: Names.
        generators: Polynomial text; K is the sum of their squares.
        point: Reference point, where all generators vanish.
        local: Computes the coefficient there.
        deepest: Where the global minimum is attained, in words.
        global_: Computes the coefficient there.
        why_hard: What an estimator can get wrong here.
        blocks: Products of norms whose sum is K, centred at the point; empty if it is not one.
    """

    variables: list[str]
    generators: list[str]
    point: list[int]
    local: Callable[[], RLCT]
    deepest: str
    global_: Callable[[], RLCT]
    why_hard: str
    blocks: tuple[Block, ...] = ()


class Maker(NamedTuple):
    """How a family of ids becomes definitions.

    Attributes:
        make: Takes the parts of an id behind the family's name.
        usage: The parts, for error messages.
        variables: Number of variables that the parts give.
        terms: About how many variables stand in the text of all generators.
        words: Whether the parts are words; else they are whole numbers.
    """

    make: Callable[..., Definition]
    usage: str
    variables: Callable[..., int]
    terms: Callable[..., int]
    words: bool = False


def matrix_names(letter: str, rows: int, columns: int) -> list[list[str]]:
    """Return ``letter<i>_<j>`` for every entry of a matrix."""
    return [[f"{letter}{i}_{j}" for j in range(columns)] for i in range(rows)]


def flat(names: Sequence[Sequence[str]]) -> list[str]:
    """Return the entries of all rows, one row after the other."""
    return [name for row in names for name in row]


def minus(text: str, value: int) -> str:
    """Return the text of ``text - value``."""
    return text if value == 0 else f"{text}-{value}" if value > 0 else f"{text}+{-value}"


def determinant(rows: Sequence[Sequence[str]]) -> str:
    """Return the Laplace expansion of a small determinant."""
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for j, entry in enumerate(rows[0]):
        rest = [[*row[:j], *row[j + 1 :]] for row in rows[1:]]
        terms.append(f"{'-' if j % 2 else '+'}{entry}*({determinant(rest)})")
    return "".join(terms)
