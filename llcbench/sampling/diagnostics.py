"""Effective sample size, R-hat and Monte Carlo error of loss traces."""

import math
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.records import Status

Traces = NDArray[np.float64]
# Chains from which on their spread is an error bar.
ENOUGH_CHAINS = 4
# Losses above it count as not finite: their squares are not.
LARGEST = 1e150
# Draws of a chain below which there is no estimate.
FEWEST_KEPT = 8
# Draws of a chain below which effective draws and R-hat are not defined.
FEWEST_DRAWS = 4
# Below ENOUGH_CHAINS: effective draws behind a degree of freedom, and those that the estimate of
# the autocorrelation costs. Measured: results/trust/v1/coverage-*.csv.
DRAWS_PER_FREEDOM = 8
DRAWS_LOST = 3


class Convergence(NamedTuple):
    """Convergence statistics of one quantity over all chains; NaN where undefined.

    Attributes:
        ess_bulk: Effective number of draws for the mean.
        ess_tail: Effective number of draws for the 5 % and 95 % quantiles.
        rhat: Split rank-normalised R-hat.
    """

    ess_bulk: float
    ess_tail: float
    rhat: float


class MeanError(NamedTuple):
    """The error of a mean.

    Attributes:
        stderr: Standard error; NaN where undefined.
        freedom: Degrees of freedom of Student's t that goes with it; NaN where undefined.
    """

    stderr: float
    freedom: float


UNDEFINED = MeanError(math.nan, math.nan)


def convergence(traces: Traces) -> Convergence:
    """Return ESS and R-hat of traces ``(chains, draws)``.

    A chain that stays in one place says nothing about how fast it forgets: with one among them
    effective draws are undefined. So is everything for fewer than 4 draws, and for values that are
    not finite. R-hat of a single chain compares its halves.

    Source: Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, as implemented by arviz-stats.
    """
    nothing = Convergence(math.nan, math.nan, math.nan)
    if traces.shape[1] < FEWEST_DRAWS or not finite_chains(traces).all():
        return nothing
    still = int(constant_chains(traces).sum())
    if still == len(traces):
        return nothing
    rhat = _rhat(traces)
    if still:
        return nothing._replace(rhat=rhat)
    array_stats = _array_stats()
    bulk = float(array_stats.ess(traces, method="bulk"))
    # The package counts all draws for an indicator that never changes.
    if np.mean(traces == traces.max()) > 0.95:
        return Convergence(bulk, math.nan, rhat)
    tail = float(array_stats.ess(traces, method="tail", prob=(0.05, 0.95)))
    return Convergence(bulk, tail, rhat)


def constant_chains(traces: Traces) -> NDArray[np.bool_]:
    """Return which chains never leave one place, ``(chains,)``; none for a single draw."""
    if traces.shape[1] < 2:
        return np.zeros(len(traces), dtype=np.bool_)
    return np.asarray((traces == traces[:, :1]).all(1))


def finite_chains(traces: Traces) -> NDArray[np.bool_]:
    """Return which chains have finite losses only, ``(chains,)``."""
    # NaN compares false.
    return np.asarray((np.abs(traces) < LARGEST).all(1))


def mean_error(traces: Traces) -> MeanError:
    """Return the standard error of the mean over all chains and draws, with its freedom.

    With four chains or more it is the spread of the chain means, which counts everything that
    differs between chains (noise, minibatches, failure to mix), and has ``chains - 1`` degrees of
    freedom. Below that, with T the effective number of draws for the mean and s the standard
    deviation of the draws,

    ``stderr = s / sqrt(T) * sqrt(T / (T - 3))``,  ``freedom = max(T / 8 - 1, 1)``:

    T is an estimate too. Both numbers are fitted to coverage; ``make trust`` measures what
    intervals cover, from one chain of 40 draws on.

    It is undefined where values are not finite, where all chains are constant or all their means
    the same, below four chains also where one is constant, and for fewer than 4 draws of fewer than
    four chains.
    """
    chains, draws = traces.shape
    still = constant_chains(traces)
    if draws < 1 or not finite_chains(traces).all() or still.all():
        return UNDEFINED
    if chains >= ENOUGH_CHAINS:
        return _defined(float(traces.mean(1).std(ddof=1) / chains**0.5), chains - 1.0)
    if draws < FEWEST_DRAWS or still.any():
        return UNDEFINED
    spread = float(traces.std(ddof=1))
    if not 0 < spread < math.inf:
        return UNDEFINED
    # In units of the spread: the package takes anything below 1e-15 for a constant.
    effective = float(_array_stats().ess((traces - traces.mean()) / spread, method="mean"))
    freedom = min(max(effective / DRAWS_PER_FREEDOM - 1, 1.0), traces.size - chains)
    left = max(effective, DRAWS_LOST + 1.0) - DRAWS_LOST
    widened = max(effective, DRAWS_LOST + 1.0) / left
    return _defined(spread * (widened / effective) ** 0.5, freedom)


def standard_error(traces: Traces) -> float:
    """Return the standard error of the mean over all chains and draws; see `mean_error`."""
    return mean_error(traces).stderr


def defect(traces: Traces) -> tuple[Status, str] | None:
    """Return status and reason where traces have a mean without an error; None if it has one."""
    chains, draws = traces.shape
    if draws < FEWEST_KEPT:
        return "error", f"fewer than {FEWEST_KEPT} draws after burn-in"
    lost = int((~finite_chains(traces)).sum())
    if lost:
        return "not_finite", f"{lost} of {chains} chains recorded losses that are not finite"
    still = int(constant_chains(traces).sum())
    if still == chains or (still and chains < ENOUGH_CHAINS):
        return "error", (
            f"{still} of {chains} chains never left one place in {draws} draws, so that there is"
            " no error; reduce step_size, or take a large constant out of the loss"
        )
    if math.isnan(standard_error(traces)):
        return "error", "the means of all chains are the same, so that there is no error"
    return None


def split_half(traces: Traces) -> float:
    """Return how many standard errors the second half of the traces lies off the first.

    From four chains on the error is the spread of their differences. Below, the halves have errors
    of their own, from autocorrelation; NaN where these are undefined.
    """
    chains, draws = traces.shape
    half = draws // 2
    if half < 1 or not finite_chains(traces).all():
        return math.nan
    if chains < ENOUGH_CHAINS:
        first, second = traces[:, :half], traces[:, half:]
        gap = float(second.mean() - first.mean())
        return _ratio(gap, math.hypot(standard_error(first), standard_error(second)))
    gaps = traces[:, half:].mean(1) - traces[:, :half].mean(1)
    return _ratio(float(gaps.mean()), float(gaps.std(ddof=1) / chains**0.5))


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


def _rhat(traces: Traces) -> float:
    """Return R-hat of traces with a chain that moves; infinite if none does within a half."""
    if len(traces) == 1:
        half = traces.shape[1] // 2
        traces = np.stack([traces[0, :half], traces[0, -half:]])
        if half < FEWEST_DRAWS:
            return math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(_array_stats().rhat(traces, method="rank"))


def _defined(stderr: float, freedom: float) -> MeanError:
    """Return an error that is one: draws whose means agree to the last digit have none."""
    return MeanError(stderr, freedom) if 0 < stderr < math.inf else UNDEFINED


def _ratio(gap: float, error: float) -> float:
    """Return a gap in standard errors; infinite where there is one and no error."""
    if math.isnan(error):
        return math.nan
    if error > 0:
        return gap / error
    return math.copysign(math.inf, gap) if gap else 0.0


def _array_stats() -> Any:
    """Import the untyped arviz-stats on first use: it takes a second."""
    return import_module("arviz_stats.base").array_stats
