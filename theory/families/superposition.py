"""The toy model of superposition: polygons in the plane as local minima of the loss."""

from fractions import Fraction
from typing import Literal

from theory.checks import integer
from theory.coefficient import RLCT, Step, known

_SOURCE = "chen2023, local learning coefficients of k-gons"


def tms_kgon(
    k: int, columns: int, dead_column: Literal["negative", "one_over_2c"] | None = None
) -> RLCT:
    """Return the coefficient at a regular k-gon of the toy model of superposition.

    The loss is the mean of ``|x - relu(W^T W x + b)|^2`` over inputs with one active feature,
    uniform on [0, 1]; W is 2 x c, b in R^c, and ``K = L - L(w*)`` near the local minimum w* whose
    first k columns form a regular k-gon. Further columns are zero ("dead"), all with a negative
    bias or all with the bias 1/(2c).

    Formula: ``(3k-1)/2`` without dead columns, one for rotation being flat, ``m = 1``. A dead
    column adds 0 when its bias is negative and k >= 5 (weights and bias are flat, because all
    neighbours have negative biases), 1 when its bias is negative and k = 4 (its weights feed units
    of bias zero), and 3/2 when its bias is 1/(2c) and k >= 5 (all regular).

    For k = 4 the leading part of K is not a quadratic form but positive, homogeneous of degree two
    in all coordinates across the flat ones, which has the same exponent; with bias 1/(2c) it is not
    covered. For k from 5 to 8 K is analytic, and the rank of its Hessian is computed in the tests.

    Args:
        k: corners, between 4 and 8.
        columns: c; equal to k without dead columns, above k with them.
        dead_column: None, ``"negative"`` or ``"one_over_2c"`` (k >= 5).

    Raises:
        ValueError: an inadmissible number, an unknown kind of dead column or a combination that is
            not covered.

    Source: chen2023; elhage2022 for the model.
    """
    k = integer("k", k, 4, 8)
    if dead_column not in (None, "negative", "one_over_2c"):
        raise ValueError(
            f"dead_column must be None, 'negative' or 'one_over_2c', got {dead_column!r}"
        )
    c = integer("columns", columns, k + 1 if dead_column else k, None if dead_column else k)
    if dead_column == "one_over_2c" and k == 4:
        raise ValueError(
            "dead_column must be None or 'negative' for k = 4, got 'one_over_2c': the loss is not"
            " twice differentiable there"
        )
    each = Fraction(0)
    if dead_column == "one_over_2c":
        each = Fraction(3, 2)
    elif dead_column == "negative" and k == 4:
        each = Fraction(1)
    value = Fraction(3 * k - 1, 2) + (c - k) * each
    return known(
        value,
        1,
        "local",
        method="regular across a flat manifold",
        source=_SOURCE,
        conditions=f"at the regular {k}-gon with {c - k} dead columns of {c}; one active feature at"
        " a time, uniform on [0, 1]; K is the loss above its value at the local minimum; the"
        " ranks of the Hessian are found in floating point, not proved",
        proof=(
            Step("polygon", f"{3 * k - 1} regular coordinates, rotation is flat", _SOURCE),
            Step("dead columns", f"{c - k} columns add {each} each", _SOURCE),
        ),
    )
