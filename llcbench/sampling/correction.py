"""Energies with a bias or a noise removed that the moments of the same run tell."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from llcbench.records import RunStatistic
from llcbench.sampling.diagnostics import ENOUGH_CHAINS, MeanError, mean_error
from llcbench.sampling.jackknife import error_of
from llcbench.sampling.virial import FEWEST, RunMoments, divided

Array = NDArray[np.float64]
# The control variate is taken where it reduces the error to less than this part of it, and where
# its own mean is within so many standard errors of 0.
PAYS = 0.8
STATIONARY = 2.5


@final
@dataclass(frozen=True)
class CorrectedEnergy:
    """A corrected mean energy.

    Attributes:
        llc: The value.
        error: Its Monte Carlo error, that of the correction included.
        per_chain: Values of the chains.
        share: D, the share of the energy that was removed; None for exact samplers.
        remaining: Bias that may remain, relative to the value; None where nothing predicts it.
    """

    llc: float
    error: MeanError
    per_chain: Array
    share: RunStatistic | None = None
    remaining: RunStatistic | None = None


def corrected(energy: Array, moments: RunMoments) -> CorrectedEnergy | str:
    """Return the mean energy without what the steps or the noise of the chains add to it.

    Samplers that know their discretisation: ``E (1 - D)``, see `RunMoments.share`. Exact samplers:
    `stein`.

    Args:
        energy: ``nbeta`` times the excess loss of all kept draws, ``(chains, draws)``, finite.
        moments: Moments of the same chains after burn-in.

    Returns:
        The correction, or why there is none.
    """
    records = len(moments.recorded.steps)
    if records < FEWEST:
        return (
            f"the moments were recorded at {records} steps after burn-in, and {FEWEST} are needed:"
            " raise num_draws or lower record_every"
        )
    if moments.exact:
        return stein(energy, moments)
    return euler(energy, moments)


def euler(energy: Array, moments: RunMoments) -> CorrectedEnergy | str:
    """Return ``E (1 - D)`` with the error of the whole.

    Args:
        energy: As for `corrected`.
        moments: Of a sampler that knows its discretisation.
    """
    terms, share = moments.share_terms(), moments.share()
    if terms is None or share is None:
        return "the bias of this sampler or the noise of its minibatches is not known"
    if not share.value < 1:
        return (
            f"D is {share.value:.3g}, so that nothing would be left of the energy: the step is at"
            " the limit of stability; reduce step_size"
        )
    found = moments.statistic(
        [*terms, energy], lambda means: means[..., -1] * (1 - divided(means[..., :-1]))
    )
    assert found is not None
    statistic = found[0]
    independent = len(energy) >= ENOUGH_CHAINS
    chains = statistic.unit_values if independent else energy.mean(1) * (1 - share.value)
    llc = statistic.value if independent else float(chains.mean())
    return CorrectedEnergy(
        llc, error_of(statistic, len(energy)), chains, share, _rest(moments, share)
    )


def stein(energy: Array, moments: RunMoments) -> CorrectedEnergy:
    """Return the mean energy with the virial as control variate, where that is stationary and pays.

    ``phi = d - r . grad U`` has mean 0 under the target, so that ``E - theta phi`` has the mean of
    E for every theta; theta is fitted by least squares on the other chains. With one that still
    moves phi would bring its drift into the energy, hence the test of its mean.

    Args:
        energy: As for `corrected`.
        moments: Of a sampler that is exact in distribution.

    Source: Mira, Solgi and Imparato 2013 (zero-variance control variates).
    """
    plain = CorrectedEnergy(float(energy.mean()), mean_error(energy), energy.mean(1))
    chains = len(energy)
    if chains < ENOUGH_CHAINS:
        return plain
    held = moments.recorded
    phi = moments.dim - (moments.nbeta * held.pull + moments.gamma * held.distance)
    means = phi.mean(1)
    if not abs(means.mean()) < STATIONARY * means.std(ddof=1) / math.sqrt(chains):
        return plain
    values = energy.mean(1) - _slopes(moments.nbeta * held.loss, phi) * means
    # On a regular model without localisation nothing but rounding is left.
    spread = float(values.std(ddof=1) / math.sqrt(chains))
    rounding = float(np.finfo(float).eps * np.abs(values).max())
    error = MeanError(max(spread, rounding), chains - 1.0)
    if not error.stderr < PAYS * plain.error.stderr:
        return plain
    return CorrectedEnergy(float(values.mean()), error, values)


def _slopes(energy: Array, phi: Array) -> Array:
    """Return the slope of the energy in phi on all chains but one, for each one, ``(chains,)``."""
    a, b = energy - energy.mean(), phi - phi.mean()
    sums = np.stack([row.mean(1) for row in (a, b, a * b, b * b)])
    others = (sums.sum(1, keepdims=True) - sums) / (len(phi) - 1)
    mean_a, mean_b, product, square = others
    variance = square - mean_b**2
    slope = np.divide(
        product - mean_a * mean_b, variance, out=np.zeros_like(variance), where=variance > 0
    )
    return np.asarray(slope)


def _rest(moments: RunMoments, share: RunStatistic) -> RunStatistic | None:
    """Return the bias that may remain, relative to the corrected value."""
    doubt = moments.unlikeness()
    if doubt is None:
        return None
    left = 1 - share.value
    stderr = None if doubt.stderr is None else doubt.stderr / left
    return RunStatistic(value=doubt.value / left, stderr=stderr)
