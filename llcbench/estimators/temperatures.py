"""Several temperatures: ladders, and combinations of the mean energies on them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.temperature_runs import (
    TemperatureRun,
    TemperatureRuns,
    run_temperatures,
)
from llcbench.records import Estimate
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import Data, Problem, RunContext
from theory.tempered import Tempered

Array = NDArray[np.float64]


class Combination(NamedTuple):
    """``offset + sum_r weights_r lambda(b_r)`` with ``lambda(b) = b E_b[L - L(w*)]``.

    Attributes:
        nbetas: Inverse temperatures ``b_r``, ``(rungs,)``.
        weights: Factors of the mean energies, ``(rungs,)``.
        offset: A constant.
    """

    nbetas: Array
    weights: Array
    offset: float = 0.0


def geometric(nbeta: float, ratio: float, rungs: int) -> Array:
    """Return inverse temperatures from ``nbeta / sqrt(ratio)`` to ``nbeta sqrt(ratio)``."""
    nbetas: Array = nbeta * ratio ** np.linspace(-0.5, 0.5, rungs)
    return nbetas


def log_log_slope(low: float, high: float) -> float:
    """Return the mean slope of ``log log b`` in ``log b``, the weight of ``m - 1``.

    Raises:
        ValueError: If ``log b`` is not positive throughout.
    """
    if low <= 1:
        raise ValueError(
            f"the log log term needs every temperature nbeta above 1, got {low:.4g}; raise nbeta"
            " or take multiplicity=1"
        )
    gap = math.log(high / low)
    return (math.log(math.log(high)) - math.log(math.log(low))) / gap


def run_ladder(
    problem: Problem,
    sampler: AnySampler,
    settings: Settings,
    nbetas: Sequence[float] | Array,
    context: RunContext,
) -> TemperatureRuns:
    """Run all chains at every temperature."""
    runs = [TemperatureRun(sampler, float(b), settings.num_chains) for b in nbetas]
    return run_temperatures(problem, settings, runs, context)


def energies(runs: TemperatureRuns) -> Array:
    """Return the mean energies ``b E_b[L - L(w*)]`` of every unit, ``(units, rungs)``."""
    return np.stack([done.run.nbeta * done.units.mean(1) for done in runs.finished], axis=1)


def estimate_combination(
    combination: Combination,
    problem: Problem,
    sampler: AnySampler,
    settings: Settings,
    context: RunContext,
) -> Estimate:
    """Run the ladder and return the combination of its mean energies."""
    runs = run_ladder(problem, sampler, settings, combination.nbetas, context)
    if runs.failure is not None:
        return runs.failure

    def value(features: Array) -> Array:
        combined: Array = combination.offset + features @ combination.weights
        return combined

    gradient = combination.weights * combination.nbetas
    return runs.summarise(jackknife(energies(runs), value), gradient[:, None])


def tempered_combination(
    combination: Combination, problem: Problem, gamma: float, data: Data | None, method: str
) -> Tempered | None:
    """Return the combination of the tempered truths, None if one of them is unknown."""
    parts = []
    for nbeta in combination.nbetas:
        part = problem.tempered(float(nbeta), gamma, data)
        if part is None:
            return None
        parts.append(part)
    values = np.array([part.value for part in parts])
    # Numerical errors need not be independent: their absolute values add.
    errors = np.abs(combination.weights) @ np.array([part.stderr for part in parts])
    return Tempered(
        value=combination.offset + float(values @ combination.weights),
        stderr=float(errors),
        method=f"{method} of {parts[0].method}",
        certified=all(part.certified for part in parts),
        details={"temperatures": float(len(parts))},
    )
