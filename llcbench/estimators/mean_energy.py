"""The mean-energy estimator."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray

from llcbench.checks import check_choice
from llcbench.intervals import student_quantile
from llcbench.provenance import peak_bytes
from llcbench.records import Estimate, RunStatistic
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import (
    constant_chains,
    convergence,
    defect,
    finite_chains,
    mean_error,
)
from llcbench.sampling.guards import guards
from llcbench.sampling.loop import sample
from llcbench.sampling.target import AnySampler, Target
from llcbench.sampling.virial import measured
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, Budget, Data, Problem, RunContext

# A population loss has no n; its default temperature is that of this many samples.
NOMINAL_DATA = 100_000
LEVEL = 0.9


@final
@dataclass(frozen=True)
class MeanEnergy:
    """``llc = nbeta (E[L_n(w)] - L_n(w*))`` under the tempered, localised posterior.

    The expectation is the average of the loss trace after burn-in. On minibatches the loss at
    ``w*`` on the same batch serves as a control variate: its mean over the data is known, so

    ``L_B(w) - c (L_B(w*) - L_n(w*)) - L_n(w*)``

    has the same expectation for every c and a small variance for c near 1.

    Errors: ``mcse`` counts sampling and minibatches, ``data_se`` the label noise of the one data
    set, ``stderr`` both; none of them counts the discretisation of the sampler, the burn-in or the
    gap between the tempered value and the coefficient.

    Attributes:
        sampler: The kernel.
        settings: Temperature, localisation, chains, lengths, batch size, precision.
        control: ``paired`` (c = 1), ``fitted`` (c by regression) or ``none`` (c = 0).

    Source: Lau, Furman, Wang, Murfet and Wei 2025, definition 2 (temperature of Watanabe 2013).
    """

    sampler: AnySampler
    settings: Settings = field(default_factory=Settings)
    control: Literal["paired", "fitted", "none"] = "paired"

    def __post_init__(self) -> None:
        check_choice("mean_energy", "control", self.control, ("paired", "fitted", "none"))

    @property
    def keeps_checkpoint(self) -> bool:
        """True: a long run writes its checkpoint and continues from it."""
        return True

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Sample and average.

        Args:
            problem: What is measured.
            context: Seeds, budget, data, progress and checkpoint; each has a default.

        Returns:
            The estimate; a run that failed has a status and no value.
        """
        seeds = context.seeds_for(problem)
        target = self.target(problem, context.data_for(problem), context.budget)
        reason = sampler_abilities.unsupported(self.sampler, target)
        if reason:
            return skipped(reason, target.nbeta, self.settings)
        trace = self.sampled(target, seeds, context)
        return self.summarise(trace, target, seeds)

    def sampled(
        self, target: Target, seeds: Seeds, context: RunContext, record_every: int | None = None
    ) -> Trace:
        """Run all chains.

        Args:
            target: What is sampled.
            seeds: Source of all randomness.
            context: Progress and checkpoint.
            record_every: Steps from one record of the moments to the next; None for the default.
        """
        return sample(
            target,
            self.sampler,
            num_draws=self.settings.num_draws,
            num_burnin=self.settings.num_burnin,
            dispersed=self.settings.start == "prior",
            noise=seeds.generator("noise", target.device),
            batches=seeds.generator("batch", target.device),
            on_step=context.on_step,
            checkpoint=context.checkpoint,
            record_every=record_every,
        )

    def target(self, problem: Problem, data: Data | None, budget: Budget | None = None) -> Target:
        """Return the density that is sampled."""
        return target_of(self.settings, problem, data, budget)

    def summarise(
        self,
        trace: Trace,
        target: Target,
        seeds: Seeds,
        remaining: RunStatistic | None = None,
    ) -> Estimate:
        """Turn traces into an estimate with errors, diagnostics and guards.

        Args:
            trace: The traces.
            target: What was sampled.
            seeds: Source of the points at which guards look.
            remaining: Bias that is left, relative to the estimate, where it will be corrected;
                None where it will not.
        """
        kept = self.controlled(trace)
        finite = finite_chains(kept)
        per_chain = target.nbeta * kept[finite].mean(1) if kept.shape[1] else np.empty(0)
        common: dict[str, Any] = {
            "message": trace.message,
            "nbeta": target.nbeta,
            "gamma": target.gamma,
            "loss_star": trace.loss_star,
            "llc_per_chain": [float(value) for value in per_chain],
            "acceptance": trace.acceptance,
            "grad_evals": target.grad_evals,
            "sample_grads": target.sample_grads,
            "seconds_setup": trace.seconds_setup,
            "seconds_sampling": trace.seconds_sampling,
            "peak_bytes": peak_bytes(),
            "feed": None if target.batch_size is None else "independent",
            "dim": target.dim,
        }
        wrong = defect(kept)
        if trace.status in ("not_finite", "diverged") or wrong is not None:
            status, message = wrong or (trace.status, trace.message)
            common["message"] = trace.message or message
            return Estimate(status=trace.status if trace.status != "ok" else status, **common)
        llc = float(per_chain.mean())
        diagnostics = convergence(kept)
        error = mean_error(kept)
        mcse = target.nbeta * error.stderr
        data_se = trace.data_se
        stderr = math.hypot(mcse, data_se or 0.0)
        reach = student_quantile(LEVEL, error.freedom) * stderr
        still = constant_chains(kept).any()
        return Estimate(
            status=trace.status,
            llc=llc,
            mcse=mcse,
            data_se=data_se,
            stderr=stderr,
            # A chain that stays in one place is no draw of the target.
            interval=None if still else (llc - reach, llc + reach),
            ess_bulk=finite_or_none(diagnostics.ess_bulk),
            ess_tail=finite_or_none(diagnostics.ess_tail),
            rhat=finite_or_none(diagnostics.rhat),
            llc_unpaired=self._unpaired(trace, target.nbeta),
            **measured(trace, target, self.sampler),
            guards=guards(
                target,
                self.sampler,
                trace,
                diagnostics,
                seeds.generator("guard", target.device),
                remaining,
            ),
            **common,
        )

    def controlled(self, trace: Trace) -> NDArray[np.float64]:
        """Return the excess after burn-in with the chosen control variate, ``(chains, draws)``."""
        if self.control == "paired" or trace.baseline.size == 1:
            return trace.kept
        shift = trace.baseline[:, trace.num_burnin :] - trace.loss_star
        raw = trace.kept + shift
        if self.control == "none":
            return raw
        variance = float(shift.var())
        weight = float(((raw - raw.mean()) * shift).mean()) / variance if variance > 0 else 1.0
        return raw - weight * shift

    def _unpaired(self, trace: Trace, nbeta: float) -> float | None:
        """Return the estimate with the raw minibatch loss, None on the full batch."""
        if trace.baseline.size == 1:
            return None
        shift = trace.baseline[:, trace.num_burnin :] - trace.loss_star
        return float(nbeta * (trace.kept + shift).mean())


def target_of(
    settings: Settings,
    problem: Problem,
    data: Data | None,
    budget: Budget | None = None,
    *,
    nbeta: float | None = None,
    chains: int | None = None,
    tabulate: bool = False,
) -> Target:
    """Return the density of a run, or that at another temperature or for fewer chains."""
    return Target(
        problem,
        nbeta=nbeta_of(settings, problem.num_data) if nbeta is None else nbeta,
        gamma=settings.gamma,
        num_chains=settings.num_chains if chains is None else chains,
        data=data,
        batch_size=settings.batch_size,
        dtype=getattr(torch, settings.dtype),
        budget=budget or Budget(),
        control_variate=settings.gradient == "control_variate",
        tabulate=tabulate,
        matmul=settings.matmul,
        device=settings.device,
    )


def finite_or_none(value: float) -> float | None:
    """Return a statistic as records hold it: None where it is undefined."""
    return value if math.isfinite(value) else None


def nbeta_of(settings: Settings, num_data: int | None) -> float:
    """Return the temperature of a run: as set, or ``n / log n``."""
    if isinstance(settings.nbeta, float):
        return settings.nbeta
    n = num_data or NOMINAL_DATA
    return n / math.log(n)


def skipped(reason: str, nbeta: float, settings: Settings) -> Estimate:
    """Return the record of a problem that an estimator cannot measure."""
    return Estimate(status="skipped", message=reason, nbeta=nbeta, gamma=settings.gamma)
