"""Targets in closed form: quadratic potentials, and sums over disjoint variables."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.tempered.result import Tempered

_ROUNDING = 4.0 * float(np.finfo(np.float64).eps)


def regular(eigenvalues: ArrayLike, nbeta: float, gamma: float) -> Tempered:
    """Return the target of a quadratic potential given its curvatures.

    ``K(w) = 1/2 sum_i e_i w_i^2`` gives ``1/2 sum_i t e_i / (t e_i + gamma)`` with ``t = nbeta``.

    Args:
        eigenvalues: the curvatures ``e_i >= 0``, shape ``(d,)``.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive, or zero if every curvature is positive.

    Returns:
        The exact target, with a bound on rounding as its error.

    Raises:
        ValueError: if a parameter is out of range or the measure cannot be normalised.
    """
    curvatures = np.asarray(eigenvalues, dtype=np.float64)
    if curvatures.ndim != 1 or not np.all(np.isfinite(curvatures)) or np.any(curvatures < 0):
        raise ValueError(
            f"eigenvalues = {eigenvalues!r} is not allowed: give a vector of finite numbers >= 0"
        )
    t = require_positive("nbeta", nbeta)
    localisation = require_positive("gamma", gamma, zero=True)
    if localisation == 0.0 and np.any(curvatures == 0):
        raise ValueError(
            f"gamma = {gamma!r} with a zero eigenvalue is not allowed: the measure is not "
            "normalisable; give gamma > 0"
        )
    value = 0.5 * float(np.sum(t * curvatures / (t * curvatures + localisation)))
    return Tempered(
        value=value, stderr=_ROUNDING * value, method="Gaussian closed form", certified=True
    )


def linear_regression(
    second_moment: ArrayLike, cross_moment: ArrayLike, nbeta: float, gamma: float
) -> Tempered:
    """Return the target of linear least squares on finite data.

    ``K(w) = 1/2 (w - w*)^T S (w - w*) - c^T (w - w*)``, the excess of the mean of half squared
    errors with ``S = X^T X / n`` and ``c = X^T eps / n``. With ``A = t S + gamma I`` the posterior
    is Gaussian with mean ``m = t A^-1 c`` about ``w*`` and covariance ``A^-1``, so that
    ``t E[K] = t/2 (tr(S A^-1) + m^T S m) - t c^T m``. It is below the noise-free value, and
    negative if the noise is large.

    Args:
        second_moment: ``S``, symmetric and positive semidefinite, shape ``(d, d)``.
        cross_moment: ``c``, shape ``(d,)``, or one row for each output, shape ``(outputs, d)``.
        nbeta: inverse temperature ``t``, positive.
        gamma: localisation, positive, or zero if ``S`` is positive definite.

    Returns:
        The exact target, with a bound on rounding as its error.

    Raises:
        ValueError: if a parameter is out of range or shapes do not match.
    """
    t = require_positive("nbeta", nbeta)
    localisation = require_positive("gamma", gamma, zero=True)
    s, vectors = symmetric_eigen("second_moment", second_moment)
    c = np.asarray(cross_moment, dtype=np.float64)
    if c.ndim not in (1, 2) or c.shape[-1] != s.size or not np.all(np.isfinite(c)):
        raise ValueError(
            f"cross_moment of shape {c.shape} is not allowed: give finite numbers of shape "
            f"({s.size},) or (outputs, {s.size})"
        )
    if localisation == 0.0 and np.any(s <= s.max(initial=0.0) * s.size * _ROUNDING):
        raise ValueError(
            f"gamma = {gamma!r} with a singular second_moment is not allowed: the measure is not "
            "normalisable; give gamma > 0"
        )
    rotated = np.atleast_2d(c) @ vectors
    precision = t * s + localisation
    mean = t * rotated / precision
    # Of 1/2 s m^2 - c m only m c (t s / (2 precision) - 1) is left: no cancellation.
    spread = 0.5 * rotated.shape[0] * float(np.sum(t * s / precision))
    gain = t * float(np.sum(mean * rotated * (1.0 - 0.5 * t * s / precision)))
    return Tempered(
        value=spread - gain,
        stderr=_ROUNDING * s.size * (spread + gain),
        method="Gaussian closed form",
        certified=True,
    )


def direct_sum(*parts: Tempered) -> Tempered:
    """Return the target of a sum of potentials in disjoint variables.

    The measure is a product, so the values add; the parts are independent, so the errors add in
    quadrature.

    Raises:
        ValueError: if no part is given.
    """
    if not parts:
        raise ValueError("direct_sum() needs at least one part: give one Tempered or more")
    methods: Sequence[str] = list(dict.fromkeys(part.method for part in parts))
    return Tempered(
        value=math.fsum(part.value for part in parts),
        stderr=math.hypot(*(part.stderr for part in parts)),
        method=" + ".join(methods),
        certified=all(part.certified for part in parts),
        details={"parts": float(len(parts))},
    )


def symmetric_eigen(
    name: str, matrix: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues (clipped at 0) and eigenvectors of a positive semidefinite matrix.

    Raises:
        ValueError: if the matrix is not square, finite, symmetric and positive semidefinite.
    """
    array = np.asarray(matrix, dtype=np.float64)
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if not square or not np.all(np.isfinite(array)):
        raise ValueError(
            f"{name} of shape {array.shape} is not allowed: give a finite square matrix"
        )
    size = float(np.max(np.abs(array), initial=0.0))
    if not np.allclose(array, array.T, rtol=0.0, atol=1e-10 * size):
        raise ValueError(f"{name} is not symmetric: give a symmetric matrix")
    values, vectors = np.linalg.eigh(0.5 * (array + array.T))
    if values.size and values[0] < -1e-10 * max(size, float(values[-1])):
        raise ValueError(
            f"{name} has the eigenvalue {values[0]:.6g}: give a positive semidefinite matrix"
        )
    return np.maximum(values, 0.0), vectors
