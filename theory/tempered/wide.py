"""Targets of wide linear networks: short certified runs from below and from above."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from theory.linear_networks.density import Array, State
from theory.linear_networks.wide_gibbs import WidePosterior
from theory.tempered.doubling import Trace, doubled
from theory.tempered.result import Tempered

_FIRST_BATCH = 16
_WORK = 3e8  # parameters times chains times sweeps that the default limit allows
_LEAST, _MOST = 16, 512


def wide_network(
    posterior: WidePosterior,
    rng: np.random.Generator,
    num_chains: int | None,
    rtol: float,
    max_sweeps: int | None,
) -> Tempered:
    """Return the target of a wide network, between chains that come from below and from above.

    Half of the chains start at the reference, where K is 0, half at draws of the localisation,
    where K is larger than in equilibrium by orders of magnitude. With thousands of
    directions the conditional mean of K is nearly constant once a chain has settled, so the
    error is what is left of the starts: half the distance between the two groups of chains. It
    is added to the statistical one; the first half of the run is burn-in, and the run doubles
    until all is below ``rtol``.

    There are no moves along the fibre: they cost more than a sweep, and where the localisation is
    tight the energy is the same along it.

    Args:
        posterior: the kernel.
        rng: of the chains.
        num_chains: even; the default is 4, or 2 above two million parameters.
        rtol: relative error asked for.
        max_sweeps: sweeps at which the run stops; the default is 3e8 parameters times chains times
            sweeps, between 16 and 512.

    Returns:
        The target, certified if the two groups agree within ``rtol``, every chain agrees with the
        others of its group within ``rtol``, the last quarter of the run agrees with the one before
        within ``rtol``, and the standard error is below it. Chains that leave the finite numbers
        end the run with NaN.
    """
    chains = num_chains or (4 if posterior.dim < 2_000_000 else 2)
    allowed = int(_WORK / (posterior.dim * chains))
    limit = max_sweeps or min(_MOST, max(_LEAST, allowed))
    sweeps = _sweeps(posterior, _starts(posterior, chains, rng), rng)
    return doubled(sweeps, partial(_summary, rtol=rtol), chains, _FIRST_BATCH, limit)


def _sweeps(posterior: WidePosterior, state: State, rng: np.random.Generator) -> Iterator[Array]:
    """Yield ``nbeta E[K | other layers]`` after every sweep, as long as one is possible."""
    while True:
        # With a weak localisation the layers take its variance and their product overflows.
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                state, energy = posterior.sweep(state, rng)
        except np.linalg.LinAlgError:
            return
        yield posterior.nbeta * energy


def _starts(posterior: WidePosterior, chains: int, rng: np.random.Generator) -> State:
    """Return starts: even chains at the reference, odd ones at draws of the localisation."""
    state = []
    for weight in posterior.weights:
        layer = np.repeat(weight[None], chains, axis=0)
        for chain in range(1, chains, 2):
            noise = rng.standard_normal(weight.shape, dtype=weight.dtype.type)
            noise /= weight.dtype.type(math.sqrt(posterior.gamma))
            layer[chain] += noise
        state.append(layer)
    return state


def _summary(trace: Trace, rtol: float) -> Tempered:
    """Return the mean of the second half of a trace ``(chains, sweeps)`` with its certificate."""
    sweeps = trace.shape[1]
    kept = trace[:, sweeps // 2 :]
    value = float(np.mean(kept))
    apart = abs(float(np.mean(kept[0::2]) - np.mean(kept[1::2])))
    # Chains that are off in opposite directions leave the mean of their group alone.
    means = np.mean(kept, axis=1)
    stray = max(float(np.max(np.abs(g - np.mean(g)))) for g in (means[0::2], means[1::2]))
    middle = kept.shape[1] // 2
    drift = abs(float(np.mean(kept[:, middle:]) - np.mean(kept[:, :middle])))
    stderr = math.hypot(_batch_error(kept), apart / 2)
    largest = rtol * abs(value)
    # A NaN fails every comparison and so the certificate.
    certified = all(size <= largest for size in (apart, stray, drift, stderr))
    details: dict[str, Any] = {
        "apart": apart,
        "stray": stray,
        "drift": drift,
        "chains": float(trace.shape[0]),
        "draws": float(kept.size),
        "sweeps": float(sweeps),
    }
    return Tempered(
        value=value,
        stderr=stderr,
        method="block Gibbs",
        certified=certified,
        details=details,
    )


def _batch_error(kept: Trace) -> float:
    """Return the standard error of the mean from means of batches of 4 sweeps."""
    whole = kept[:, : kept.shape[1] // 4 * 4].reshape(kept.shape[0], -1, 4).mean(axis=2)
    return float(np.std(whole, ddof=1)) / math.sqrt(whole.size)
