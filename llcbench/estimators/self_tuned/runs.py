"""One run of the self-tuning estimate: on full batches, or on minibatches."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from llcbench.estimators.mean_energy import target_of
from llcbench.estimators.self_tuned import constants
from llcbench.estimators.self_tuned.adapted import AdaptedSteps
from llcbench.estimators.self_tuned.spending import Spending
from llcbench.estimators.self_tuned.stiffness import stiffness
from llcbench.samplers.ghmc import GHMC
from llcbench.samplers.leimkuhler_matthews import LeimkuhlerMatthews
from llcbench.sampling.chains import Chains, Trace
from llcbench.sampling.correction import corrected
from llcbench.sampling.diagnostics import mean_error
from llcbench.sampling.loop import sample
from llcbench.sampling.recorder import PAIRS
from llcbench.sampling.target import AnySampler, Target
from llcbench.sampling.virial import measurement
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import BudgetExceeded, Data, Problem

Array = NDArray[np.float64]


@final
class Finished(NamedTuple):
    """A run that ended well, or the last one that did not.

    Attributes:
        target: What was sampled.
        trace: Its traces; the draws that do not count are burn-in.
        sampler: The kernel, as it was after the adaptation.
        method: How it was made, one sentence; empty where it failed.
    """

    target: Target
    trace: Trace
    sampler: AnySampler
    method: str


@final
@dataclass(frozen=True)
class TunedRuns:
    """All that the runs of one estimate share.

    Attributes:
        problem: What is measured.
        data: Its data.
        settings: Temperature, chains, batch, precision.
        seeds: Source of all randomness.
        spending: The budget.
        target_stderr: Standard error at which a run ends; None for the whole budget.
        on_step: Called with the number of new steps.
    """

    problem: Problem
    data: Data | None
    settings: Settings
    seeds: Seeds
    spending: Spending
    target_stderr: float | None
    on_step: Callable[[int], None] | None

    def run(self, gamma: float, grads: int, number: int = 0) -> Finished:
        """Make one run; chains that leave the finite numbers start again with smaller steps.

        Args:
            gamma: Localisation.
            grads: Gradients a chain, restarts included.
            number: Number of the run: each has noise of its own.
        """
        end = self.spending.left - grads
        smaller, tries = 1.0, 0
        while True:
            kind = self._minibatch if self.settings.batch_size else self._full
            done = kind(gamma, self.spending.left - end, smaller, f"{number}.{tries}")
            failed = done.trace.status in ("not_finite", "diverged")
            tries += 1
            enough = self.spending.left - end >= constants.LEAST_GRADS
            if not failed or tries > constants.RESTARTS or not enough:
                return done
            self.spending.restarts += 1
            smaller *= constants.SMALLER

    def _target(self, gamma: float, controlled: bool = False) -> Target:
        kind = "control_variate" if controlled else "plain"
        chosen = {"gamma": gamma, "gradient": kind}
        settings = Settings(**{**_fields(self.settings), **chosen})
        budget = self.spending.budget()
        return target_of(settings, self.problem, self.data, budget, tabulate=controlled)

    def _sample(
        self,
        target: Target,
        sampler: AnySampler,
        steps: int,
        burnin: int,
        name: str,
        every: int,
        until: Callable[[Chains], bool],
    ) -> Trace:
        own = replace(self.seeds, sampler=f"{self.seeds.sampler}#{name}")
        try:
            return sample(
                target,
                sampler,
                num_draws=steps - burnin,
                num_burnin=burnin,
                dispersed=self.settings.start == "prior",
                noise=own.generator("noise", target.device),
                batches=self.seeds.generator("batch", target.device),
                on_step=self.on_step,
                record_every=every,
                until=until,
            )
        finally:
            self.spending.add(target)

    def _full(self, gamma: float, grads: int, smaller: float, name: str) -> Finished:
        """Run generalised Hamiltonian Monte Carlo, which adapts itself."""
        target = self._target(gamma)
        # The gradient at the start is the first one.
        steps = grads - 1
        burnin = min(constants.BURNIN, int(constants.BURNIN_SHARE * steps))
        first = constants.FIRST_STEP * smaller
        # A later start of smaller steps stays below what failed.
        kernel = GHMC(step_size=first, adapt=burnin if smaller == 1 else 0)
        seen = _Seen(self.target_stderr, lambda trace: stationary(trace, target, kernel))
        trace = self._sample(target, kernel, steps, burnin, name, 1, seen)
        if trace.status != "ok" or not usable(trace):
            return Finished(target, trace, kernel, "")
        kept = stationary(trace, target, kernel)
        step = math.exp(2 * float(seen.state.log_step)) if seen.state is not None else first
        return Finished(
            target,
            kept.trace,
            kernel,
            f"GHMC on the full batch, eps {step:.3g} (acceptance {trace.acceptance or 0:.2f}),"
            f" error x {kept.gain:.2f} by the control variate; {kept.words()}",
        )

    def _minibatch(self, gamma: float, grads: int, smaller: float, name: str) -> Finished:
        """Run Leimkuhler-Matthews steps, with the gradient's control variate where it pays."""
        # The gradient of all data at w_star that goes with the control variate, in minibatches.
        whole = -(-(self.problem.num_data or 1) // (self.settings.batch_size or 1))
        controlled = whole <= constants.WHOLE_SHARE * grads * self.settings.num_chains
        target = self._target(gamma, controlled)
        rng = self.seeds.generator("guard", target.device)
        try:
            stiffest = stiffness(target, rng, min(constants.ITERATIONS, grads // 20))
            target.charge(whole if controlled else 0)
        except BudgetExceeded:
            self.spending.add(target)
            raise
        largest = smaller * 4 * constants.STIFFEST / (target.nbeta * stiffest + gamma)
        left = grads - -(-target.grad_evals // target.num_chains)
        single = target.tabulated or not controlled
        steps = with_pairs(left if single else left // 2, constants.RECORD_EVERY * PAIRS)
        if steps < constants.LEAST_STEPS:
            self.spending.add(target)
            raise BudgetExceeded(
                f"{grads} gradients a chain leave {max(steps, 0)} steps on minibatches of"
                f" {target.batch_size}, and {constants.LEAST_STEPS} are needed: raise max_grads"
            )
        adapt = min(constants.ADAPTED_STEPS, int(constants.ADAPTED_SHARE * steps))
        share = constants.SHARE * smaller
        kernel = AdaptedSteps(0.1 * largest, largest, share, adapt, constants.WARM)
        burnin = adapt + int(constants.COOLING * adapt)
        every = constants.RECORD_EVERY

        def fixed(chains_state: Any) -> LeimkuhlerMatthews:
            return LeimkuhlerMatthews(math.exp(float(chains_state.log_step)))

        seen = _Seen(self.target_stderr, lambda trace: stationary(trace, target, fixed(seen.state)))
        trace = self._sample(target, kernel, steps, burnin, name, every, seen)
        if trace.status != "ok" or not usable(trace) or seen.state is None:
            return Finished(target, trace, kernel, "")
        final_kernel = fixed(seen.state)
        kept = stationary(trace, target, final_kernel)
        kind = "control-variate" if controlled else "plain"
        return Finished(
            target,
            kept.trace,
            final_kernel,
            f"Leimkuhler-Matthews on minibatches of {target.batch_size} of"
            f" {self.problem.num_data} with {kind} gradients, eps"
            f" {final_kernel.step_size:.3g}, noise of minibatches removed; {kept.words()}",
        )


@final
class Kept(NamedTuple):
    """The part of a run that counts.

    Attributes:
        trace: The traces; what comes before it is burn-in.
        llc: Corrected mean energy.
        mcse: Its error.
        gain: Its error over that of the plain mean.
        z: Drift of the virial over its error.
    """

    trace: Trace
    llc: float
    mcse: float
    gain: float
    z: float

    def words(self) -> str:
        """Return the lengths, and whether the virial is stationary."""
        steps, start = self.trace.excess.shape[1], self.trace.num_burnin
        drifts = "" if abs(self.z) < constants.ZMAX else f", virial drifts (z = {self.z:.1f})"
        return f"{start} steps of burn-in, {steps - start} kept{drifts}"


def stationary(trace: Trace, target: Target, sampler: AnySampler) -> Kept:
    """Return a run from where the drift of its virial is within its error on.

    One that drifts throughout is returned from the latest place that is tried.
    """
    for kept in later(trace):
        moments = measurement(kept, target, sampler)
        drift = None if moments is None else moments.drift()
        z = drift.value / drift.stderr if drift is not None and drift.stderr else 0.0
        if abs(z) < constants.ZMAX:
            break
    energy = target.nbeta * kept.kept
    plain = mean_error(energy).stderr
    found = "" if moments is None else corrected(energy, moments)
    if isinstance(found, str):
        return Kept(kept, float(energy.mean()), plain, 1.0, z)
    error = found.error.stderr
    return Kept(kept, found.llc, error, error / plain if plain > 0 else 1.0, z)


def later(trace: Trace) -> list[Trace]:
    """Return a trace with more and more of its draws counted as burn-in."""
    draws = trace.excess.shape[1] - trace.num_burnin
    starts = [trace.num_burnin + int(share * draws) for share in constants.DROPPED]
    return [replace(trace, num_burnin=start) for start in starts]


def with_pairs(grads: int, period: int) -> int:
    """Return how many steps leave room for a pair of half batches at the first of each period."""
    return grads - -(-grads // (period + 1))


def usable(trace: Trace) -> bool:
    """Return whether the kept draws are finite numbers, and enough of them."""
    kept = trace.kept
    return kept.shape[1] >= 8 and bool(np.isfinite(kept).all())


@final
class _Seen:
    """Keeps the state of the sampler at every check, and ends a run whose error is small enough."""

    def __init__(self, goal: float | None, read: Callable[[Trace], Kept]) -> None:
        self.state: Any = None
        self._goal, self._read = goal, read

    def __call__(self, chains: Chains) -> bool:
        self.state = chains.state
        if self._goal is None or chains.done == chains.steps:
            return False
        trace = chains.trace("ok", "", 0.0, 0.0)
        if trace.kept.shape[1] < constants.FEWEST_KEPT or not usable(trace):
            return False
        return self._read(trace).mcse <= self._goal


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}
