"""Richardson extrapolation of the mean energy in the step size."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.jackknife import jackknife
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.options import require_whole, skipped
from llcbench.estimators.temperature_runs import Leg, run_legs
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import Budget, Data, Problem


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
    as if both laws were the target.

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
        require_whole("extrapolated", "order", self.order, 1)

    def estimate(
        self,
        problem: Problem,
        *,
        seeds: Seeds | None = None,
        budget: Budget | None = None,
        data: Data | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> Estimate:
        """Sample with both step sizes and extrapolate; arguments as in `MeanEnergy`."""
        settings = self.settings
        nbeta = nbeta_of(settings, problem.num_data)
        step_size = step_size_of(self.sampler)
        if step_size is None:
            reason = "extrapolated needs a sampler with a step_size"
            return skipped(reason, nbeta, settings)
        if settings.num_chains % 2:
            raise ValueError(
                f"extrapolated needs an even number of chains, got {settings.num_chains}"
            )
        half = with_step_size(self.sampler, step_size / 2)
        legs = run_legs(
            problem,
            settings,
            nbeta,
            [Leg(kernel, nbeta, settings.num_chains // 2) for kernel in (self.sampler, half)],
            seeds=seeds,
            budget=budget,
            data=data,
            on_step=on_step,
        )
        if legs.failure is not None:
            return legs.failure
        if any(done.trace.acceptance is not None for done in legs.finished):
            reason = "extrapolated needs a sampler without a Metropolis test, this one has no bias"
            return skipped(f"{reason} to extrapolate", nbeta, settings)
        gain = 2.0**self.order
        weights = nbeta * np.array([-1.0, gain]) / (gain - 1)

        def value(features: NDArray[np.float64]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = features @ weights
            return found

        means = np.stack([done.units.mean(1) for done in legs.finished], axis=1)
        return legs.summarise(jackknife(means, value), weights[:, None])


def step_size_of(sampler: Any) -> float | None:
    """Return the step size of a sampler, a function sampler included; None without one."""
    found = getattr(sampler, "step_size", getattr(sampler, "parameters", {}).get("step_size"))
    return None if found is None else float(found)


def with_step_size(sampler: Any, step_size: float) -> Any:
    """Return the same sampler with another step size."""
    if any(option.name == "step_size" for option in fields(sampler)):
        return replace(sampler, step_size=step_size)
    return replace(sampler, parameters=sampler.parameters | {"step_size": step_size})
