"""Exact mass of sublevel sets under the localisation, in one and two dimensions."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]
Potential = Callable[[Array], Array]

# Beyond this many standard deviations lies 1e-19 of the localisation.
_REACH = 9.0
_BISECTIONS = 45
_SEARCHES = 40
_HALVINGS = 25
# Share of the mass that a panel may be wrong by.
_SHARE = 1e-8
_CHUNK = 1 << 20


def sublevel_mass(potential: Potential, centre: Array, gamma: float, level: float) -> Array:
    """Return ``P(K(w) < level)`` for ``w ~ N(centre, I / gamma)`` at two resolutions.

    On every line along the last coordinate the set is a union of intervals, whose ends are found by
    bisection from a grid that is dense about the centre and the origin; panels of the other
    coordinate are halved until Gauss-Legendre rules agree, as the length of a line has square-root
    ends. Of intervals narrower than the grid the deepest of every dip is found; what is missed,
    the second resolution shows.

    Args:
        potential: ``K`` on points ``(d, N)``.
        centre: The reference point, ``(d,)`` with d at most 2.
        gamma: Localisation.
        level: Positive number.

    Returns:
        The mass at the finer and at the coarser resolution, ``(2,)``.

    Raises:
        ValueError: If there are more than two dimensions.
    """
    if centre.size > 2:
        raise ValueError(f"sublevel_mass handles 1 or 2 parameters, got {centre.size}")
    return np.array([_mass(potential, centre, gamma, level, points) for points in (96, 64)])


def _mass(potential: Potential, centre: Array, gamma: float, level: float, points: int) -> float:
    last = float(centre[-1])
    inner = _edges(last, gamma, points, 4 * points)
    if centre.size == 1:
        return float(_lines(potential, None, inner, last, gamma, level)[0])

    def density(x: Array) -> Array:
        prior = (gamma / (2 * np.pi)) ** 0.5 * np.exp(-0.5 * gamma * (x - centre[0]) ** 2)
        masses: Array = prior * _lines(potential, x, inner, last, gamma, level)
        return masses

    return _adaptive(density, _edges(float(centre[0]), gamma, points // 4, points // 4))


def _adaptive(function: Callable[[Array], Array], edges: Array) -> float:
    """Return an integral over panels that are halved where the halves disagree with the whole."""
    nodes, weights = np.polynomial.legendre.leggauss(5)

    def panels(low: Array, high: Array) -> Array:
        half = 0.5 * (high - low)
        at = 0.5 * (high + low)[:, None] + half[:, None] * nodes
        integrals: Array = half * (function(at.ravel()).reshape(at.shape) @ weights)
        return integrals

    low, high = edges[:-1], edges[1:]
    whole, total = panels(low, high), 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        left, right = panels(low, middle), panels(middle, high)
        error = np.abs(left + right - whole)
        good = error <= _SHARE * (total + float((left + right).sum()))
        total += float((left + right)[good].sum())
        if good.all():
            return total
        bad = ~good
        low, high = np.append(low[bad], middle[bad]), np.append(middle[bad], high[bad])
        whole = np.append(left[bad], right[bad])
    return total + float(whole.sum())


def _edges(centre: float, gamma: float, rungs: int, uniform: int) -> Array:
    """Return points on the localisation that are dense about the centre and the origin."""
    radius = _REACH / gamma**0.5
    offsets = radius * 10.0 ** np.linspace(-8, 0, rungs)
    marks = [centre, *([0.0] if abs(centre) < radius else [])]
    grids = [np.linspace(centre - radius, centre + radius, uniform)]
    grids += [mark + sign * offsets for mark in marks for sign in (-1, 1)]
    points = np.unique(np.concatenate([*grids, marks]))
    kept: Array = points[np.abs(points - centre) <= radius]
    return kept


def _lines(
    potential: Potential, x: Array | None, y: Array, centre: float, gamma: float, level: float
) -> Array:
    """Return the mass of the set on each line ``x = const``, ``(lines,)``."""

    def values(rows: NDArray[np.intp], at: Array) -> Array:
        return potential(at[None] if x is None else np.stack([x[rows], at]))

    count = 1 if x is None else len(x)
    result = np.zeros(count)
    cumulative = ndtr((y - centre) * gamma**0.5)
    per_chunk = max(1, _CHUNK // len(y))
    for start in range(0, count, per_chunk):
        rows = np.arange(start, min(start + per_chunk, count))
        grid = values(np.repeat(rows, len(y)), np.tile(y, len(rows))).reshape(len(rows), -1)
        inside = grid < level
        both = inside[:, 1:] & inside[:, :-1]
        result[rows] += both @ np.diff(cumulative)
        line, place = np.nonzero(inside[:, 1:] != inside[:, :-1])
        left_in = inside[line, place]
        inner = np.where(left_in, y[place], y[place + 1])
        outer = np.where(left_in, y[place + 1], y[place])
        # A minimum between outer grid points may dip below the level: look for the bottom.
        dip, at = np.nonzero(_bottoms(grid, inside))
        bottom, depth = _lowest(partial(values, rows[dip]), y[at], y[at + 2])
        low = depth < level
        line = np.concatenate([line, dip[low], dip[low]])
        inner = np.concatenate([inner, bottom[low], bottom[low]])
        outer = np.concatenate([outer, y[at][low], y[at + 2][low]])
        ends = _ends(partial(values, rows[line]), level, inner, outer)
        scale = gamma**0.5
        partial_masses = np.abs(ndtr((ends - centre) * scale) - ndtr((inner - centre) * scale))
        np.add.at(result, rows[line], partial_masses)
    return result


def _bottoms(grid: Array, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark discrete minima whose three points are all above the level, ``(lines, points - 2)``."""
    middle = grid[:, 1:-1]
    outside = ~(inside[:, :-2] | inside[:, 1:-1] | inside[:, 2:])
    lowest: NDArray[np.bool_] = outside & (middle <= grid[:, :-2]) & (middle <= grid[:, 2:])
    return lowest


def _lowest(function: Callable[[Array], Array], left: Array, right: Array) -> tuple[Array, Array]:
    """Return the minima of functions with one minimum between two points, and their values."""
    for _ in range(_SEARCHES):
        third = (right - left) / 3
        lower, upper = function(left + third), function(right - third)
        falling = lower > upper
        left, right = np.where(falling, left + third, left), np.where(falling, right, right - third)
    middle = 0.5 * (left + right)
    return middle, function(middle)


def _ends(function: Callable[[Array], Array], level: float, inner: Array, outer: Array) -> Array:
    """Return where the sublevel set ends between points inside and points outside."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inner + outer)
        below = function(middle) < level
        inner, outer = np.where(below, middle, inner), np.where(below, outer, middle)
    return inner
