"""Problems ``alg/*``: families of polynomial models of any size, at points with a theorem."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from llcbench.checks import check_size, nearest
from llcbench.problems.family import Family, whole_of
from llcbench.problems.polynomials.algebra import filters, matrices, networks, singularities
from llcbench.problems.polynomials.algebra.definition import Definition, Maker
from llcbench.problems.polynomials.polynomial import polynomial_problem
from llcbench.problems.squared.regression import Regression
from llcbench.types import Truth
from theory.combine import at_deepest

LIMIT = 60
MOST_TERMS = 20_000
# Of a size, a rank or a power.
LARGEST_NUMBER = 1_000
_PARTS = (matrices, filters, networks, singularities)
MAKERS: Mapping[str, Maker] = {
    name: maker for part in _PARTS for name, maker in part.MAKERS.items()
}
NAMED = tuple(f"alg/{name}" for part in _PARTS for name in part.NAMED)
PATTERN = "write " + ", ".join(f"{name}-{maker.usage}" for name, maker in MAKERS.items())


def build(identifier: str) -> Regression:
    """Return the model of an id such as ``alg/minors-2-4-2``.

    Raises:
        ValueError: If there is no such family or its numbers are not admissible.
    """
    name, *parts = identifier.removeprefix("alg/").split("-")
    if name not in MAKERS:
        raise ValueError(f"unknown family {name!r}{nearest(name, list(MAKERS))}; {PATTERN}")
    definition = _definition(identifier, MAKERS[name], parts, f"write {name}-{MAKERS[name].usage}")
    return polynomial_problem(
        identifier,
        tuple(definition.variables),
        tuple(definition.generators),
        np.array(definition.point, dtype=np.float64),
        lambda: Truth(
            replace(definition.local(), scope="local"),
            at_deepest(definition.global_(), definition.deepest),
        ),
        definition.why_hard,
        frozenset({"algebraic", name}),
        definition.blocks,
    )


def _definition(identifier: str, maker: Maker, parts: list[str], usage: str) -> Definition:
    """Call a maker with the parts of an id.

    Raises:
        ValueError: If a part is no whole number, if there are too many or too few, or if they give
            too many variables or terms.
    """
    numbers = [number for part in parts if (number := whole_of(part)) is not None]
    if not maker.words and not (parts and len(numbers) == len(parts)):
        raise ValueError(f"{identifier!r}: expected whole numbers; {usage}")
    if not maker.words:
        check_size(identifier, "as a number of an id", max(numbers), LARGEST_NUMBER)
    given: list[str] | list[int] = parts if maker.words else numbers
    try:
        check_size(identifier, "parameters", maker.variables(*given), LIMIT)
        check_size(identifier, "terms", maker.terms(*given), MOST_TERMS)
        definition = maker.make(*given)
        # An inadmissible number is refused by the theorem before anything is built on it.
        definition.local()
    except TypeError as error:
        raise ValueError(f"{identifier!r}: wrong count of numbers; {usage}") from error
    return definition


family = Family("alg", NAMED, build, PATTERN)
