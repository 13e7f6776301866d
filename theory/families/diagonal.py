"""Diagonal linear networks: every coordinate is a product of scalars."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known

_SOURCE = "watanabe2009, normal crossings and sums"


def diagonal_linear(nonzero: int, zero: int, depth: int) -> RLCT:
    """Return the least coefficient of ``y = sum_i (w_1i ... w_Di) x_i``, layers untied.

    Formula: ``lambda = d/2`` with d the number of coefficients, ``m = 1 + (D-1) zero``. A nonzero
    coefficient is regular; a zero one is ``(w_1 ... w_D)^2``, which has ``(1/2, D)`` at 0.

    Args:
        nonzero: number of nonzero true coefficients.
        zero: number of zero true coefficients; at least one coefficient in all.
        depth: D, number of layers, at least 1.

    Raises:
        ValueError: a negative count, no coefficient at all or a depth below 1.

    Source: watanabe2009 (normal crossings).
    """
    nonzero, zero, depth = _counts(nonzero, zero, depth)
    value = Fraction(nonzero + zero, 2)
    order = 1 + (depth - 1) * zero
    return known(
        value,
        order,
        "global",
        method="sum rule",
        source=_SOURCE,
        conditions="minimum over all true parameters, attained where all factors of the zero"
        " coefficients vanish; inputs of full second moment",
        proof=(
            Step(
                "sum rule", f"{nonzero} coefficients (1/2, 1), {zero} coefficients (1/2, {depth})"
            ),
            Step("normal crossing", f"(w_1 ... w_{depth})^2 has 1/2, m = {depth}", "watanabe2009"),
        ),
    )


def diagonal_tied(nonzero: int, zero: int, depth: int) -> RLCT:
    """Return the coefficient of ``y = sum_i w_i^D x_i``, the same weights in every layer.

    Formula: ``lambda = nonzero/2 + zero/(2D)``, ``m = 1``, at every true parameter: a nonzero
    coefficient is regular and a zero one is ``w^(2D)``.

    Args:
        nonzero: number of nonzero true coefficients (positive ones when D is even).
        zero: number of zero true coefficients; at least one coefficient in all.
        depth: D, number of layers, at least 1.

    Raises:
        ValueError: a negative count, no coefficient at all or a depth below 1.

    Source: watanabe2009 (normal crossings).
    """
    nonzero, zero, depth = _counts(nonzero, zero, depth)
    return known(
        Fraction(nonzero, 2) + Fraction(zero, 2 * depth),
        1,
        "local",
        method="sum rule",
        source=_SOURCE,
        conditions="at every true parameter, so it is also the least; inputs of full second moment",
        proof=(
            Step("sum rule", f"{nonzero} regular coefficients, {zero} times w^{2 * depth}"),
            Step("normal crossing", f"w^{2 * depth} has 1/{2 * depth}, m = 1", "watanabe2009"),
        ),
    )


def _counts(nonzero: int, zero: int, depth: int) -> tuple[int, int, int]:
    """Check the three counts."""
    nonzero = integer("nonzero", nonzero, 0)
    zero = integer("zero", zero, 0)
    if nonzero + zero == 0:
        raise ValueError("zero must be at least 1 when nonzero is 0, got 0: no coefficient is left")
    return nonzero, zero, integer("depth", depth, 1)
