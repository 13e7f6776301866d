"""Input moments of linear models: checks, and the change to uncorrelated inputs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def whitened(
    moment: Array | None, cross: Array | None
) -> tuple[Array | None, Array | None, Array | None]:
    """Return ``B`` with ``S = B B^T``, the eigenbasis of ``S``, and ``C'`` with ``C = C' B^T``.

    Raises:
        ValueError: if ``S`` is not symmetric positive semidefinite, or ``C`` is not in its range.
    """
    if moment is None:
        return None, None, cross
    values, vectors = np.linalg.eigh(moment)
    size = float(np.max(np.abs(moment)))
    if not np.allclose(moment, moment.T, rtol=0.0, atol=1e-6 * size) or values[0] < -1e-6 * size:
        raise ValueError(
            "second_moment is not symmetric positive semidefinite: give the mean of x x^T"
        )
    kept = values > 1e-14 * max(float(values[-1]), 1e-300)
    scales = np.sqrt(values[kept])
    root = vectors[:, kept] * scales
    if cross is None:
        return root, vectors, None
    white = (cross @ vectors[:, kept]) / scales
    if not np.allclose(white @ root.T, cross, rtol=0.0, atol=1e-6 * float(np.max(np.abs(cross)))):
        raise ValueError(
            "cross_moment has rows outside the range of second_moment, which no data can give: "
            "take both from the same inputs"
        )
    return root, vectors, white


def checked_matrix(
    name: str, matrix: ArrayLike | None, shape: tuple[int, int]
) -> NDArray[np.float64] | None:
    """Return the matrix as float64.

    Raises:
        ValueError: if the shape differs from ``shape`` or an entry is not finite.
    """
    if matrix is None:
        return None
    array = np.array(matrix, dtype=np.float64)
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise ValueError(
            f"{name} of shape {array.shape} is not allowed: give finite numbers of shape {shape}"
        )
    return array
