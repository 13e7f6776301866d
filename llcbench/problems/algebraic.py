"""Problems ``alg/*``: families of polynomial models of any size, at points with a theorem."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from llcbench.problems.family import Family, nearest
from llcbench.problems.polynomial import polynomial_problem
from llcbench.problems.regression import Regression
from llcbench.types import Truth
from theory.coefficient import RLCT
from theory.combine import at_deepest
from theory.families import (
    ade_squared,
    braid_squared,
    circular_convolution,
    diagonal_linear,
    gram_determinant,
    lines_squared,
    minors,
    rank_one_tensor,
    symmetric_factorisation,
)

LIMIT = 60
NAMED = (
    "alg/symmetric-2-2-1",
    "alg/symmetric-3-3-1",
    "alg/tensor-2-2-2",
    "alg/tensor-2-3-4",
    "alg/convolution-2-2",
    "alg/convolution-4-2",
    "alg/convolution-3-3",
    "alg/diagonal-2-2-2",
    "alg/diagonal-1-2-3",
    "alg/minors-2-4-2",
    "alg/minors-3-3-2",
    "alg/gram-2-3",
    "alg/braid-3-2",
    "alg/lines-1-1-1",
    "alg/lines-1-2-1",
    "alg/cusp-4",
)


class Definition(NamedTuple):
    """A polynomial model.

    Attributes:
        variables: Names.
        generators: Polynomial text; K is the sum of their squares.
        point: Reference point.
        local: Computes the coefficient there.
        deepest: Where the global minimum is attained, in words.
        global_: Computes the coefficient there.
        why_hard: What an estimator can get wrong here.
    """

    variables: list[str]
    generators: list[str]
    point: list[int]
    local: Callable[[], RLCT]
    deepest: str
    global_: Callable[[], RLCT]
    why_hard: str


def build(identifier: str) -> Regression:
    """Return the model of an id such as ``alg/minors-2-4-2``.

    Raises:
        ValueError: If there is no such family or its numbers are not admissible.
    """
    name, *numbers = identifier.removeprefix("alg/").split("-")
    if name not in _MAKERS:
        raise ValueError(f"unknown family {name!r}{nearest(name, list(_MAKERS))}; {PATTERN}")
    if not numbers or not all(number.isdigit() for number in numbers):
        raise ValueError(f"{identifier!r}: expected whole numbers after {name!r}; {PATTERN}")
    try:
        found = _MAKERS[name](*(int(number) for number in numbers))
        # An inadmissible number is refused by the theorem before anything is built on it.
        found.local()
    except TypeError as error:
        raise ValueError(f"{identifier!r}: wrong count of numbers; {PATTERN}") from error
    if len(found.variables) > LIMIT:
        raise ValueError(f"{identifier!r} has {len(found.variables)} parameters; at most {LIMIT}")
    return polynomial_problem(
        identifier,
        tuple(found.variables),
        tuple(found.generators),
        np.array(found.point, dtype=np.float64),
        lambda: Truth(
            replace(found.local(), scope="local"), at_deepest(found.global_(), found.deepest)
        ),
        found.why_hard,
        frozenset({"algebraic", name}),
    )


def _symmetric(size: int, columns: int, rank: int) -> Definition:
    names = [[f"w{i}_{k}" for k in range(columns)] for i in range(size)]
    truth = partial(symmetric_factorisation, size=size, columns=columns, rank=rank)
    generators = [
        "+".join(f"{a}*{b}" for a, b in zip(names[i], names[j], strict=True))
        + ("-1" if i == j < rank else "")
        for i, j in product(range(size), repeat=2)
    ]
    point = [int(i == k < rank) for i in range(size) for k in range(columns)]
    return Definition(
        _flat(names), generators, point, truth, "every true parameter has this value", truth,
        "Rotations of the columns leave the loss unchanged; the rest is felt in fourth order.",
    )  # fmt: skip


def _tensor(*dims: int) -> Definition:
    names = [[f"u{f}_{i}" for i in range(size)] for f, size in enumerate(dims)]
    truth = partial(rank_one_tensor, dims=dims)
    return Definition(
        _flat(names), ["*".join(choice) for choice in product(*names)], [0] * sum(dims),
        truth, "attained where all factors vanish", truth,
        "A product of norms: flat wherever two factors vanish together.",
    )  # fmt: skip


def _convolution(length: int, depth: int) -> Definition:
    names = [[f"f{layer}_{i}" for i in range(length)] for layer in range(depth)]
    truth = partial(circular_convolution, length=length, depth=depth)
    shifts = list(product(range(length), repeat=depth))
    generators = [
        "+".join("*".join(names[f][i] for f, i in enumerate(s)) for s in shifts
                 if sum(s) % length == target)
        for target in range(length)
    ]  # fmt: skip
    return Definition(
        _flat(names), generators, [0] * (length * depth), truth,
        "attained where all filters vanish", truth,
        "In the Fourier basis a sum of crosses: every frequency can be carried by any layer.",
    )  # fmt: skip


def _diagonal(nonzero: int, zero: int, depth: int) -> Definition:
    count = nonzero + zero
    names = [[f"w{layer}_{i}" for layer in range(depth)] for i in range(count)]
    truth = partial(diagonal_linear, nonzero=nonzero, zero=zero, depth=depth)
    generators = ["*".join(row) + ("-1" if i < nonzero else "") for i, row in enumerate(names)]
    point = [int(i < nonzero) for i in range(count) for _ in range(depth)]
    return Definition(
        _flat(names), generators, point, truth,
        "attained where all layers of the zero coefficients vanish", truth,
        "Each zero coefficient is a cross; the multiplicity grows with their number.",
    )  # fmt: skip


def _minors(rows: int, columns: int, size: int) -> Definition:
    names = [[f"a{i}_{j}" for j in range(columns)] for i in range(rows)]
    truth = partial(minors, p=rows, q=columns, k=size)
    generators = [
        _determinant([[names[i][j] for j in right] for i in left])
        for left in combinations(range(rows), size)
        for right in combinations(range(columns), size)
    ]
    return Definition(
        _flat(names), generators, [0] * (rows * columns), truth, "attained at A = 0", truth,
        "The true set is all matrices of low rank, singular at every matrix of lower rank.",
    )  # fmt: skip


def _gram(rows: int, columns: int) -> Definition:
    truth = partial(gram_determinant, p=rows, q=columns)
    # Cauchy and Binet: det(A A^T) is the sum of the squared maximal minors.
    return _minors(rows, columns, rows)._replace(
        local=truth, global_=truth, deepest="every zero has this value"
    )


def _braid(*blocks: int) -> Definition:
    values = [block for block, size in enumerate(blocks) for _ in range(size)]
    names = [f"w{i}" for i in range(len(values))]
    generator = "*".join(f"({a}-{b})" for a, b in combinations(names, 2))
    return Definition(
        names, [generator], values, partial(braid_squared, blocks=blocks),
        "attained where all coordinates are equal",
        partial(braid_squared, blocks=(len(values),)),
        "An arrangement of hyperplanes: deeper where more of them meet.",
    )  # fmt: skip


def _lines(*multiplicities: int) -> Definition:
    truth = partial(lines_squared, multiplicities=multiplicities)
    generator = "*".join(f"(x-{i}*y)^{m}" for i, m in enumerate(multiplicities))
    return Definition(
        ["x", "y"], [generator], [0, 0], truth, "attained where all lines meet", truth,
        "Lines through one point: chains must move between them.",
    )  # fmt: skip


def _cusp(order: int) -> Definition:
    truth = partial(ade_squared, kind="A", k=order, dim=2)
    return Definition(
        ["x", "y"], [f"y^2-x^{order + 1}"], [0, 0], truth, "attained at the origin", truth,
        "A cusp: its two branches leave the origin in the same direction.",
    )  # fmt: skip


def _flat(names: list[list[str]]) -> list[str]:
    return [name for row in names for name in row]


def _determinant(rows: list[list[str]]) -> str:
    """Return the Laplace expansion of a small determinant."""
    if len(rows) == 1:
        return rows[0][0]
    terms = []
    for j, entry in enumerate(rows[0]):
        rest = [[*row[:j], *row[j + 1 :]] for row in rows[1:]]
        terms.append(f"{'-' if j % 2 else '+'}{entry}*({_determinant(rest)})")
    return "".join(terms)


_MAKERS: dict[str, Callable[..., Definition]] = {
    "symmetric": _symmetric,
    "tensor": _tensor,
    "convolution": _convolution,
    "diagonal": _diagonal,
    "minors": _minors,
    "gram": _gram,
    "braid": _braid,
    "lines": _lines,
    "cusp": _cusp,
}
PATTERN = (
    "write symmetric-<size>-<columns>-<rank>, tensor-<dims>, convolution-<length>-<depth>,"
    " diagonal-<nonzero>-<zero>-<depth>, minors-<rows>-<columns>-<size>, gram-<rows>-<columns>,"
    " braid-<blocks>, lines-<multiplicities> or cusp-<order>"
)
family = Family("alg", NAMED, build, PATTERN)
