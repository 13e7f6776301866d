"""Targets of linear networks at any weights, by certified block Gibbs sampling."""

import importlib
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.checks import require_positive
from theory.linear_networks.density import Array, State
from theory.linear_networks.gibbs import LinearPosterior
from theory.linear_networks.wide_gibbs import WidePosterior
from theory.tempered.doubling import Trace, doubled
from theory.tempered.gaussian import linear_regression
from theory.tempered.result import Tempered
from theory.tempered.wide import wide_network

_FIRST_BATCH = 256
_RHAT = 1.01
_GROUP_Z = 4.0
# Above this many parameters chains are moved one by one, through thin factors.
WIDE = 20_000
_WORK = 3e7  # parameters times chains times sweeps that the default limit allows


def linear_network(
    weights: Sequence[NDArray[np.floating[Any]]],
    nbeta: float,
    gamma: float,
    scale: float = 0.5,
    *,
    second_moment: ArrayLike | None = None,
    cross_moment: ArrayLike | None = None,
    seed: int = 0,
    num_chains: int | None = None,
    rtol: float = 0.005,
    max_sweeps: int | None = None,
) -> Tempered:
    """Return the target of a linear network at its weights, with a standard error.

    ``K(W) = scale * [tr(D S D^T) - 2 tr(D C^T)]`` with ``D = W_L ... W_1 - W_L* ... W_1*``; for
    the defaults ``S = I``, ``C = 0`` this is ``scale * |D|_F^2``. The reference point is
    ``weights``, and the measure lives on all of parameter space.

    Half of the chains start at the reference, half at over-dispersed points: the reference plus
    Gaussian noise whose standard deviation rises from chain to chain up to that of the
    localisation, ``1/sqrt(gamma)``, or to one plus the root mean square weight if that is less.
    Every sweep draws each layer from its exact conditional and moves each pair of layers along
    its fibre; the trace is the conditional mean of ``K``, which has the same mean as ``K`` and a
    smaller variance. The run doubles until the standard error is below ``rtol`` times the value;
    the first third is burn-in. The standard error is the greater of that from autocorrelation
    and that from the spread of the chain means. Above 20 000 parameters the run is that of
    `wide_network`, in the precision of the weights.

    Args:
        weights: first layer first, ``W_k`` of shape ``(H_k, H_{k-1})``.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive.
        scale: positive factor of the loss.
        second_moment: ``S``, second moment of the inputs, shape ``(H_0, H_0)``.
        cross_moment: ``C``, mean of ``eps x^T`` over the data, shape ``(H_L, H_0)``.
        seed: of the chains; the result is a function of the arguments.
        num_chains: even, at least 4; the default is 64 for small networks, 8 for large ones.
        rtol: relative standard error asked for.
        max_sweeps: sweeps at which the run stops; the default shrinks with the network, from
            20000 to 400.

    Returns:
        The target. It is certified if R-hat over all chains is below 1.01, the means of the two
        groups of starts agree within 4 of their combined standard errors, and ``rtol`` was met.
        One layer is done in closed form.

    Raises:
        ValueError: if a parameter is out of range or shapes do not match.
    """
    for name, value in (("nbeta", nbeta), ("gamma", gamma), ("scale", scale), ("rtol", rtol)):
        require_positive(name, value)
    if num_chains is not None and (num_chains < 4 or num_chains % 2):
        raise ValueError(f"num_chains = {num_chains!r} is not allowed: give an even number >= 4")
    if max_sweeps is not None and max_sweeps < 16:
        raise ValueError(f"max_sweeps = {max_sweeps!r} is not allowed: give an integer >= 16")
    numbers = (float(nbeta), float(gamma), float(scale))
    if len(weights) > 1 and sum(np.size(weight) for weight in weights) > WIDE:
        wide = WidePosterior(weights, *numbers, second_moment, cross_moment)
        return wide_network(wide, np.random.default_rng(seed), num_chains, rtol, max_sweeps)
    doubles = [np.asarray(weight, dtype=np.float64) for weight in weights]
    posterior = LinearPosterior(doubles, *numbers, second_moment, cross_moment)
    if len(weights) == 1:
        return _one_layer(posterior)

    chains = num_chains or (64 if posterior.dim < 200 else 16 if posterior.dim < 4000 else 8)
    default = min(20_000, max(400, int(_WORK / (posterior.dim * chains))))
    limit = default if max_sweeps is None else max_sweeps
    rng = np.random.default_rng(seed)
    sweeps = _sweeps(posterior, _starts(posterior, chains, rng), rng)
    return doubled(sweeps, partial(_summary, rtol=rtol), chains, _FIRST_BATCH, limit)


def _sweeps(posterior: LinearPosterior, state: State, rng: np.random.Generator) -> Iterator[Array]:
    """Yield ``nbeta E[K | other layers]`` after every sweep and move along the fibres."""
    while True:
        state, energy = posterior.sweep(posterior.fibre_move(state, rng), rng)
        yield posterior.nbeta * energy


def _one_layer(posterior: LinearPosterior) -> Tempered:
    """Return the closed form of a single layer, which is linear regression."""
    rows, inputs = posterior.weights[0].shape
    moment, cross = posterior.second_moment, posterior.cross_moment
    return linear_regression(
        np.eye(inputs) if moment is None else moment,
        np.zeros((rows, inputs)) if cross is None else cross,
        2.0 * posterior.scale * posterior.nbeta,
        posterior.gamma,
    )


def _starts(posterior: LinearPosterior, chains: int, rng: np.random.Generator) -> State:
    """Return starts: even chains at the reference, odd ones over-dispersed."""
    count = sum(weight.size for weight in posterior.weights)
    rms = math.sqrt(sum(float(np.sum(weight**2)) for weight in posterior.weights) / count)
    spread = min(1.0 / math.sqrt(posterior.gamma), 1.0 + rms)
    level = np.zeros(chains)
    level[1::2] = spread * np.linspace(0.0, 1.0, chains // 2 + 1)[1:]
    return [
        weight + level[:, None, None] * rng.standard_normal(weight.shape)
        for weight in posterior.start(chains)
    ]


def _summary(whole: Trace, rtol: float) -> Tempered:
    """Return the mean of the last two thirds of a trace ``(chains, sweeps)``, certified."""
    # Imported here: it takes a second, and nothing else needs it.
    array_stats: Any = importlib.import_module("arviz_stats.base").array_stats
    sweeps = whole.shape[1]
    trace = whole[:, sweeps // 3 :]
    chains, draws = trace.shape
    value = float(np.mean(trace))
    at_reference, dispersed = trace[0::2], trace[1::2]
    # Statistics of a constant trace are NaN, which is no reason for a warning.
    with np.errstate(all="ignore"):
        rhat = float(array_stats.rhat(trace))
        ess, *parts = (
            float(array_stats.ess(group, method="mean"))
            for group in (trace, at_reference, dispersed)
        )
    stderr = _standard_error(trace, ess)
    combined = math.hypot(
        _standard_error(at_reference, parts[0]), _standard_error(dispersed, parts[1])
    )
    gap = float(np.mean(at_reference) - np.mean(dispersed))
    group_z = gap / combined if combined > 0 else math.nan
    # A NaN, e.g. from a constant trace, fails every comparison and so the certificate.
    certified = bool(rhat < _RHAT and abs(group_z) < _GROUP_Z and stderr <= rtol * abs(value))
    return Tempered(
        value=value,
        stderr=stderr,
        method="block Gibbs",
        certified=certified,
        details={
            "rhat": rhat,
            "ess": ess,
            "group_z": group_z,
            "chains": float(chains),
            "draws": float(draws * chains),
            "sweeps": float(sweeps),
        },
    )


def _standard_error(trace: Trace, ess: float) -> float:
    """Return the greater of the standard errors within and between chains."""
    within = float(np.std(trace, ddof=1)) / math.sqrt(ess)
    means = np.mean(trace, axis=1)
    return max(within, float(np.std(means, ddof=1)) / math.sqrt(means.size))
