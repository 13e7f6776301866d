"""Weighted and generalised least squares with honest errors."""

import numpy as np
from numpy.typing import NDArray

from llcbench.sampling.jackknife import Statistic

Array = NDArray[np.float64]
# A spread with fewer degrees of freedom than this is no error bar.
FEWEST = 3


def fixed_weights(design: Array, variances: Array) -> Array:
    """Return the weights of the observations in the first coefficient, ``(n,)``.

    Args:
        design: Regressors, ``(n, terms)``.
        variances: Of independent observations, ``(n,)``.
    """
    scaled = design / np.sqrt(variances)[:, None]
    # Columns differ by orders of magnitude, and a scale of one does not change the other's fit.
    size = np.linalg.norm(scaled, axis=0)
    weights: Array = np.linalg.pinv(scaled / size)[0] / size[0] / np.sqrt(variances)
    return weights


def fitted(observations: Array, design: Array) -> tuple[Statistic, Array]:
    """Return the first coefficient by generalised least squares, and the weights that it gave.

    The covariance of the observations is that of the units.
    With ``S`` the sample covariance of the units, ``A = X' S^-1 X`` and ``r`` the residual of the
    mean over n units, for normal units the squared error of the coefficient given the contrasts is

    ``(A^-1)_00 / n * (n - 1) / (n - 1 - q) * (1 + n r' S^-1 r / (n - 1))``,  ``q = rungs - terms``,

    with ``n - 1 - q`` degrees of freedom: what ``(A^-1)_00 / n`` misses is that the weights are
    estimates. A model that does not fit has a large residual and a larger error.

    Args:
        observations: One row per unit, ``(n, rungs)``.
        design: Regressors, ``(rungs, terms)``.

    Raises:
        ValueError: If there are too few units for the covariance.

    Source: Lavenberg and Welch 1981; Rao 1967.
    """
    count, rungs = observations.shape
    free = count - 1 - (rungs - design.shape[1])
    if free < FEWEST:
        raise ValueError(
            f"weights='covariance' needs at least {count - free + FEWEST} chains for {rungs} rungs,"
            f" got {count}; add chains or take weights='gamma'"
        )
    # Units of one standard deviation, so that the inverse is well conditioned.
    scale = observations.std(axis=0, ddof=1)
    y, x = observations / scale, design / scale[:, None]
    size = np.linalg.norm(x, axis=0)
    x = x / size
    inverse = np.linalg.inv(np.cov(y.T))
    normal = np.linalg.inv(x.T @ inverse @ x)
    weights = (normal @ x.T @ inverse)[0] / size[0]
    mean = y.mean(axis=0)
    residual = mean - x @ (normal @ x.T @ inverse @ mean)
    excess = count / (count - 1) * float(residual @ inverse @ residual)
    square = normal[0, 0] / size[0] ** 2 / count * (count - 1) / free * (1 + excess)
    slopes = y @ weights
    statistic = Statistic(float(slopes.mean()), float(square**0.5), free + 1, slopes)
    return statistic, weights / scale
