"""Problems ``regular/dK``: linear regression with K parameters, the control of every estimator."""

from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
from torch import Tensor

from llcbench.checks import check_size, shown
from llcbench.problems.family import Family, whole_of
from llcbench.problems.squared.linear_map import Pullback
from llcbench.problems.squared.regression import Array, Regression
from llcbench.types import DiagonalForm, Truth
from theory import tempered
from theory.combine import at_deepest
from theory.families.regular import regular
from theory.tempered import Tempered

LARGEST = 1_000_000
NAMED = (1, 2, 5, 10, 100)


@final
@dataclass(frozen=True)
class Scaled:
    """``M(w) = (s_1 w_1, ..., s_d w_d)``: curvatures ``s_i^2`` spread evenly in the logarithm."""

    scales: tuple[float, ...]

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return len(self.scales)

    @property
    def outputs(self) -> int:
        """One row."""
        return 1

    @property
    def inputs(self) -> int:
        """One column a parameter."""
        return len(self.scales)

    def form(self) -> DiagonalForm:
        """Return the factors."""
        return DiagonalForm(self.scales)

    def value(self, theta: Tensor) -> Tensor:
        """Return ``(chains, 1, d)``."""
        return (theta * theta.new_tensor(self.scales)).unsqueeze(1)

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return the row and its pullback."""
        scales = theta.new_tensor(self.scales)
        return (theta * scales).unsqueeze(1), lambda grad: grad[:, 0, :] * scales


def build(identifier: str) -> Regression:
    """Return the regular model of an id such as ``regular/d10``.

    ``L = 1/2 sum s_i^2 w_i^2`` with curvatures from 1/4 to 4; with data, ordinary linear
    regression with unit label noise.

    Raises:
        ValueError: If the id is not ``regular/d<parameters>``, or names more than a million.
    """
    text = identifier.removeprefix("regular/")
    dim = whole_of(text[1:]) if text.startswith("d") else None
    if not dim:
        raise ValueError(f"{shown(identifier)} is not of the form regular/d<parameters>")
    check_size(identifier, "parameters", dim, LARGEST)
    scales = np.geomspace(0.5, 2.0, dim) if dim > 1 else np.ones(1)
    return Regression(
        id=identifier,
        map=Scaled(tuple(float(s) for s in scales)),
        point_function=lambda: np.zeros(dim),
        truth_function=lambda: Truth(
            regular(dim), at_deepest(regular(dim), "the origin is the only zero")
        ),
        tempered_function=partial(_tempered, scales),
        formula=f"L = 1/2 sum s_i^2 w_i^2, {dim} parameters, s from 1/2 to 2",
        why_hard="Not hard: the discretisation bias is known in closed form, so failures are bugs.",
        keywords=frozenset({"regular"}),
    )


def _tempered(
    scales: Array, nbeta: float, gamma: float, second: Array | None, cross: Array | None
) -> Tempered | None:
    if second is None or cross is None:
        return tempered.regular(scales**2, nbeta, gamma)
    moment = scales[:, None] * second * scales
    return tempered.linear_regression(moment, scales * cross[0], nbeta, gamma)


family = Family(
    prefix="regular",
    names=tuple(f"regular/d{dim}" for dim in NAMED),
    build=build,
    pattern="regular/d<parameters>",
)
