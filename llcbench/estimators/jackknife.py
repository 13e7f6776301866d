"""Statistics with errors from nearly independent units of runs."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Below four chains their spread is no error bar: each is cut into this many consecutive blocks.
BLOCKS = 16


class Statistic(NamedTuple):
    """A value with its Monte Carlo error.

    Attributes:
        value: The estimate.
        mcse: Its standard error.
        units: Independent units behind the error, one more than its degrees of freedom.
        unit_values: Estimates whose mean is the value, one per unit.
    """

    value: float
    mcse: float
    units: int
    unit_values: Array


def split(kept: Array) -> Array:
    """Return ``(units, draws)``: the chains, or blocks of them if there are fewer than four."""
    chains, draws = kept.shape
    if chains >= 4:
        return kept
    blocks = min(BLOCKS, draws // 2)
    return kept[:, : draws - draws % blocks].reshape(chains * blocks, -1)


def jackknife(features: Array, value: Callable[[Array], Array]) -> Statistic:
    """Return a smooth function of means, its first-order bias removed, with its error.

    With ``x_i`` the means over unit i and ``f_-i`` the function without it, the pseudovalues are
    ``n f - (n - 1) f_-i``; their mean is the estimate, their spread its error. For a linear
    function they are its values on the units.

    Args:
        features: Means over each unit, ``(units, k)``.
        value: The function, from ``(..., k)`` to ``(...)``.

    Source: Quenouille 1956; Tukey 1958.
    """
    count = len(features)
    total = features.sum(0)
    pseudo = count * value(total / count) - (count - 1) * value((total - features) / (count - 1))
    return Statistic(float(pseudo.mean()), float(pseudo.std(ddof=1) / count**0.5), count, pseudo)
