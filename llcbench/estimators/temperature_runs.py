"""Estimators that need several runs: other temperatures, other step sizes, other statistics."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.mean_energy import (
    LEVEL,
    finite_or_none,
    nbeta_of,
    skipped,
    target_of,
)
from llcbench.intervals import student_quantile
from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard, Status
from llcbench.sampling import label_noise, sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import constant_chains, convergence, defect
from llcbench.sampling.guards import guards
from llcbench.sampling.jackknife import Statistic, error_of, split
from llcbench.sampling.label_noise_error import standard_error
from llcbench.sampling.loop import sample
from llcbench.sampling.target import AnySampler, Target
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import Budget, BudgetExceeded, Problem, RunContext

Array = NDArray[np.float64]


class TemperatureRun(NamedTuple):
    """One of the runs that an estimator needs.

    Attributes:
        sampler: The kernel.
        nbeta: Inverse temperature.
        num_chains: Chains of this run.
    """

    sampler: AnySampler
    nbeta: float
    num_chains: int


class FinishedRun(NamedTuple):
    """A run with its target, which counted the cost, its trace and its response to label noise."""

    run: TemperatureRun
    target: Target
    trace: Trace
    response: label_noise.LabelNoise | None

    @property
    def kept(self) -> Array:
        """Excess losses after burn-in, ``(chains, draws)``."""
        return self.trace.kept

    @property
    def units(self) -> Array:
        """Excess losses of nearly independent units, ``(units, draws)``: chains, or blocks."""
        return split(self.kept)


@final
@dataclass(frozen=True)
class TemperatureRuns:
    """The results of all runs of an estimator.

    Attributes:
        nbeta: Nominal inverse temperature of the estimate.
        gamma: Localisation strength.
        finished: Runs that were made, in order.
        failure: The estimate where none can be given; None if all runs ended well.
        seeds: Source of all randomness.
    """

    nbeta: float
    gamma: float
    finished: tuple[FinishedRun, ...]
    failure: Estimate | None
    seeds: Seeds

    def summarise(
        self,
        statistic: Statistic,
        gradient: Array,
        curvature: Array | None = None,
        extra: Sequence[Guard] = (),
    ) -> Estimate:
        """Return the estimate with its interval, worst diagnostics and total cost.

        Args:
            statistic: The value with its Monte Carlo error.
            gradient: Its derivative in the means of the features, ``(runs, k)``.
            curvature: Its second derivative, ``(runs k, runs k)``; None where it is 0.
            extra: Guards of the estimator itself.
        """
        responses = [done.response for done in self.finished]
        data_se = standard_error(responses, gradient, curvature)
        mcse, freedom = error_of(statistic, len(self.finished[0].kept))
        if not 0 < mcse < math.inf:
            return Estimate(
                status="error",
                message="all units of the runs give one value: no error",
                **costs(self.nbeta, self.gamma, self.finished),
            )
        stderr = math.hypot(mcse, data_se or 0.0)
        reach = student_quantile(LEVEL, freedom) * stderr
        still = any(constant_chains(done.kept).any() for done in self.finished)
        interval = (statistic.value - reach, statistic.value + reach)
        diagnostics = [convergence(done.kept) for done in self.finished]
        rhats = [each.rhat for each in diagnostics if np.isfinite(each.rhat)]
        checked = [
            guards(
                done.target,
                done.run.sampler,
                done.trace,
                each,
                self.seeds.generator("guard", done.target.device),
            )
            for done, each in zip(self.finished, diagnostics, strict=True)
        ]
        return Estimate(
            status="ok",
            llc=statistic.value,
            mcse=mcse,
            data_se=data_se,
            stderr=stderr,
            interval=None if still else interval,
            llc_per_chain=[float(x) for x in statistic.unit_values],
            # One that is undefined is not the largest: numpy's minimum keeps it, Python's may not.
            ess_bulk=finite_or_none(float(np.min([each.ess_bulk for each in diagnostics]))),
            ess_tail=finite_or_none(float(np.min([each.ess_tail for each in diagnostics]))),
            rhat=max(rhats) if rhats else None,
            guards=[*_worst(checked), *extra],
            **costs(self.nbeta, self.gamma, self.finished),
        )


def run_temperatures(
    problem: Problem,
    settings: Settings,
    runs: Sequence[TemperatureRun],
    context: RunContext,
    *,
    features: label_noise.Features = label_noise.energy,
) -> TemperatureRuns:
    """Make all runs on the same data and the same minibatches, each with noise of its own.

    The budget of the context is that of all runs together. The first run that fails ends them.

    Args:
        problem: What is measured.
        settings: Localisation, lengths, minibatches; the nominal temperature.
        runs: Temperatures and kernels.
        context: Seeds, budget and data.
        features: Functions of the excess loss whose means the estimate is made of.
    """
    nbeta = nbeta_of(settings, problem.num_data)
    seeds, data = context.seeds_for(problem), context.data_for(problem)
    budget, on_step = RemainingBudget(context.budget), context.on_step
    finished: list[FinishedRun] = []

    def failed(status: Status, message: str) -> TemperatureRuns:
        cost = costs(nbeta, settings.gamma, finished)
        failure = Estimate(status=status, message=message, **cost)
        return TemperatureRuns(nbeta, settings.gamma, tuple(finished), failure, seeds)

    for number, run in enumerate(runs):
        target = target_of(
            settings, problem, data, budget.after(finished), nbeta=run.nbeta, chains=run.num_chains
        )
        reason = sampler_abilities.unsupported(run.sampler, target)
        if reason:
            return failed("skipped", reason)
        response = label_noise.label_noise_of(target, features, dense=True)
        kernel = run.sampler
        if response is not None:
            kernel = label_noise.RecordingSampler(kernel, response, settings.num_burnin)
        own = seeds if number == 0 else replace(seeds, sampler=f"{seeds.sampler}#{number}")
        try:
            trace = sample(
                target,
                kernel,
                num_draws=settings.num_draws,
                num_burnin=settings.num_burnin,
                dispersed=settings.start == "prior",
                noise=own.generator("noise", target.device),
                batches=seeds.generator("batch", target.device),
                on_step=None if on_step is None else lambda n: on_step(max(n // len(runs), 1)),
            )
        except BudgetExceeded as error:  # a sampler may need gradients before its first step
            return failed("timeout", f"{error} in run {number + 1} of {len(runs)}")
        finished.append(FinishedRun(run, target, trace, response))
        if trace.status != "ok":
            return failed(trace.status, f"{trace.message} (run {number + 1} of {len(runs)})")
        wrong = defect(trace.kept)
        if wrong is not None:
            status, message = wrong
            return failed(status, f"{message} (run {number + 1} of {len(runs)})")
    return TemperatureRuns(nbeta, settings.gamma, tuple(finished), None, seeds)


def run_full_batch(
    problem: Problem,
    sampler: AnySampler,
    settings: Settings,
    context: RunContext,
    features: label_noise.Features,
    *,
    why: str,
) -> TemperatureRuns:
    """Make one run at the nominal temperature for statistics that minibatch noise would spoil.

    Args:
        problem: What is measured.
        sampler: The kernel.
        settings: How it is run; with minibatches the runs are a failure that says why.
        context: Seeds, budget and data.
        features: Functions of the excess loss whose means the estimate is made of.
        why: What needs the full batch, and why.
    """
    nbeta = nbeta_of(settings, problem.num_data)
    if settings.batch_size is not None:
        failure = skipped(f"{why}; drop batch_size", nbeta, settings)
        return TemperatureRuns(nbeta, settings.gamma, (), failure, context.seeds_for(problem))
    runs = [TemperatureRun(sampler, nbeta, settings.num_chains)]
    return run_temperatures(problem, settings, runs, context, features=features)


def costs(nbeta: float, gamma: float, finished: Sequence[FinishedRun]) -> dict[str, Any]:
    """Return what all runs cost, and their settings."""
    traces = [done.trace for done in finished]
    rates = [t.acceptance for t in traces if t.acceptance is not None]
    return {
        "nbeta": nbeta,
        "gamma": gamma,
        "loss_star": traces[0].loss_star if traces else None,
        "acceptance": min(rates) if rates else None,
        "grad_evals": sum(done.target.grad_evals for done in finished),
        "sample_grads": sum(done.target.sample_grads for done in finished),
        "seconds_setup": sum(t.seconds_setup for t in traces),
        "seconds_sampling": sum(t.seconds_sampling for t in traces),
        "peak_bytes": peak_bytes(),
        "feed": "independent" if any(done.target.batch_size for done in finished) else None,
    }


@final
class RemainingBudget:
    """The rest of a budget after some runs."""

    def __init__(self, budget: Budget) -> None:
        """Start the clock."""
        self._budget, self._started = budget, time.monotonic()

    def after(self, finished: Sequence[FinishedRun]) -> Budget:
        """Return the budget of the next run."""
        grads, seconds = self._budget.grad_evals, self._budget.seconds
        if grads is not None:
            grads = max(grads - sum(done.target.grad_evals for done in finished), 0)
        if seconds is not None:
            seconds = max(seconds - (time.monotonic() - self._started), 0.0)
        return Budget(grads, seconds)


def _worst(checked: Sequence[Sequence[Guard]]) -> list[Guard]:
    """Return one guard of each name: one that failed, if any did."""
    merged: dict[str, Guard] = {}
    for guard in (guard for group in checked for guard in group):
        if guard.name not in merged or (merged[guard.name].passed and not guard.passed):
            merged[guard.name] = guard
    return list(merged.values())
