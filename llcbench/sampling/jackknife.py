"""Statistics with errors from nearly independent units of runs."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.sampling.diagnostics import ENOUGH_CHAINS, MeanError, mean_error

Array = NDArray[np.float64]
# Below four chains their spread is no error bar: each is cut into this many consecutive blocks,
# whose values are a trace with an autocorrelation of its own.
BLOCKS = 128


class Statistic(NamedTuple):
    """A value with its Monte Carlo error.

    Attributes:
        value: The estimate.
        mcse: Its standard error.
        units: Units behind the error, one more than its degrees of freedom where independent.
        unit_values: Estimates whose mean is the value, one per unit.
    """

    value: float
    mcse: float
    units: int
    unit_values: Array


def split(kept: Array, blocks: int = BLOCKS) -> Array:
    """Return ``(units, draws)``: the chains, or blocks of them if there are fewer than four.

    Args:
        kept: Values of all chains, ``(chains, draws)``.
        blocks: Blocks of a chain at most.
    """
    chains, draws = kept.shape
    if chains >= ENOUGH_CHAINS:
        return kept
    blocks = min(blocks, draws // 2)
    return kept[:, : draws - draws % blocks].reshape(chains * blocks, -1)


def error_of(statistic: Statistic, chains: int) -> MeanError:
    """Return the error of a statistic with its degrees of freedom.

    From four chains on the units are independent. Blocks of fewer are not: the error grows by what
    their autocorrelation adds to that of their mean, and freedom is the smaller of the two.

    Args:
        statistic: The value, with its units chain by chain.
        chains: Chains of a run.
    """
    if chains >= ENOUGH_CHAINS:
        return MeanError(statistic.mcse, statistic.units - 1.0)
    blocks = statistic.unit_values.reshape(chains, -1)
    honest = mean_error(blocks)
    plain = float(blocks.std(ddof=1) / blocks.size**0.5)
    stderr = statistic.mcse * honest.stderr / plain if plain > 0 else honest.stderr
    return MeanError(stderr, min(honest.freedom, statistic.units - 1.0))


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
