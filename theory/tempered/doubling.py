"""Runs of chains that double until their summary is certified."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.tempered.result import Tempered

Trace = NDArray[np.float64]


def doubled(
    sweeps: Iterator[NDArray[np.floating[Any]]],
    summary: Callable[[Trace], Tempered],
    chains: int,
    first: int,
    limit: int,
) -> Tempered:
    """Return the summary of a run that is doubled until it is certified.

    Args:
        sweeps: ``nbeta K`` of all chains after each sweep, shape ``(chains,)``; it ends where the
            chains cannot go on.
        summary: of the trace so far, shape ``(chains, sweeps)``.
        chains: number of chains.
        first: sweeps before the first summary.
        limit: sweeps at which the run stops.

    Returns:
        The summary, certified or at the limit. Chains that leave the finite numbers end the run
        with NaN.
    """
    trace = np.empty((chains, limit))
    done, goal = 0, min(first, limit)
    while True:
        while done < goal:
            energy = next(sweeps, None)
            if energy is None:
                return _lost(done)
            trace[:, done] = energy
            done += 1
            if not np.isfinite(energy).all():
                return _lost(done)
        result = summary(trace[:, :done])
        if result.certified or done == limit:
            return result
        goal = min(2 * done, limit)


def _lost(sweeps: int) -> Tempered:
    """Return what is known of chains that have left the finite numbers: nothing."""
    nothing, details = math.nan, {"sweeps": float(sweeps)}
    return Tempered(
        value=nothing, stderr=nothing, method="block Gibbs", certified=False, details=details
    )
