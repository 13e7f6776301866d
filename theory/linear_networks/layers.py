"""Weights of linear networks as lists of matrices: checks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def checked_layers(weights: Sequence[Array]) -> list[Array]:
    """Return the layers in one floating dtype, copied only where that changes it.

    Raises:
        ValueError: if there are none, one is no finite matrix, or two do not fit together.
    """
    if len(weights) == 0:
        raise ValueError("weights is empty: give one matrix for each layer")
    dtype = np.result_type(*weights)
    if not np.issubdtype(dtype, np.floating):
        dtype = np.dtype(np.float64)
    layers = [np.asarray(weight, dtype=dtype) for weight in weights]
    for k, layer in enumerate(layers):
        if layer.ndim != 2 or layer.size == 0 or not np.all(np.isfinite(layer)):
            raise ValueError(
                f"weights[{k}] of shape {layer.shape} is not allowed: give a finite matrix"
            )
        if k and layer.shape[1] != layers[k - 1].shape[0]:
            raise ValueError(
                f"weights[{k}] of shape {layer.shape} does not follow weights[{k - 1}] of shape "
                f"{layers[k - 1].shape}: it needs {layers[k - 1].shape[0]} columns"
            )
    return layers
