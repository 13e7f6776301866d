"""Statistics of the runs of an entry, for any number of resampled sets of runs at a time."""

import numpy as np

from llcbench.compare.runs import CAP, Array, Runs

# The accuracy of `case_grads`.
TARGET = 0.05
# Standard errors within which an exact sampler's mean should be: 997 of 1000 are.
AGREED = 3.0


def mean(values: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Return the mean of what is not NaN; NaN of nothing, without a warning."""
    total = values.sum(axis)
    if values.size and not np.isnan(total).any():
        # Nothing was NaN: without the passes over all values that look for it.
        return np.asarray(total / np.prod([values.shape[a] for a in np.atleast_1d(axis)]))
    known = ~np.isnan(values)
    count = known.sum(axis)
    total = np.where(known, values, 0.0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def variance(values: Array, *, plug_in: bool = False) -> Array:
    """Return the variance along the last axis, unbiased by default; NaN below two values."""
    squares = (values - mean(values)[..., None]) ** 2
    spread = squares.sum(-1)
    count = np.asarray(values.shape[-1])
    if np.isnan(spread).any():
        spread, count = np.nansum(squares, axis=-1), (~np.isnan(values)).sum(-1)
    return np.where(count > 1, spread / np.maximum(count - (0 if plug_in else 1), 1), np.nan)


def median(values: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Return the median of what is not NaN; infinities count."""
    kept = np.moveaxis(values, axis, -1) if isinstance(axis, int) else _flat(values)
    ordered = np.sort(kept, axis=-1)
    count = (~np.isnan(kept)).sum(-1)
    low = np.maximum(count - 1, 0) // 2
    high = np.minimum(count // 2, np.maximum(count - 1, 0))
    ends = [np.take_along_axis(ordered, place[..., None], -1)[..., 0] for place in (low, high)]
    return np.where(count > 0, (ends[0] + ends[1]) / 2, np.nan)


def case_squares(runs: Runs) -> Array:
    """Return the mean squared relative error of single runs per case, failed ones at the cap."""
    return mean(np.where(runs.failed == 1, CAP, runs.error) ** 2)


def case_bias(runs: Runs, *, noisy: bool = False) -> Array:
    """Return the squared relative bias per case.

    ``(f CAP + (1 - f) abs(b))^2`` with ``f`` the share of failed runs and ``b`` the bias of the
    others. Unless ``noisy``, the square of ``b`` is estimated without bias, ``m^2 - v``: the
    squared mean error less its variance, which is the spread between replicates (or the claimed
    Monte Carlo variance of a single one) and the error of the truth. It may be negative.
    """
    failed = np.nan_to_num(mean(runs.failed))
    centre = np.nan_to_num(mean(runs.error))
    noise = 0.0 if noisy else np.nan_to_num(_mean_variance(runs))
    squares = centre**2 - noise
    mixed = 2 * failed * (1 - failed) * CAP * np.abs(centre)
    total = (failed * CAP) ** 2 + mixed + (1 - failed) ** 2 * squares
    known = ~np.isnan(mean(np.where(runs.failed == 1, CAP, runs.error)))
    return np.where(known, total, np.nan)


def case_agrees(runs: Runs) -> Array:
    """Return 1 per case if the mean error is within ``AGREED`` standard errors of zero, else 0.

    The standard error is the larger of that from the spread between replicates, which says little
    for a few of them, and the one that the runs claim; with that of the truth. A case with a failed
    run does not agree.
    """
    known = ~np.isnan(mean(runs.failed))
    count = np.maximum((~np.isnan(runs.error)).sum(-1), 1)
    noise = np.fmax(variance(runs.error), mean(runs.noise)) / count
    near = mean(runs.error) ** 2 <= AGREED**2 * (noise + np.nan_to_num(mean(runs.truth)))
    return np.where(known, (near & (mean(runs.failed) == 0)).astype(float), np.nan)


def case_grads(runs: Runs) -> Array:
    """Return the gradients per case after which the error is 5 %.

    ``G (u + (1 - u) s^2 / (0.05^2 - b^2)) / (1 - f)``: of ``G`` gradients the share ``u`` is
    burn-in, which stays as it was; the variance ``s^2`` falls as one over the others, the bias
    ``b`` stays, failed runs are repeated. So it is never below the burn-in, without which nobody
    has seen these errors. Infinite if the bias alone is larger or all runs failed, NaN for samplers
    that count no gradients. For ``s^2`` the larger of observed and claimed.
    """
    spread = np.fmax(variance(runs.error), mean(runs.noise))
    alive = 1 - mean(runs.failed)
    grads = mean(np.where(runs.failed == 0, runs.grads, np.nan))
    room = _room(runs)
    within = (room > 0) & (alive > 0)
    burnin = mean(runs.burnin)
    share = burnin + (1 - burnin) * spread / np.where(within, room, 1.0)
    cost = np.where(within, grads * share / np.where(within, alive, 1.0), np.inf)
    return np.where(np.isnan(alive) | ((alive > 0) & np.isnan(grads)), np.nan, cost)


def order_kept(runs: Runs) -> Array:
    """Return the share of pairs of cases, with different coefficients, that are ordered rightly.

    A pair is two runs of one replicate; it is wrong if either has failed. Pairs whose tempered
    values are the other way round are not asked: a perfect sampler has 100 %.
    """
    # Comparisons with NaN are false: what was not tried is not asked, what failed is not right.
    # Cases come last, so that one is compared with all others in a sweep over memory.
    local, tempered, estimate = (
        np.ascontiguousarray(np.swapaxes(array, -1, -2))
        for array in (np.where(runs.tried == 1, runs.local, np.nan), runs.tempered, runs.estimate)
    )
    asked = local[..., :, None] < local[..., None, :]
    asked &= ~(tempered[..., :, None] > tempered[..., None, :])
    right = asked & (estimate[..., :, None] < estimate[..., None, :])
    total = np.count_nonzero(asked, axis=(-3, -2, -1))
    kept = np.count_nonzero(right, axis=(-3, -2, -1))
    return np.where(total > 0, kept / np.maximum(total, 1), np.nan)


def reached(runs: Runs) -> Array:
    """Return the share of cases on which 5 % can be reached, however many gradients it takes."""
    alive = 1 - mean(runs.failed)
    within = (_room(runs) > 0) & (alive > 0)
    return mean(np.where(np.isnan(alive), np.nan, within))


def _room(runs: Runs) -> Array:
    """Return what the squared bias leaves of the squared target; NaN without an estimate."""
    bias = mean(runs.error) ** 2 - np.nan_to_num(_mean_variance(runs))
    return np.asarray(TARGET**2 - np.maximum(bias, 0.0))


def _mean_variance(runs: Runs) -> Array:
    count = np.maximum((~np.isnan(runs.error)).sum(-1), 1)
    own = variance(runs.error)
    noise = np.where(np.isnan(own), mean(runs.noise), own)
    return np.asarray(noise / count + mean(runs.truth))


def _flat(values: Array) -> Array:
    return values.reshape(*values.shape[:-2], -1)
