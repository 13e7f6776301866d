"""Checks printed with every estimate: each has a value, a limit and a meaning."""

import math

import numpy as np
import torch

from llcbench.records import Guard
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import (
    Convergence,
    constant_chains,
    longest_stay,
    split_half,
)
from llcbench.sampling.loss_abilities import noisy_labels
from llcbench.sampling.proper import is_proper
from llcbench.sampling.rounding import in_double, rounding
from llcbench.sampling.target import AnySampler, Target

# A chain that has stayed in one place for this share of its draws knows that place from a few
# visits only.
LONGEST_STAY = 0.05
# Above so many parameters the curvature is not computed in double precision on the full data.
LARGE = 2**22
# Nor where one gradient of a network on all samples takes more than this: parameters times samples.
SLOW = 2**27


def guards(
    target: Target,
    sampler: AnySampler,
    trace: Trace,
    convergence: Convergence,
    rng: torch.Generator,
) -> list[Guard]:
    """Return the guards of a finished run.

    Langevin samplers without a Metropolis test also get the two products that decide whether the
    chain has felt its localisation and whether its step is stable. Conditions that nearly every run
    meets (`_rare`) are listed only where one is not met.
    """
    kept = trace.kept
    halves = split_half(kept)
    measured = [
        _guard(
            "rhat",
            convergence.rhat,
            "< 1.05",
            convergence.rhat < 1.05,
            "chains disagree: lengthen them",
        ),
        _guard(
            "ess_bulk",
            0.0 if math.isnan(convergence.ess_bulk) else convergence.ess_bulk,
            ">= 100",
            convergence.ess_bulk >= 100,
            "too few effective draws for an error bar: lengthen the chains",
        ),
        _guard(
            "split_half",
            halves,
            "|z| < 4",
            abs(halves) < 4,
            "the trace still drifts after burn-in: lengthen the burn-in",
        ),
        _guard(
            "negative",
            float(kept.mean()),
            "> 0",
            bool(kept.mean() > 0),
            "mean loss below the loss at w_star: w_star is no minimum for this data",
        ),
    ]
    measured += _rare(target, sampler, trace)
    step_size = sampler_abilities.step_size(sampler)
    own_units = sampler_abilities.preconditioned(sampler)
    if step_size is not None and trace.acceptance is None and not own_units:
        measured += _langevin(target, step_size, trace.excess.shape[1], rng)
    measured.append(rounding(target, trace, rng))
    if trace.acceptance is not None:
        stay = longest_stay(kept) / kept.shape[1]
        most = _longest_fair_stay(trace.acceptance, *kept.shape)
        measured += [
            _guard(
                "acceptance",
                trace.acceptance,
                ">= 0.1",
                trace.acceptance >= 0.1,
                "almost all proposals are rejected: reduce step_size",
            ),
            _guard(
                "stuck",
                stay,
                f"<= {most:.2g}",
                stay <= most,
                "share of the draws that some chain rejected in a row: there is a region that no"
                " step of this size leaves or enters; spread the steps",
            ),
        ]
    return measured


def largest_curvature(target: Target, rng: torch.Generator, iterations: int = 30) -> float:
    """Return the largest Hessian eigenvalue of the loss at ``w_star``.

    Power iteration on differences of the gradient, which needs no second derivatives: on the full
    data in double precision, or in the run's own precision on one of its batches where that is
    too much.
    """
    samples = target.problem.num_data or 1 if target.loss.autograd else 1
    large = target.dim > LARGE or target.dim * samples > SLOW
    loss = None if large else in_double(target)
    if loss is None:
        return _curvature_of_a_batch(target, rng)
    start = target.w_star.double().unsqueeze(0)
    batch = loss.draw(1, None, rng)
    direction = torch.randn(start.shape, generator=rng, dtype=torch.float64)
    width = 1e-4
    value = 0.0
    for _ in range(iterations):
        direction = direction / direction.norm()
        _, ahead = loss.excess_and_grad(start + width * direction, batch)
        _, behind = loss.excess_and_grad(start - width * direction, batch)
        direction = (ahead - behind) / (2 * width)
        value = float(direction.norm())
        if not value > 0:
            return 0.0
    return value


def _curvature_of_a_batch(target: Target, rng: torch.Generator, iterations: int = 20) -> float:
    """Return the largest eigenvalue on one batch; two copies of the parameters are alive."""
    target.release()
    star, width, value = target.w_star.unsqueeze(0), 1e-2, 1.0
    batch = target.loss.draw(1, target.batch_size, rng)
    noisy = target.data is not None and noisy_labels(target.loss)
    rest = target.loss.excess_and_grad(star, batch)[1] if noisy else None
    slope = torch.randn(star.shape, generator=rng, dtype=star.dtype)
    value = float(slope.norm())
    for _ in range(iterations):
        point = torch.add(star, slope, alpha=width / value)
        del slope
        slope = target.loss.excess_and_grad(point, batch)[1]
        if rest is not None:
            slope.sub_(rest)
        slope.div_(width)
        value = float(slope.norm())
        if not value > 0:
            return 0.0
    return value


def _langevin(target: Target, step_size: float, steps: int, rng: torch.Generator) -> list[Guard]:
    felt = step_size * target.gamma * steps / 2
    stable = step_size * target.nbeta * largest_curvature(target, rng) / 2
    return [
        _guard(
            "localisation_felt",
            felt,
            ">= 1",
            felt >= 1,
            "step_size * gamma * steps / 2: the chain has not felt its localisation, the"
            " estimate reads how far it diffused",
        ),
        _guard(
            "stability",
            stable,
            "<= 0.2",
            stable <= 0.2,
            "step_size * nbeta * largest curvature / 2: discretisation bias of 10 % and more",
        ),
    ]


def _rare(target: Target, sampler: AnySampler, trace: Trace) -> list[Guard]:
    """Return the guards that fail among those that nearly every run passes."""
    kept = trace.kept
    still = int(constant_chains(kept).sum())
    adapting = sampler_abilities.adaptation(sampler)
    measured = [
        _guard(
            "moving",
            still,
            "<= 0",
            still == 0,
            f"of {len(kept)} chains never left one place: there are no effective draws and no"
            " interval; reduce step_size or lengthen the chains",
        ),
        _guard(
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
            _guard(
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
            _guard(
                "stuck",
                stay,
                f"<= {most:.2g}",
                stay <= most,
                "share of the draws that some chain repeated in a row: its steps are rejected or"
                " vanish in rounding; change step_size or use dtype='float64'",
            )
        )
    return [guard for guard in measured if not guard.passed]


def _longest_fair_stay(acceptance: float, chains: int, draws: int) -> float:
    """Return the share of draws that no chain should stay in one place.

    Were the acceptance the same everywhere, the longest stay would be near ``log(chains draws) /
    -log(1 - acceptance)`` steps, and three times that with probability ``(chains draws)^-2``.
    """
    rejection = min(max(1 - acceptance, 1e-3), 1 - 1e-9)
    longest = math.log(chains * draws) / -math.log(rejection)
    return min(1.0, max(LONGEST_STAY, 3 * longest / draws))


def _guard(name: str, value: float, limit: str, passed: bool, meaning: str) -> Guard:
    finite = float(value) if math.isfinite(value) else float(np.finfo(float).max)
    return Guard(name=name, value=finite, limit=limit, passed=bool(passed), meaning=meaning)
