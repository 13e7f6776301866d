"""Targets in up to three dimensions, by adaptive quadrature."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.tempered.partition import Array, Integrand, Leaves, Potential, refine
from theory.tempered.result import Tempered

# exp(-45) = 3e-20 of the localisation's mass lies beyond the truncated box.
_TAIL = 45.0
# Panels shrink towards a special plane by this factor, this many times, for d = 1, 2, 3. The
# adaptive part needs only a start: the grid is a power of these numbers.
_LADDER_STEP = 4.0
_LADDER = (10, 5, 3)
_ROUNDING = 1e-13


@final
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A partition of a box with the posterior mass of each cell.

    Attributes:
        lower: lower corners, shape ``(N, d)``.
        upper: upper corners, shape ``(N, d)``.
        mass: posterior probability of each cell, shape ``(N,)``, sum one.
    """

    lower: Array
    upper: Array
    mass: Array

    def draw(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Draw from the density that is constant on every cell.

        Returns:
            Points of shape ``(size, d)`` and the log density of each, shape ``(size,)``.
        """
        index = np.searchsorted(np.cumsum(self.mass), rng.random(size), side="right")
        index = np.minimum(index, self.mass.size - 1)
        widths = self.upper[index] - self.lower[index]
        points = self.lower[index] + widths * rng.random(widths.shape)
        return points, np.log(self.mass[index]) - np.sum(np.log(widths), axis=1)


def quadrature(
    potential: Potential,
    centre: ArrayLike,
    nbeta: float,
    gamma: float,
    *,
    breakpoints: Sequence[Sequence[float]] | None = None,
    box: float | None = None,
    rtol: float = 1e-6,
    max_cells: int = 1_000_000,
) -> Tempered:
    """Return the target of a potential in one, two or three variables.

    ``nbeta * int K q / int q`` with ``q = exp(-nbeta K(w) - gamma/2 |w - centre|^2)``.

    The box is cut into panels that shrink towards the coordinate planes through the origin, the
    centre and the breakpoints; the cells are then halved where nested Gauss-Kronrod rules
    disagree, at a sequence of falling temperatures, so that narrow curved zero sets are followed
    down from wide ones.

    Args:
        potential: ``K``, a map from points of shape ``(d, N)`` to values of shape ``(N,)``. It may
            be negative (finite data) but must be bounded from below, and should be smooth.
        centre: the reference point, shape ``(d,)`` with ``d <= 3``.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive; zero only with a box.
        breakpoints: for each coordinate, values at which panels should shrink and ``K`` may have
            a kink.
        box: half-width of a cube about the centre to which the measure is restricted. Without it
            the measure lives on all of ``R^d``.
        rtol: relative accuracy asked for.
        max_cells: number of cells at which refinement stops.

    Returns:
        The target; ``stderr`` is the sum of the cells' error estimates. It is not certified if
        ``max_cells`` was reached before ``rtol``.

    Raises:
        ValueError: if a parameter is out of range, ``d > 3``, the measure cannot be normalised,
            or the potential returns NaN or a wrong shape.
    """
    leaves, done = _partition(potential, centre, nbeta, gamma, breakpoints, box, rtol, max_cells)
    value, errors, size = leaves.ratio()
    return Tempered(
        value=value,
        stderr=float(np.sum(errors)) + _ROUNDING * size,
        method="quadrature",
        certified=done,
        details={"cells": float(errors.size)},
    )


def cells(
    potential: Potential,
    centre: ArrayLike,
    nbeta: float,
    gamma: float,
    *,
    rtol: float = 1e-3,
    max_cells: int = 1_000_000,
) -> Cells:
    """Return the adaptive partition behind `quadrature`, with the mass of each cell.

    The density that is constant on every cell approximates the posterior: a proposal for an
    independence sampler. Parameters and errors are those of `quadrature`; a smaller ``rtol``
    gives more and smaller cells. The cells tile the truncated box exactly.
    """
    leaves, _ = _partition(potential, centre, nbeta, gamma, None, None, rtol, max_cells)
    mass = leaves.moments[:, 0]
    return Cells(leaves.lower, leaves.upper, mass / np.sum(mass))


def _partition(
    potential: Potential,
    centre: ArrayLike,
    nbeta: float,
    gamma: float,
    breakpoints: Sequence[Sequence[float]] | None,
    box: float | None,
    rtol: float,
    max_cells: int,
) -> tuple[Leaves, bool]:
    """Check the arguments and refine the starting grid."""
    middle = np.array(centre, dtype=np.float64, ndmin=1)
    if middle.ndim != 1 or not 1 <= middle.size <= 3 or not np.all(np.isfinite(middle)):
        raise ValueError(
            f"centre = {centre!r} is not allowed: give a vector of 1 to 3 finite numbers"
        )
    t = require_positive("nbeta", nbeta)
    localisation = require_positive("gamma", gamma, zero=True)
    tolerance = require_positive("rtol", rtol)
    if max_cells < 1:
        raise ValueError(f"max_cells = {max_cells!r} is not allowed: give an integer >= 1")
    marks = [[] for _ in middle] if breakpoints is None else [list(b) for b in breakpoints]
    if len(marks) != middle.size or not all(math.isfinite(x) for m in marks for x in m):
        raise ValueError(
            f"breakpoints = {breakpoints!r} is not allowed: give a list of finite numbers for "
            f"each of the {middle.size} coordinates"
        )
    radius = math.inf if box is None else require_positive("box", box)
    if localisation > 0.0:
        radius = min(radius, math.sqrt(2.0 * _TAIL / localisation))
    if math.isinf(radius):
        raise ValueError(
            f"gamma = {gamma!r} without a box is not allowed: give gamma > 0 or box > 0"
        )
    edges = [
        _ladder(float(c), radius, [0.0, float(c), *mark], _LADDER[middle.size - 1])
        for c, mark in zip(middle, marks, strict=True)
    ]
    return refine(Integrand(potential, middle, localisation), edges, t, tolerance, max_cells)


def _ladder(centre: float, radius: float, special: list[float], rungs: int) -> NDArray[np.float64]:
    """Return panel edges on ``centre +- radius`` that accumulate at the special points."""
    offsets = radius * _LADDER_STEP ** -np.arange(1.0, rungs + 1.0)
    inside = [x for x in special if abs(x - centre) < radius]
    exact = np.array([centre - radius, *inside, centre + radius])
    rough = np.concatenate(
        [[x + sign * offsets] for x in inside for sign in (-1.0, 1.0)], axis=None
    )
    rough = np.sort(rough[np.abs(rough - centre) < radius])
    # Rungs of different ladders may nearly coincide: thin slices would only cost cells.
    kept = [float(x) for x in np.unique(exact)]
    for x in rough:
        nearest = min(abs(x - s) for s in exact)
        if min(abs(x - y) for y in kept) > 0.2 * nearest:
            kept.append(float(x))
    return np.array(sorted(kept))
