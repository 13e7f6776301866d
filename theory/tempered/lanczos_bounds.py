"""Gauss and Gauss-Radau rules of a Lanczos run: both sides of the effective dimension."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from theory.linear_networks.thin_products import Array

Vector = NDArray[np.float64]


class Sides(NamedTuple):
    """Bounds of ``u^T f(M) u`` for a unit vector u and ``f(x) = x / (x + gamma)``.

    Attributes:
        lower: By the Gauss-Radau rule with a node below the spectrum.
        upper: By the Gauss rule.
        square: ``u^T f(M)^2 u`` by the Gauss rule.
        steps: Lanczos steps.
    """

    lower: float
    upper: float
    square: float
    steps: int


def quadratic_form(
    multiply: Callable[[Array], Array], start: Array, gamma: float, rtol: float, most: int
) -> Sides:
    """Run Lanczos until the bounds are within ``rtol`` of each other.

    ``M`` is positive semidefinite. The derivatives of ``1 / (x + gamma)`` alternate in sign, so
    the Gauss rule is below its integral and the Gauss-Radau rule with a node left of the spectrum
    above it; for ``f = 1 - gamma / (x + gamma)`` it is the other way round.

    Args:
        multiply: ``G -> M G`` on arrays of the shape of ``start``; may overwrite nothing.
        start: Any vector but zero, of any shape.
        gamma: Positive.
        rtol: Relative distance of the bounds at which the run ends.
        most: Steps after which it ends anyway.

    Source: Golub and Meurant 1994.
    """
    current = start / np.linalg.norm(start)
    previous = np.zeros_like(current)
    diagonal: list[float] = []
    side: list[float] = []
    while True:
        image = multiply(current)
        diagonal.append(_dot(current, image))
        image -= current * current.dtype.type(diagonal[-1])
        if side:
            image -= previous * current.dtype.type(side[-1])
        norm = float(np.linalg.norm(image))
        sides = _sides(np.array(diagonal), np.array(side), norm, gamma)
        if len(diagonal) == most or sides.upper - sides.lower <= rtol * sides.upper:
            return sides
        side.append(norm)
        previous = current
        current = image / current.dtype.type(norm)


def _sides(diagonal: Vector, side: Vector, norm: float, gamma: float) -> Sides:
    """Return both rules after a step; ``norm`` is the length of the next direction."""
    nodes, vectors = eigh_tridiagonal(diagonal, side)
    weights, nodes = vectors[0] ** 2, np.maximum(nodes, 0.0)
    values = nodes / (nodes + gamma)
    upper, square = float(weights @ values), float(weights @ values**2)
    # Any node below the spectrum serves; one off zero keeps the shifted matrix regular.
    node = -1e-2 * gamma
    last = float(np.sum(vectors[-1] ** 2 / (nodes - node)))
    extended = np.append(diagonal, node + norm * norm * last)
    nodes, vectors = eigh_tridiagonal(extended, np.append(side, norm))
    lower = float(vectors[0] ** 2 @ (nodes / (nodes + gamma)))
    return Sides(lower, upper, square, len(diagonal))


def _dot(left: Array, right: Array) -> float:
    return float(np.sum(left * right, dtype=np.float64))
