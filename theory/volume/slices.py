"""Lengths of sublevel sets on lines: ``{z : K(x, z) < t}`` for many lines at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np
from numpy.typing import NDArray

from theory.polynomials.expression import Polynomial

Array = NDArray[np.float64]
"""Axes: lines, then coefficients (constant first), points or intervals."""

_TINY = 1e-300
# Distances are found to e^(-70 / 2^22), a relative error of 2e-5.
_DEPTH, _HALVINGS = 70.0, 22


@final
@dataclass(frozen=True)
class FactoredPotential:
    """``K = prod_k (sum_j g_kj^2)^(c_k / 2)`` in coordinates that vanish at the point.

    Attributes:
        factors: Generators ``g_kj`` and exponent ``c_k`` of every factor.
        axis: Index of the coordinate along which the lines run.
    """

    factors: tuple[tuple[tuple[Polynomial, ...], Fraction], ...]
    axis: int

    def lines(self, outer: Array) -> "Lines":
        """Restrict K to the lines through the points ``outer``, shape (lines, dim - 1)."""
        return Lines(
            tuple(
                (tuple(_coefficients(g, self.axis, outer) for g in generators), float(c))
                for generators, c in self.factors
            )
        )


@final
@dataclass(frozen=True)
class Lines:
    """The restrictions of K to many lines: coefficients of the generators and exponents."""

    factors: tuple[tuple[tuple[Array, ...], float], ...]

    def chosen(self, rows: NDArray[np.intp]) -> "Lines":
        """Return some of the lines, with the coefficients of a power next to each other."""
        return Lines(
            tuple(
                (tuple(np.asfortranarray(g[rows]) for g in generators), c)
                for generators, c in self.factors
            )
        )

    def log_k(self, z: Array) -> Array:
        """Return log K at points z of the lines, shape (lines, points) or (lines,)."""
        total = np.zeros_like(z)
        for generators, c in self.factors:
            values = [_horner(g, z) for g in generators]
            # Squares are added, never multiplied out: K keeps its relative accuracy near zeros.
            size = np.abs(values[0]) if len(values) == 1 else np.sqrt(sum(v * v for v in values))
            total += c * np.log(np.maximum(size, _TINY))
        return total

    def breaks(self, size: float) -> Array:
        """Return points between which K is monotone, sorted, the ends -size and size included.

        They hold the zeros of ``sum_k e_k P_k' prod_{l != k} P_l``, the numerator of the
        logarithmic derivative, where ``P_k`` is a single generator or a sum of squares. Real parts
        of complex roots stand for pairs of close real roots that rounding made complex.
        """
        parts = [(g[0], c) if len(g) == 1 else (_sum_of_squares(g), c / 2) for g, c in self.factors]
        numerator: Array | None = None
        for k, (p, e) in enumerate(parts):
            term = e * p[:, 1:] * np.arange(1, p.shape[1]) if p.shape[1] > 1 else 0 * p
            for q, _ in parts[:k] + parts[k + 1 :]:
                term = _product(term, q)
            numerator = term if numerator is None else _add(numerator, term)
        assert numerator is not None
        roots = [_real_parts(numerator)]
        roots += [_real_parts(g[0]) for g, _ in self.factors if len(g) == 1]
        inner = np.concatenate(roots, axis=1)
        ends = np.full((len(inner), 1), size)
        return np.sort(np.clip(np.concatenate([-ends, inner, ends], axis=1), -size, size), axis=1)

    def measure(self, levels: Sequence[float], size: float, h: float) -> Array:
        """Return ``int |z|^h dz`` over ``|z| < size, K < t``, shape (levels, lines).

        Args:
            levels: Values of log t.
            size: Half the length of a line.
            h: Exponent of the density along the lines.
        """
        points = self.breaks(size)
        values = self.log_k(points)
        left, right = points[:, :-1], points[:, 1:]
        rising = values[:, :-1] <= values[:, 1:]
        low = np.where(rising, left, right)
        lowest = np.minimum(values[:, :-1], values[:, 1:])
        highest = np.maximum(values[:, :-1], values[:, 1:])
        result = np.zeros((len(levels), len(points)))
        for row, level in zip(result, levels, strict=True):
            reach = np.where(highest < level, right - left, 0.0)
            line, segment = np.nonzero((lowest < level) & (highest >= level) & (right > left))
            start, way = low[line, segment], np.where(rising[line, segment], 1.0, -1.0)
            # Halving on the logarithm of the distance resolves valleys of any width.
            far = np.log(right[line, segment] - left[line, segment])
            near, crossed = far - _DEPTH, self.chosen(line)
            for _ in range(_HALVINGS):
                middle = (near + far) / 2
                inside = crossed.log_k(start + way * np.exp(middle)) < level
                np.copyto(near, middle, where=inside)
                np.copyto(far, middle, where=~inside)
            reach[line, segment] = np.exp((near + far) / 2)
            row[:] = _weight(low, np.where(rising, 1.0, -1.0) * reach, h).sum(axis=1)
        return result


def _weight(start: Array, step: Array, h: float) -> Array:
    """Return the integral of ``|z|^h`` between ``start`` and ``start + step``."""
    if h == 0:
        return np.abs(step)
    stop = start + step
    exact = np.abs(
        np.sign(stop) * np.abs(stop) ** (h + 1) - np.sign(start) * np.abs(start) ** (h + 1)
    ) / (h + 1)
    short = np.abs(step) < 1e-6 * np.abs(start)
    return np.where(short, np.abs(start) ** h * np.abs(step), exact)


def _coefficients(g: Polynomial, axis: int, outer: Array) -> Array:
    degree = max((e[axis] for e in g.terms), default=0)
    result = np.zeros((len(outer), degree + 1))
    for exponents, c in g.terms.items():
        rest = exponents[:axis] + exponents[axis + 1 :]
        result[:, exponents[axis]] += float(c) * np.prod(outer ** np.array(rest), axis=1)
    return result


def _horner(g: Array, z: Array) -> Array:
    shape = (len(g),) + (1,) * (z.ndim - 1)
    total = np.zeros_like(z)
    for k in range(g.shape[1] - 1, -1, -1):
        total *= z
        total += g[:, k].reshape(shape)
    return total


def _product(p: Array, q: Array) -> Array:
    result = np.zeros((len(p), p.shape[1] + q.shape[1] - 1))
    for k in range(q.shape[1]):
        result[:, k : k + p.shape[1]] += p * q[:, k : k + 1]
    return result


def _add(p: Array, q: Array) -> Array:
    size = max(p.shape[1], q.shape[1])
    return sum(
        (np.pad(r, ((0, 0), (0, size - r.shape[1]))) for r in (p, q)), np.zeros((len(p), size))
    )


def _sum_of_squares(generators: Sequence[Array]) -> Array:
    total = _product(generators[0], generators[0])
    for g in generators[1:]:
        total = _add(total, _product(g, g))
    return total


def _real_parts(p: Array) -> Array:
    """Return the real parts of all roots; missing roots (zero leading terms) are 0."""
    used = np.any(p != 0, axis=0)
    p = p[:, : int(np.flatnonzero(used)[-1]) + 1] if used.any() else p[:, :1]
    # A monomial factor would waste accuracy of the eigenvalues.
    shift = int(np.flatnonzero(used)[0]) if used.any() else 0
    p, count = p[:, shift:], p.shape[1] - shift - 1
    zeros = np.zeros((len(p), min(shift, 1)))
    if count == 0:
        return zeros
    top = np.where(p[:, -1:] == 0, _TINY, p[:, -1:])
    with np.errstate(over="ignore"):
        row = np.clip(-p[:, :-1] / top, -1e150, 1e150)
    if count == 1:
        return np.concatenate([zeros, row], axis=1)
    companion = np.zeros((len(p), count, count))
    companion[:, np.arange(1, count), np.arange(count - 1)] = 1
    companion[:, :, -1] = row
    return np.concatenate([zeros, np.linalg.eigvals(companion).real], axis=1)
