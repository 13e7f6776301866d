"""Adaptive partition of a box into cells, driven by a tempered density.

Two ideas make narrow, curved ridges safe. The temperature is lowered in steps, and each step
refines the cells of the one before: a ridge is followed while it narrows, instead of being looked
for on a coarse grid that may not see it. And every cell carries two nested tensor rules
(Gauss-Kronrod), whose difference along each axis says where and in which direction to cut.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Potential = Callable[[Array], Array]

_RAMP = 8.0  # factor between successive inverse temperatures
_DEAD = -150.0  # log density, relative to the peak, below which a cell is not visited again
_POINTS = 1 << 17  # points evaluated at a time: small enough for the cache
_MAX_ROUNDS = 60

# Kronrod nodes and weights with the weights of the Gauss rule on every other node.
_RULE = np.array(
    [
        [-0.9604912687080202834, 0.1046562260264672652, 0.0],
        [-0.7745966692414833770, 0.2684880898683334407, 5.0 / 9.0],
        [-0.4342437493468025580, 0.4013974147759622229, 0.0],
        [0.0, 0.4509165386584741423, 8.0 / 9.0],
        [0.4342437493468025580, 0.4013974147759622229, 0.0],
        [0.7745966692414833770, 0.2684880898683334407, 5.0 / 9.0],
        [0.9604912687080202834, 0.1046562260264672652, 0.0],
    ]
)


@final
@dataclass(frozen=True, slots=True)
class Leaves:
    """Cells with their integrals; every array has the cells on its first axis.

    Attributes:
        lower: lower corners, shape ``(cells, d)``.
        upper: upper corners, shape ``(cells, d)``.
        moments: integrals of ``q``, ``t K q`` and ``|t K| q``, where ``q`` is the density divided
            by ``exp(shift)``, shape ``(cells, 3)``.
        errors: error estimates of the first two, shape ``(cells, 2)``.
        variation: disagreement of the nested rules along each axis, shape ``(cells, d)``.
        peak: the greatest log density met in the cell, shape ``(cells,)``.
        shift: logarithm that is taken out of every integral.
    """

    lower: Array
    upper: Array
    moments: Array
    errors: Array
    variation: Array
    peak: Array
    shift: float

    def select(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Leaves":
        """Return some of the cells."""
        return Leaves(
            self.lower[index],
            self.upper[index],
            self.moments[index],
            self.errors[index],
            self.variation[index],
            self.peak[index],
            self.shift,
        )

    def joined(self, other: "Leaves") -> "Leaves":
        """Return the cells of both, on the greater of the two shifts."""
        shift = max(self.shift, other.shift)
        mine, yours = np.exp(self.shift - shift), np.exp(other.shift - shift)
        return Leaves(
            np.concatenate([self.lower, other.lower]),
            np.concatenate([self.upper, other.upper]),
            np.concatenate([self.moments * mine, other.moments * yours]),
            np.concatenate([self.errors * mine, other.errors * yours]),
            np.concatenate([self.variation * mine, other.variation * yours]),
            np.concatenate([self.peak, other.peak]),
            shift,
        )

    def ratio(self) -> tuple[float, Array, float]:
        """Return ``t E[K]``, the error that each cell adds to it, and ``t E|K|``."""
        mass, energy, size = (float(x) for x in self.moments.sum(axis=0))
        if not mass > 0.0:
            raise ValueError("potential is infinite wherever the localisation has mass")
        value = energy / mass
        cell_errors = (self.errors[:, 1] + abs(value) * self.errors[:, 0]) / mass
        return value, cell_errors, size / mass


@final
@dataclass(frozen=True, slots=True)
class Integrand:
    """The density ``exp(-t K(w) - gamma/2 |w - centre|^2)`` and its cell integrals."""

    potential: Potential
    centre: Array
    gamma: float

    def leaves(self, lower: Array, upper: Array, t: float) -> Leaves:
        """Return the integrals over cells with the given corners, shape ``(cells, d)``."""
        dim = self.centre.size
        chunk = max(1, _POINTS // len(_RULE) ** dim)
        parts = [
            self._chunk(lower[start : start + chunk], upper[start : start + chunk], t)
            for start in range(0, lower.shape[0], chunk)
        ]
        # Joined by halves, so that no array is copied more than log2(parts) times.
        while len(parts) > 1:
            rest = [parts[-1]] if len(parts) % 2 else []
            pairs = zip(parts[0:-1:2], parts[1::2], strict=True)
            parts = [a.joined(b) for a, b in pairs] + rest
        return parts[0]

    def _chunk(self, lower: Array, upper: Array, t: float) -> Leaves:
        dim, cells = self.centre.size, lower.shape[0]
        nodes, weights, gauss = _RULE.T
        grid = np.stack(np.meshgrid(*([nodes] * dim), indexing="ij")).reshape(dim, 1, -1)
        half = 0.5 * (upper - lower)
        points = (0.5 * (upper + lower)).T[:, :, None] + half.T[:, :, None] * grid
        energy = t * self.values(points.reshape(dim, -1)).reshape(cells, -1)
        offset = points - self.centre[:, None, None]
        log_density = -energy - 0.5 * self.gamma * np.einsum("dcn,dcn->cn", offset, offset)
        peak = log_density.max(axis=1)
        shift = float(peak.max())
        if shift == -np.inf:
            shift = 0.0
        density = np.exp(log_density - shift)
        # An infinite potential has density zero, and contributes nothing.
        weighted = np.where(density > 0.0, np.minimum(energy, 1e300), 0.0) * density
        volume = np.prod(half, axis=1)
        moments, errors = np.empty((cells, 3)), np.empty((cells, 2))
        variation = np.zeros((cells, dim))
        tensor = _outer([weights] * dim)
        others = _outer([weights] * (dim - 1))
        moments[:, 0] = volume * (density @ tensor)
        moments[:, 1] = volume * (weighted @ tensor)
        moments[:, 2] = volume * (np.abs(weighted) @ tensor)
        for column, values in enumerate((density, weighted)):
            lines = values.reshape((cells,) + (nodes.size,) * dim)
            rough = np.zeros(cells)
            for axis in range(dim):
                gap = np.tensordot(lines, weights - gauss, axes=([axis + 1], [0]))
                along = volume * (np.abs(gap).reshape(cells, -1) @ others)
                variation[:, axis] += along
                rough += along
            # The Kronrod rule has twice the degree of the Gauss rule: where the two agree, the
            # better one is wrong by about the square of their relative difference.
            size = np.maximum(moments[:, 2 * column], 1e-300)
            errors[:, column] = rough * np.minimum(1.0, 10.0 * rough / size)
        return Leaves(lower, upper, moments, errors, variation, peak, shift)

    def values(self, points: Array) -> Array:
        """Return the potential at points of shape ``(d, N)``, checked."""
        with np.errstate(over="ignore", invalid="ignore"):
            result = np.asarray(self.potential(points), dtype=np.float64)
        if result.shape != points.shape[1:]:
            raise ValueError(
                f"potential returned the shape {result.shape} for points of shape "
                f"{points.shape}: it must return {points.shape[1:]}"
            )
        if np.any(np.isnan(result)) or np.any(result == -np.inf):
            raise ValueError("potential returned NaN or -inf: it must be bounded from below")
        return result


def refine(
    integrand: Integrand, edges: list[Array], nbeta: float, rtol: float, max_cells: int
) -> tuple[Leaves, bool]:
    """Return a partition of the tensor grid of ``edges`` that integrates ``t E[K]`` to ``rtol``.

    Returns:
        The cells at inverse temperature ``nbeta`` and whether the tolerance was met
        at every temperature on the way.
    """
    lower = np.stack(np.meshgrid(*[e[:-1] for e in edges], indexing="ij"), -1)
    upper = np.stack(np.meshgrid(*[e[1:] for e in edges], indexing="ij"), -1)
    lower, upper = lower.reshape(-1, len(edges)), upper.reshape(-1, len(edges))
    t = min(nbeta, _first_temperature(integrand, lower, upper))
    live = integrand.leaves(lower, upper, t)
    dead: Leaves | None = None
    resolved = True
    while True:
        # A ridge that is not resolved now may be out of sight at the next temperature: the
        # tolerance is the same on the way.
        live, done = _split_until(integrand, live, t, rtol, max_cells)
        resolved = resolved and done
        if t >= nbeta:
            break
        asleep = live.peak < live.shift + _DEAD
        if np.any(asleep):
            frozen = live.select(asleep)
            dead = frozen if dead is None else dead.joined(frozen)
            live = live.select(~asleep)
        t = min(nbeta, t * _RAMP)
        live = integrand.leaves(live.lower, live.upper, t)
    if dead is not None:
        empty = replace(dead, moments=0.0 * dead.moments, errors=0.0 * dead.errors)
        live = live.joined(replace(empty, shift=live.shift))
    return live, resolved


def _first_temperature(integrand: Integrand, lower: Array, upper: Array) -> float:
    """Return an inverse temperature at which the potential hardly varies over the prior."""
    middle = 0.5 * (lower + upper)
    exponent = 0.5 * integrand.gamma * np.sum((middle - integrand.centre) ** 2, axis=1)
    values = integrand.values(np.ascontiguousarray(middle[exponent < 20.0].T))
    values = np.abs(values[np.isfinite(values)])
    return 1.0 / max(float(values.max(initial=0.0)), 1e-300)


def _split_until(
    integrand: Integrand, leaves: Leaves, t: float, rtol: float, max_cells: int
) -> tuple[Leaves, bool]:
    """Split the cells that carry the error until the ratio is accurate to ``rtol``."""
    for _ in range(_MAX_ROUNDS):
        _, errors, size = leaves.ratio()
        order = np.argsort(errors)
        total = np.cumsum(errors[order])
        if total[-1] <= rtol * size:
            return leaves, True
        split = np.sort(order[total > 0.5 * rtol * size])
        room = (max_cells - errors.size) // (2 ** leaves.lower.shape[1] - 1)
        if split.size > room:
            split = np.sort(order[errors.size - room :]) if room > 0 else split[:0]
        if split.size == 0:
            return leaves, False
        keep = np.ones(errors.size, dtype=np.bool_)
        keep[split] = False
        children = integrand.leaves(*_halves(leaves.select(split)), t)
        leaves = leaves.select(keep).joined(children)
    return leaves, False


def _halves(cells: Leaves) -> tuple[Array, Array]:
    """Return the corners of the halves, along every axis with a large share of the variation."""
    lower, upper = cells.lower, cells.upper
    cut = cells.variation >= 0.3 * cells.variation.max(axis=1, keepdims=True)
    for axis in range(lower.shape[1]):
        mask = cut[:, axis]
        middle = 0.5 * (lower[mask, axis] + upper[mask, axis])
        top_lower, top_upper = lower[mask].copy(), upper[mask].copy()
        top_lower[:, axis] = middle
        lower, upper = np.concatenate([lower, top_lower]), np.concatenate([upper, top_upper])
        upper[: mask.size][mask, axis] = middle
        cut = np.concatenate([cut, cut[mask]])
    return lower, upper


def _outer(factors: list[Array]) -> Array:
    """Return the flat tensor product of vectors; that of none is one."""
    product = np.ones(1)
    for factor in factors:
        product = np.outer(product, factor).ravel()
    return product
