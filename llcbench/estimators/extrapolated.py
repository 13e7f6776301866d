"""Richardson extrapolation of the mean energy in the step size."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from llcbench.checks import check_count, set_checked
from llcbench.estimators.mean_energy import nbeta_of, skipped
from llcbench.estimators.temperature_runs import TemperatureRun, run_temperatures
from llcbench.records import Estimate
from llcbench.sampling import sampler_abilities
from llcbench.sampling.jackknife import jackknife
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Problem, RunContext


@final
@dataclass(frozen=True)
class Extrapolated:
    """``llc = 2 llc(eps/2) - llc(eps)``: half of the chains at each step size.

    A sampler of weak order p has the bias ``c eps^p + O(eps^(p+1))``; ``(2^p llc(eps/2) -
    llc(eps)) / (2^p - 1)`` has ``O(eps^(p+1))``. On a quadratic with ``x_i = eps h_i / 4`` the
    factors ``1 / (1 - x_i)`` of Euler-Langevin become ``1 - x_i^2 / 2 + O(x_i^3)``.

    Converges to the tempered mean energy with the number of draws and ``eps^2 -> 0``; temperature,
    localisation and multiplicity act as on the mean energy. Minibatch noise, whose bias is of first
    order too, is removed with the rest.

    Errors: the spread of chains, one of each step size taken as a pair; for equally long chains the
    variance is ``(4 v(eps/2) + v(eps)) / (chains / 2)``, about 18 times that of the plain mean at
    the same cost (half the step has twice the autocorrelation). Burn-in and length are counted in
    steps: the chains with half the step relax half as far. Label noise is counted
    as if both stationary distributions were the target.

    Attributes:
        sampler: A kernel with a ``step_size`` and no Metropolis test.
        settings: Temperature, localisation, an even number of chains, lengths.
        order: Weak order p of the sampler in its step size.

    Source: Talay and Tubaro 1990; Durmus, Simsekli, Moulines, Badeau and Richard 2016 (SGLD).
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    order: int = 1

    def __post_init__(self) -> None:
        set_checked(self, order=check_count("extrapolated", "order", self.order, least=1))

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample with both step sizes and extrapolate."""
        settings = self.settings
        nbeta = nbeta_of(settings, problem.num_data)
        step_size = sampler_abilities.step_size(self.sampler)
        if step_size is None:
            reason = "extrapolated needs a sampler with a step_size"
            return skipped(reason, nbeta, settings)
        if settings.num_chains % 2:
            raise ValueError(
                f"extrapolated needs an even number of chains, got {settings.num_chains}"
            )
        half = sampler_abilities.with_hyperparameters(self.sampler, step_size=step_size / 2)
        chains = settings.num_chains // 2
        kernels = [TemperatureRun(kernel, nbeta, chains) for kernel in (self.sampler, half)]
        runs = run_temperatures(problem, settings, kernels, context)
        if runs.failure is not None:
            return runs.failure
        if any(done.trace.acceptance is not None for done in runs.finished):
            reason = "extrapolated needs a sampler without a Metropolis test, this one has no bias"
            return skipped(f"{reason} to extrapolate", nbeta, settings)
        gain = 2.0**self.order
        weights = nbeta * np.array([-1.0, gain]) / (gain - 1)

        def value(features: NDArray[np.float64]) -> NDArray[np.float64]:
            extrapolated: NDArray[np.float64] = features @ weights
            return extrapolated

        means = np.stack([done.units.mean(1) for done in runs.finished], axis=1)
        return runs.summarise(jackknife(means, value), weights[:, None])
