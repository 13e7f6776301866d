"""Effective sample size, R-hat and Monte Carlo error of loss traces."""

from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Traces = NDArray[np.float64]


class Convergence(NamedTuple):
    """Convergence statistics of one quantity over all chains.

    Attributes:
        ess_bulk: Effective number of draws for the mean.
        ess_tail: Effective number of draws for the 5 % and 95 % quantiles.
        rhat: Split rank-normalised R-hat; NaN if the trace is constant.
    """

    ess_bulk: float
    ess_tail: float
    rhat: float


def convergence(traces: Traces) -> Convergence:
    """Return ESS and R-hat of traces ``(chains, draws)`` with at least 4 draws.

    Source: Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, as implemented by arviz-stats.
    """
    array_stats = _array_stats()
    return Convergence(
        float(array_stats.ess(traces, method="bulk")),
        float(array_stats.ess(traces, method="tail", prob=(0.05, 0.95))),
        float(array_stats.rhat(traces, method="rank")) if len(traces) > 1 else float("nan"),
    )


def standard_error(traces: Traces) -> float:
    """Return the standard error of the mean over all chains and draws.

    With four chains or more it is the spread of the chain means, which counts everything that
    differs between chains (noise, minibatches, failure to mix); below that, the autocorrelation
    estimate of arviz-stats.
    """
    chains = traces.shape[0]
    if chains >= 4:
        return float(traces.mean(1).std(ddof=1) / chains**0.5)
    return float(_array_stats().mcse(traces, method="mean"))


def split_half(traces: Traces) -> float:
    """Return how many standard errors the second half of the traces lies off the first."""
    half = traces.shape[1] // 2
    if half < 1 or traces.shape[0] < 2:
        return float("nan")
    gap = traces[:, half:].mean(1) - traces[:, :half].mean(1)
    spread = gap.std(ddof=1) / len(gap) ** 0.5
    return float(gap.mean() / spread) if spread > 0 else 0.0


def longest_stay(traces: Traces) -> int:
    """Return the largest number of consecutive rejections in any chain.

    An accepted step changes the loss, except for ties of probability zero.
    """
    stays = np.zeros(traces.shape[0], dtype=np.int64)
    longest = stays
    for before, after in pairwise(traces.T):
        stays = np.where(before == after, stays + 1, 0)
        longest = np.maximum(longest, stays)
    return int(longest.max())


def _array_stats() -> Any:
    """Import the untyped arviz-stats on first use: it takes a second."""
    return import_module("arviz_stats.base").array_stats
