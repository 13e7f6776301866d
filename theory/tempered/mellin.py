"""Products of powers of norms, by a ratio of two Mellin-Barnes line integrals."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, loggamma

from theory.checks import require_positive
from theory.tempered.result import Tempered

# exp(-40) = 4e-18: both the truncation of a line and the aliasing of its trapezoid rule.
_DROP = 40.0
_MAX_NODES = 4_000_000
_CHUNK = 200_000

_LogIntegrand = Callable[[NDArray[np.complex128]], NDArray[np.complex128]]


def norm_product(
    dims: Sequence[float],
    powers: Sequence[float],
    nbeta: float,
    gamma: float,
    scale: float = 1.0,
) -> Tempered:
    """Return the target of a product of powers of norms centred at the origin.

    ``K(w) = scale * prod_i |w_i|^(2 powers_i)`` with ``w_i`` in ``R^(dims_i)``, reference point 0.
    A scalar with the extra prior factor ``|w|^h`` is a block of dimension ``h + 1``; dimensions
    may be fractional.

    With ``a = nbeta * scale * prod_i (2/gamma)^powers_i`` and lambda the least ``d_i / (2 p_i)``,
    Mellin inversion of ``exp(-x)`` and the moments of Gaussian norms give, for
    ``F(s) = Gamma(s) a^-s prod_i Gamma(d_i/2 - p_i s) / Gamma(d_i/2)``,
    the partition function ``E[exp(-nbeta K)] = 1/(2 pi i) int F(s) ds`` on a vertical line in
    ``0 < Re s < lambda`` and ``nbeta E[K] E[exp(-nbeta K)] = 1/(2 pi i) int s F(s) ds`` on one in
    ``-1 < Re s < lambda``. Each line passes through the minimum of its integrand on the real
    axis, where there is next to no cancellation, and the trapezoid rule converges exponentially.

    Args:
        dims: dimensions of the blocks, positive reals.
        powers: half the exponent of each block's norm, positive reals.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive; zero is allowed for one block, where ``nbeta K`` is
            exactly Gamma distributed with mean ``d / (2 p)``.
        scale: positive factor of ``K``.

    Returns:
        The target; ``stderr`` is the difference between two lines with two resolutions, plus a
        bound on rounding.

    Raises:
        ValueError: if a parameter is out of range, the two sequences differ in length, or the
            measure cannot be normalised (``gamma = 0`` and several blocks).

    Source:
        Mellin-Barnes representation of the singular integral; S. Watanabe, Algebraic Geometry
        and Statistical Learning Theory, 2009, chapter 4 (zeta function and state density).
    """
    sizes = _positive_sequence("dims", dims)
    halves = _positive_sequence("powers", powers)
    if len(sizes) != len(halves):
        raise ValueError(
            f"powers = {powers!r} has {len(halves)} entries: give one for each of the "
            f"{len(sizes)} dims"
        )
    t = require_positive("nbeta", nbeta)
    c = require_positive("scale", scale)
    localisation = require_positive("gamma", gamma, zero=True)
    if localisation == 0.0:
        if len(sizes) > 1:
            raise ValueError(
                f"gamma = {gamma!r} with {len(sizes)} blocks is not allowed: the measure "
                "exp(-nbeta K) is not normalisable; give gamma > 0"
            )
        value = sizes[0] / (2.0 * halves[0])
        return Tempered(value=value, stderr=0.0, method="Gamma law", certified=True)

    log_a = math.log(t) + math.log(c) + math.fsum(halves) * math.log(2.0 / localisation)
    return _ratio(np.array(sizes) / 2.0, np.array(halves), log_a)


def _positive_sequence(name: str, values: Sequence[float]) -> list[float]:
    if len(values) == 0:
        raise ValueError(f"{name} = {values!r} is empty: give at least one positive number")
    return [require_positive(f"{name}[{i}]", value) for i, value in enumerate(values)]


class _Line(NamedTuple):
    """A line integral ``exp(log_shift) * mantissa`` and the absolute error of its mantissa."""

    mantissa: float
    error: float
    log_shift: float


def _ratio(shapes: NDArray[np.float64], powers: NDArray[np.float64], log_a: float) -> Tempered:
    """Return the ratio of the line integrals of ``s F(s)`` and ``F(s)``."""
    pole = float(np.min(shapes / powers))
    norm = float(np.sum(loggamma(shapes)))

    def log_numerator(s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        total = loggamma(s + 1.0) - s * log_a - norm
        for shape, power in zip(shapes, powers, strict=True):
            total += loggamma(shape - power * s)
        return np.asarray(total, dtype=np.complex128)

    def log_partition(s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        return log_numerator(s) - np.log(s)

    def slope(s: float) -> float:
        return float(digamma(s + 1.0) - log_a - np.sum(powers * digamma(shapes - powers * s)))

    def slope_partition(s: float) -> float:
        return slope(s) - 1.0 / s

    top = _line_integral(log_numerator, slope, -1.0, pole)
    # Left of the pole at s = 0, whose residue is one, the line integral is the partition
    # function minus one: the better of the two when the partition function is close to one.
    if _root(slope_partition, 0.0, pole) < 0.05 * min(1.0, pole):
        line = _line_integral(log_partition, slope_partition, -1.0, 0.0)
        size = math.exp(line.log_shift)
        bottom = _Line(1.0 + size * line.mantissa, size * line.error, 0.0)
    else:
        bottom = _line_integral(log_partition, slope_partition, 0.0, pole)
    value = math.exp(top.log_shift - bottom.log_shift) * top.mantissa / bottom.mantissa
    error = abs(value) * (top.error / top.mantissa + bottom.error / bottom.mantissa)
    certified = math.isfinite(value) and value > 0.0 and 0.0 <= error <= 1e-6 * value
    return Tempered(
        value=value,
        stderr=abs(error),
        method="Mellin-Barnes",
        certified=certified,
        details={"pole": pole, "log_a": log_a},
    )


def _root(slope: Callable[[float], float], lower: float, upper: float) -> float:
    """Return the zero of an increasing function that runs from -inf to +inf on an interval.

    The logarithm of each integrand is convex on the real axis between its poles (log-gamma is),
    so the zero of its slope is the saddle through which the line is laid.
    """
    left, right = lower, upper
    for _ in range(60):
        middle = 0.5 * (left + right)
        if not left < middle < right:
            break
        if slope(middle) < 0.0:
            left = middle
        else:
            right = middle
    return 0.5 * (left + right)


def _line_integral(
    log_integrand: _LogIntegrand, slope: Callable[[float], float], lower: float, upper: float
) -> _Line:
    """Return ``1/(2 pi i) int exp(log_integrand(s)) ds`` on a vertical line with its error.

    The integrand is analytic in ``lower < Re s < upper`` and real on the real axis; its modulus
    decreases away from it, as that of every Gamma function does.
    """
    saddle = _root(slope, lower, upper)
    distance = min(saddle - lower, upper - saddle)
    # A neighbouring line with another step shares neither nodes nor aliasing with the first.
    inward = 0.1 if saddle - lower < upper - saddle else -0.1
    neighbour = saddle + inward * distance
    shift = float(log_integrand(np.array([saddle + 0j])).real[0])
    height = min(1.0, distance)
    while float(log_integrand(np.array([saddle + 1j * height])).real[0]) > shift - _DROP:
        height *= 1.3
    step = min(2.0 * math.pi * distance / _DROP, height / 60.0)
    step = max(step, height / _MAX_NODES)
    value, size = _trapezoid(log_integrand, saddle, shift, step, 1.1 * height)
    check, _ = _trapezoid(log_integrand, neighbour, shift, 0.77 * step, 1.2 * height)
    rounding = 1e-15 * size * (10.0 + abs(shift))
    return _Line(value, abs(value - check) + rounding, shift)


def _trapezoid(
    log_integrand: _LogIntegrand, line: float, shift: float, step: float, height: float
) -> tuple[float, float]:
    """Return the integral over a line times ``exp(-shift)``, and that of the modulus."""
    count = math.ceil(height / step)
    total, modulus = 0.0, 0.0
    for start in range(0, count + 1, _CHUNK):
        index = np.arange(start, min(start + _CHUNK, count + 1))
        nodes = np.empty(index.size, dtype=np.complex128)
        nodes.real, nodes.imag = line, step * index
        values = np.exp(log_integrand(nodes) - shift)
        # The integrand at the conjugate point is the conjugate: one half line is enough.
        values[index == 0] *= 0.5
        total += float(np.sum(values.real))
        modulus += float(np.sum(np.abs(values)))
    return total * step / math.pi, modulus * step / math.pi
