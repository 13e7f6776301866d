"""Checks printed with every estimate: each has a value, a limit and a meaning."""

import torch

from llcbench.records import Guard, RunStatistic
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import Convergence, mean_error
from llcbench.sampling.minimum import minimum
from llcbench.sampling.moment_guards import guard, moment_guards
from llcbench.sampling.proper import is_proper
from llcbench.sampling.rounding import rounding
from llcbench.sampling.target import AnySampler, Target
from llcbench.sampling.trace_guards import (
    moving,
    proper,
    stuck,
    trace_guards,
    unsaid_rejections,
)
from llcbench.sampling.virial import FEWEST, measurement


def guards(
    target: Target,
    sampler: AnySampler,
    trace: Trace,
    convergence: Convergence,
    rng: torch.Generator,
    remaining: RunStatistic | None = None,
) -> list[Guard]:
    """Return the guards of a finished run.

    Two of them, ``plateau`` and ``minimum``, speak of the setting and of the point and not of the
    sampler (`llcbench.records.SETTING_GUARDS`): `Estimate.converged` leaves them aside. Those of
    `moment_guards` are listed where the run recorded enough moments. Conditions that
    nearly every run meets (`_rare`) are listed only where one is not met.

    Args:
        target: What was sampled.
        sampler: By what.
        trace: The traces.
        convergence: Statistics of their losses.
        rng: Source of the points at which rounding is measured.
        remaining: Bias that an estimator predicts after its correction, relative to the estimate;
            None for one that corrects nothing.
    """
    target.release()
    kept = trace.kept
    measured = trace_guards(kept, convergence)
    measured += _rare(target, sampler, trace)
    measured.append(rounding(target, trace, rng))
    llc, error = target.nbeta * float(kept.mean()), target.nbeta * mean_error(kept).stderr
    point = minimum(target, llc, rng, error)
    measured += [] if point is None else [point]
    moments = measurement(trace, target, sampler)
    if moments is not None and len(moments.recorded.steps) >= FEWEST:
        measured += moment_guards(moments, llc, error, remaining)
    if trace.acceptance is not None:
        measured += [
            guard(
                "acceptance",
                trace.acceptance,
                ">= 0.1",
                trace.acceptance >= 0.1,
                "almost all proposals are rejected: reduce step_size",
            ),
            stuck(
                kept,
                trace.acceptance,
                "share of the draws that some chain rejected in a row: there is a region that no"
                " step of this size leaves or enters; spread the steps",
            ),
        ]
    return measured


def _rare(target: Target, sampler: AnySampler, trace: Trace) -> list[Guard]:
    """Return the guards that fail among those that nearly every run passes."""
    kept = trace.kept
    adapting = sampler_abilities.adaptation(sampler)
    measured = [
        moving(kept),
        guard(
            "adaptation",
            adapting,
            f"<= {trace.num_burnin}",
            adapting <= trace.num_burnin,
            f"steps of adaptation; it was ended with the burn-in after {trace.num_burnin}: raise"
            " num_burnin or reduce adapt",
        ),
    ]
    if target.gamma == 0:
        measured.append(proper(is_proper(target.problem)))
    if trace.acceptance is None:
        # A step function may reject without saying so.
        measured += unsaid_rejections(kept)
    return [each for each in measured if not each.passed]
