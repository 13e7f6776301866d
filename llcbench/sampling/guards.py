"""Checks printed with every estimate: each has a value, a limit and a meaning."""

import math

import numpy as np
import torch

from llcbench.records import Guard, RunStatistic
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import (
    Convergence,
    constant_chains,
    longest_stay,
    mean_error,
    split_half,
)
from llcbench.sampling.minimum import minimum
from llcbench.sampling.moment_guards import guard, moment_guards
from llcbench.sampling.proper import is_proper
from llcbench.sampling.rounding import rounding
from llcbench.sampling.target import AnySampler, Target
from llcbench.sampling.virial import FEWEST, measurement

# A chain that has stayed in one place for this share of its draws knows that place from a few
# visits only.
LONGEST_STAY = 0.05


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
    halves = split_half(kept)
    measured = [
        guard(
            "rhat",
            convergence.rhat,
            "< 1.05",
            convergence.rhat < 1.05,
            "chains disagree: lengthen them",
        ),
        guard(
            "ess_bulk",
            0.0 if math.isnan(convergence.ess_bulk) else convergence.ess_bulk,
            ">= 100",
            convergence.ess_bulk >= 100,
            "too few effective draws for an error bar: lengthen the chains",
        ),
        guard(
            "split_half",
            halves,
            "|z| < 4",
            abs(halves) < 4,
            "the trace still drifts after burn-in: lengthen the burn-in",
        ),
        guard(
            "negative",
            float(kept.mean()),
            "> 0",
            bool(kept.mean() > 0),
            "mean loss below the loss at w_star: w_star is no minimum for this data",
        ),
    ]
    measured += _rare(target, sampler, trace)
    measured.append(rounding(target, trace, rng))
    point = minimum(target, target.nbeta * float(kept.mean()), rng)
    measured += [] if point is None else [point]
    moments = measurement(trace, target, sampler)
    if moments is not None and len(moments.recorded.steps) >= FEWEST:
        llc, error = target.nbeta * float(kept.mean()), target.nbeta * mean_error(kept).stderr
        measured += moment_guards(moments, llc, error, remaining)
    if trace.acceptance is not None:
        stay = longest_stay(kept) / kept.shape[1]
        most = _longest_fair_stay(trace.acceptance, *kept.shape)
        measured += [
            guard(
                "acceptance",
                trace.acceptance,
                ">= 0.1",
                trace.acceptance >= 0.1,
                "almost all proposals are rejected: reduce step_size",
            ),
            guard(
                "stuck",
                stay,
                f"<= {most:.2g}",
                stay <= most,
                "share of the draws that some chain rejected in a row: there is a region that no"
                " step of this size leaves or enters; spread the steps",
            ),
        ]
    return measured


def _rare(target: Target, sampler: AnySampler, trace: Trace) -> list[Guard]:
    """Return the guards that fail among those that nearly every run passes."""
    kept = trace.kept
    still = int(constant_chains(kept).sum())
    adapting = sampler_abilities.adaptation(sampler)
    measured = [
        guard(
            "moving",
            still,
            "<= 0",
            still == 0,
            f"of {len(kept)} chains never left one place: there are no effective draws and no"
            " interval; reduce step_size or lengthen the chains",
        ),
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
        measured.append(
            guard(
                "proper",
                0.0,
                ">= 1",
                is_proper(target.problem),
                "gamma=0, and no proof that exp(-nbeta L) has a finite integral: the estimate may"
                " read how far the chains diffused; set gamma > 0",
            )
        )
    moves = float(np.mean(kept[:, 1:] != kept[:, :-1])) if kept.shape[1] > 1 else 1.0
    if trace.acceptance is None and moves < 1:
        # A step function may reject without saying so.
        stay, most = longest_stay(kept) / kept.shape[1], _longest_fair_stay(moves, *kept.shape)
        measured.append(
            guard(
                "stuck",
                stay,
                f"<= {most:.2g}",
                stay <= most,
                "share of the draws that some chain repeated in a row: its steps are rejected or"
                " vanish in rounding; change step_size or use dtype='float64'",
            )
        )
    return [each for each in measured if not each.passed]


def _longest_fair_stay(acceptance: float, chains: int, draws: int) -> float:
    """Return the share of draws that no chain should stay in one place.

    Were the acceptance the same everywhere, the longest stay would be near ``log(chains draws) /
    -log(1 - acceptance)`` steps, and three times that with probability ``(chains draws)^-2``.
    """
    rejection = min(max(1 - acceptance, 1e-3), 1 - 1e-9)
    longest = math.log(chains * draws) / -math.log(rejection)
    return min(1.0, max(LONGEST_STAY, 3 * longest / draws))
