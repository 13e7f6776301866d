"""Estimators that need several runs: other temperatures, other step sizes, other statistics."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.jackknife import Figure, split
from llcbench.estimators.mean_energy import LEVEL, target_of
from llcbench.intervals import chain_quantile
from llcbench.problems.squared import label_noise
from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, Guard, Settings, Status
from llcbench.sampling.diagnostics import convergence
from llcbench.sampling.guards import guards
from llcbench.sampling.loop import Trace, sample
from llcbench.sampling.target import AnySampler, Budget, BudgetExceeded, Target
from llcbench.seeds import Seeds
from llcbench.types import Data, Problem

Array = NDArray[np.float64]
FEWEST_DRAWS = 8


class Leg(NamedTuple):
    """One of the runs that an estimator needs.

    Attributes:
        sampler: The kernel.
        nbeta: Inverse temperature.
        num_chains: Chains of this run.
    """

    sampler: AnySampler
    nbeta: float
    num_chains: int


class Finished(NamedTuple):
    """A leg with its target, which counted the cost, its trace and its response to label noise."""

    leg: Leg
    target: Target
    trace: Trace
    response: label_noise.LabelNoise | None

    @property
    def kept(self) -> Array:
        """Excess losses after burn-in, ``(chains, draws)``."""
        return self.trace.kept

    @property
    def units(self) -> Array:
        """Excess losses in nearly independent pieces, ``(units, draws)``: chains, or blocks."""
        return split(self.kept)


@final
@dataclass(frozen=True)
class Legs:
    """What all legs of an estimator left behind.

    Attributes:
        nbeta: Nominal inverse temperature of the estimate.
        gamma: Localisation strength.
        finished: Legs that ran, in order.
        failure: The estimate of a run that cannot give one; None if all legs ended well.
        seeds: Source of all randomness.
    """

    nbeta: float
    gamma: float
    finished: tuple[Finished, ...]
    failure: Estimate | None
    seeds: Seeds

    def summarise(self, figure: Figure, gradient: Array, extra: Sequence[Guard] = ()) -> Estimate:
        """Return the estimate with its interval, worst diagnostics and total cost.

        Args:
            figure: The value with its Monte Carlo error.
            gradient: Its derivative in the means of the features, ``(legs, k)``.
            extra: Guards of the estimator itself.
        """
        data_se = label_noise.standard_error([d.response for d in self.finished], gradient)
        stderr = math.hypot(figure.mcse, data_se or 0.0)
        reach = chain_quantile(LEVEL, figure.units) * stderr
        figures = [convergence(done.kept) for done in self.finished]
        rhats = [f.rhat for f in figures if np.isfinite(f.rhat)]
        found = [
            guards(d.target, d.leg.sampler, d.trace, f, self.seeds.generator("guard"))
            for d, f in zip(self.finished, figures, strict=True)
        ]
        return Estimate(
            status="ok",
            llc=figure.value,
            mcse=figure.mcse,
            data_se=data_se,
            stderr=stderr,
            interval=(figure.value - reach, figure.value + reach),
            llc_per_chain=[float(x) for x in figure.pieces],
            ess_bulk=min(f.ess_bulk for f in figures),
            ess_tail=min(f.ess_tail for f in figures),
            rhat=max(rhats) if rhats else None,
            guards=[*_worst(found), *extra],
            **costs(self.nbeta, self.gamma, self.finished),
        )


def run_legs(
    problem: Problem,
    settings: Settings,
    nbeta: float,
    legs: Sequence[Leg],
    *,
    seeds: Seeds | None,
    budget: Budget | None,
    data: Data | None,
    on_step: Callable[[int], None] | None,
    features: label_noise.Features = label_noise.energy,
) -> Legs:
    """Run all legs on the same data and the same minibatches, each with noise of its own.

    The budget is that of all legs together. The first leg that fails ends the run. ``features`` are
    the functions of the excess loss whose means the estimate is made of.
    """
    seeds = seeds or Seeds(problem=problem.id)
    if data is None:
        data = problem.sample_data(seeds.generator("data"))
    ends = Ends(budget or Budget())
    finished: list[Finished] = []

    def legs_with(status: Status, message: str) -> Legs:
        cost = costs(nbeta, settings.gamma, finished)
        failure = Estimate(status=status, message=message, **cost)
        return Legs(nbeta, settings.gamma, tuple(finished), failure, seeds)

    for number, leg in enumerate(legs):
        target = target_of(
            settings, problem, data, ends.left(finished), nbeta=leg.nbeta, chains=leg.num_chains
        )
        reason = getattr(leg.sampler, "unsupported", lambda _: None)(target)
        if reason:
            return legs_with("skipped", reason)
        response = label_noise.response_of(target, features)
        kernel = leg.sampler
        if response is not None:
            kernel = label_noise.Heard(kernel, response, settings.num_burnin)
        own = seeds if number == 0 else replace(seeds, sampler=f"{seeds.sampler}#{number}")
        try:
            trace = sample(
                target,
                kernel,
                num_draws=settings.num_draws,
                num_burnin=settings.num_burnin,
                dispersed=settings.start == "prior",
                noise=own.generator("noise"),
                batches=seeds.generator("batch"),
                on_step=None if on_step is None else lambda n: on_step(max(n // len(legs), 1)),
            )
        except BudgetExceeded as error:  # a sampler may need gradients before its first step
            return legs_with("timeout", f"{error} in run {number + 1} of {len(legs)}")
        finished.append(Finished(leg, target, trace, response))
        if trace.status != "ok":
            return legs_with(trace.status, f"{trace.message} (run {number + 1} of {len(legs)})")
        if trace.kept.shape[1] < FEWEST_DRAWS:
            return legs_with("error", f"fewer than {FEWEST_DRAWS} draws after burn-in")
    return Legs(nbeta, settings.gamma, tuple(finished), None, seeds)


def costs(nbeta: float, gamma: float, finished: Sequence[Finished]) -> dict[str, Any]:
    """Return what all legs cost, and the settings of the run."""
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
class Ends:
    """What is left of a budget after some legs."""

    def __init__(self, budget: Budget) -> None:
        """Start the clock."""
        self._budget, self._started = budget, time.monotonic()

    def left(self, finished: Sequence[Finished]) -> Budget:
        """Return the budget of the next leg."""
        grads, seconds = self._budget.grad_evals, self._budget.seconds
        if grads is not None:
            grads = max(grads - sum(done.target.grad_evals for done in finished), 0)
        if seconds is not None:
            seconds = max(seconds - (time.monotonic() - self._started), 0.0)
        return Budget(grads, seconds)


def _worst(found: Sequence[Sequence[Guard]]) -> list[Guard]:
    """Return one guard of each name: one that failed, if any did."""
    merged: dict[str, Guard] = {}
    for guard in (guard for group in found for guard in group):
        if guard.name not in merged or (merged[guard.name].passed and not guard.passed):
            merged[guard.name] = guard
    return list(merged.values())
