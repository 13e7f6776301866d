"""The estimator that tunes itself."""

import math
import time
from dataclasses import dataclass, field
from typing import final

import msgspec

from llcbench.checks import check_count, check_positive, set_checked
from llcbench.estimators.corrected import Corrected
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.estimators.self_tuned import constants
from llcbench.estimators.self_tuned.choices import batch_and_budget
from llcbench.estimators.self_tuned.gamma import Chosen, chosen_gamma
from llcbench.estimators.self_tuned.runs import Finished, TunedRuns
from llcbench.estimators.self_tuned.spending import Spending
from llcbench.records import Estimate
from llcbench.sampling.target import AnySampler
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, BudgetExceeded, Problem, RunContext


@final
@dataclass(frozen=True)
class SelfTuned:
    """The tempered mean energy, by a sampler that is chosen and tuned inside the budget.

    On full batches: generalised Hamiltonian Monte Carlo, whose step follows its acceptance, and
    the control variate ``phi = d - r . grad U``, whose mean is 0 under the target, where the
    chains pass the test for it. On minibatches: Leimkuhler-Matthews steps with control-variate
    gradients, whose step follows the measured D below a limit of the stiffest direction, and
    ``E (1 - D_noise)``. Burn-in by the virial; chains that leave the finite numbers start again
    with smaller steps. Everything is counted. All constants are in
    `llcbench.estimators.self_tuned.constants`.

    Converges to the tempered value with the budget; temperature, localisation and multiplicity act
    as on the mean energy, and the guard ``plateau`` says how far they still move it.

    Errors: the spread of chains, with what the correction adds; label noise of the data set. Not
    counted: a basin that no chain has visited.

    Attributes:
        sampler: Not used.
        settings: Temperature, localisation, chains, batch, precision; the sum of its lengths is
            the budget in gradients a chain unless ``max_grads`` is given. Where the data are at
            most 10 times a given batch, full batches are used, at as many gradients of samples.
        max_grads: Gradients a chain, everything counted; None for the lengths of the settings.
        target_stderr: Monte Carlo standard error at which the run ends; None for the budget.
        choose_gamma: Choose gamma on the plateau instead of taking it from the settings.
    """

    sampler: AnySampler | None = None
    settings: Settings = field(default_factory=Settings)
    max_grads: int | None = None
    target_stderr: float | None = None
    choose_gamma: bool = False

    def __post_init__(self) -> None:
        name = "self_tuned"
        if self.max_grads is not None:
            least = constants.LEAST_GRADS
            grads = check_count(name, "max_grads", self.max_grads, least=least)
            set_checked(self, max_grads=grads)
        if self.target_stderr is not None:
            goal = check_positive(name, "target_stderr", self.target_stderr)
            set_checked(self, target_stderr=goal)

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Choose, run and read off.

        Args:
            problem: What is measured.
            context: Seeds, budget, data and progress.

        Returns:
            The estimate; ``method`` says how it was made. A run that failed has a status and no
            value.
        """
        started = time.perf_counter()
        lengths = self.settings.num_burnin + self.settings.num_draws
        batch, grads = batch_and_budget(
            problem.num_data, self.settings.batch_size, self.max_grads or lengths
        )
        settings = msgspec.structs.replace(self.settings, batch_size=batch, gradient="plain")
        spending = Spending(grads, settings.num_chains, context.budget)
        nbeta = nbeta_of(settings, problem.num_data)
        if spending.left < constants.LEAST_GRADS:
            reason = f"self_tuned: {spending.left} gradients a chain are too few"
            text = f"{reason}, at least {constants.LEAST_GRADS} are needed; raise max_grads"
            return Estimate(status="timeout", message=text, nbeta=nbeta, gamma=settings.gamma)
        seeds, data = context.seeds_for(problem), context.data_for(problem)
        runs = TunedRuns(
            problem, data, settings, seeds, spending, self.target_stderr, context.on_step
        )
        try:
            chosen = chosen_gamma(runs) if self.choose_gamma else Chosen(settings.gamma)
            done = runs.run(chosen.gamma, spending.left)
        except BudgetExceeded as error:
            return Estimate(
                status="timeout",
                message=str(error),
                nbeta=nbeta,
                gamma=settings.gamma,
                grad_evals=spending.grad_evals,
                sample_grads=spending.sample_grads,
            )
        answer = self._read(done, runs, chosen)
        setup = max(time.perf_counter() - started - done.trace.seconds_sampling, 0.0)
        return msgspec.structs.replace(answer, seconds_setup=setup)

    def _read(self, done: Finished, runs: TunedRuns, chosen: Chosen) -> Estimate:
        """Return the usual estimate of a run with the mean and the costs of this one."""
        settings = msgspec.structs.replace(runs.settings, gamma=chosen.gamma)
        usual = Corrected(done.sampler, settings).summarise(done.trace, done.target, runs.seeds)
        return msgspec.structs.replace(
            usual,
            grad_evals=runs.spending.grad_evals,
            sample_grads=runs.spending.sample_grads,
            method=self._method(done, runs.spending, chosen, usual) if done.method else "",
        )

    def _method(self, done: Finished, spending: Spending, chosen: Chosen, usual: Estimate) -> str:
        per_chain = -(-spending.grad_evals // done.target.num_chains)
        words = [f"{done.method}, {per_chain} gradients a chain in all"]
        if spending.restarts:
            words.append(f"{spending.restarts} restarts with smaller steps")
        if chosen.words:
            words.append(chosen.words)
            words += moved(usual)
        return "; ".join(words)


def moved(estimate: Estimate) -> list[str]:
    """Return how far the estimate moves when gamma doubles, in words; nothing if not measured."""
    slope, llc = estimate.dllc_dlog_gamma, estimate.llc
    if slope is None or slope.stderr is None or not llc:
        return []
    change, error = (number * math.log(2) / abs(llc) for number in (slope.value, slope.stderr))
    return [f"doubling gamma would move the estimate by {change:+.0%} +- {error:.0%}"]
