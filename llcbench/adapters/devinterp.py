"""devinterp as an estimator: its own loop, minibatches, chains and initial loss.

Source: devinterp 1.3.2, ``estimate_learning_coeff_with_summary``.
"""

import time
import warnings
from dataclasses import dataclass, field
from typing import Any, Literal, final

import msgspec
import numpy as np
import torch

from llcbench.adapters.devinterp_feed import (
    Weights,
    evaluate_of,
    feed_of,
    loader_of,
    unsupported,
)
from llcbench.adapters.devinterp_kernels import DevinterpKernel
from llcbench.adapters.devinterp_moments import MomentCallback
from llcbench.adapters.packages import global_noise, load
from llcbench.checks import check_choice
from llcbench.estimators.corrected import Corrected
from llcbench.estimators.mean_energy import MeanEnergy
from llcbench.records import Estimate, Status
from llcbench.sampling import sampler_abilities
from llcbench.sampling.chains import Trace
from llcbench.sampling.recorder import Recorded
from llcbench.sampling.target import Target
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import DEFAULT_CONTEXT, BudgetExceeded, Problem, RunContext

# None stands in for a sampler where only the names of options are asked for.
KERNELS: tuple[type, ...] = (DevinterpKernel, type(None))


@final
@dataclass(frozen=True)
class Devinterp:
    """Runs devinterp 1 on a problem and reports its number with our diagnostics of its trace.

    Its estimate is ``nbeta (mean loss - initial loss)``; the losses are those of the minibatches
    that the chain is about to step on, in shuffled passes, and the initial loss is the mean of as
    many minibatches as there are chains. With ``baseline = "exact"`` the same trace is compared
    with the loss at ``w_star`` on all data.

    Errors are from the spread of its chains: an error of the initial loss, common to all chains, is
    in none of them. Gradients are counted as ``chains * (burn-in + draws)``; the losses of the
    initial loss come on top.

    Attributes:
        sampler: One of the samplers ``devinterp_*``.
        settings: Temperature, localisation, chains, lengths, batch size, precision; chains start at
            ``w_star``. The feed is that of the package, whatever the settings say.
        baseline: ``own`` for the number that devinterp reports, ``exact`` for the exact loss.
        corrected: Whether the number is multiplied by ``1 - D`` after the run, as the estimator
            `Corrected` does. The package runs as it is either way: its callbacks see the gradient
            of the batch and the weights, from which virial and D are made.
    """

    sampler: DevinterpKernel
    settings: Settings = field(default_factory=Settings)
    baseline: Literal["own", "exact"] = "own"
    corrected: bool = False

    def __post_init__(self) -> None:
        check_choice("devinterp", "baseline", self.baseline, ("own", "exact"))
        if not isinstance(self.sampler, KERNELS):
            name = type(self.sampler).__name__
            raise ValueError(f"estimator devinterp runs the samplers devinterp_*, not {name}")

    def estimate(self, problem: Problem, context: RunContext = DEFAULT_CONTEXT) -> Estimate:
        """Run the package.

        Args:
            problem: What is measured.
            context: Seeds, budget, data and progress. The package cannot stop early, so a run
                beyond the budget has no value; ``on_step`` is called when all chains have ended.

        Returns:
            The estimate; a run that failed has a status and no value.
        """
        seeds = context.seeds_for(problem)
        ours = MeanEnergy(self.sampler, self.settings)
        target = ours.target(problem, context.data_for(problem), context.budget)
        reason = self.sampler.unsupported(target) or unsupported(target) or self._unfit()
        if reason:
            return _without_value(target, "skipped", reason)
        steps = self.settings.num_burnin + self.settings.num_draws
        try:
            target.charge(target.num_chains * steps)
            results, recorded, seconds = self._run(target, seeds)
        except BudgetExceeded as error:
            return _without_value(target, "timeout", str(error))
        except RuntimeError as error:
            if "NaN detected" not in str(error):
                raise
            return _without_value(target, "not_finite", f"devinterp: {error}")
        if context.on_step is not None:
            context.on_step(steps)
        return self._summary(target, results, recorded, seconds, seeds)

    def _unfit(self) -> str | None:
        if self.settings.start != "w_star":
            return f"devinterp starts all chains at w_star, not as start={self.settings.start!r}"
        if self.corrected and sampler_abilities.discretisation(self.sampler) is None:
            name = sampler_abilities.name(self.sampler)
            return f"{name} does not know its discretisation; use corrected=False"
        return None

    def _run(self, target: Target, seeds: Seeds) -> tuple[dict[str, Any], Recorded, float]:
        """Return the results of the package, the moments, and the seconds that it took."""
        recording = MomentCallback(target)
        estimate = load("devinterp.slt.sampler").estimate_learning_coeff_with_summary
        limit = target.budget.seconds
        deadline = None if limit is None else time.monotonic() + limit
        evaluate = evaluate_of(target, self.sampler.localised, deadline)
        started = time.perf_counter()
        with (
            global_noise(seeds.generator("batch")),
            torch.enable_grad(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            results: dict[str, Any] = estimate(
                Weights(target.w_star),
                loader_of(target),
                callbacks=[recording],
                evaluate=evaluate,
                sampling_method=self.sampler.method(),
                optimizer_kwargs=self.sampler.options(target.nbeta, target.gamma),
                num_draws=self.settings.num_draws,
                num_chains=self.settings.num_chains,
                num_burnin_steps=self.settings.num_burnin,
                seed=seeds.number("noise"),
                verbose=False,
            )
        return results, recording.recorded(), time.perf_counter() - started

    def _summary(
        self,
        target: Target,
        results: dict[str, Any],
        recorded: Recorded,
        seconds: float,
        seeds: Seeds,
    ) -> Estimate:
        """Return the estimate of our estimator on its trace, with its baseline or the exact one."""
        losses = results["loss/trace"].astype(np.float64)
        full = target.loss.draw(1, None, torch.Generator())
        loss_star = float(target.loss.baseline(full))
        exact = float(target.nbeta * (losses.mean() - loss_star))
        own = float(results["llc/mean"])
        level = loss_star if self.baseline == "exact" else losses.mean() - own / target.nbeta
        # The losses of the burn-in are not recorded.
        burnin = np.full((len(losses), self.settings.num_burnin), np.nan)
        finite = bool(np.isfinite(losses).all())
        trace = Trace(
            excess=np.hstack([burnin, losses - level]),
            baseline=np.full((1, 1), loss_star),
            loss_star=loss_star,
            num_burnin=self.settings.num_burnin,
            acceptance=None,
            data_se=None,
            status="ok" if finite else "not_finite",
            message="" if finite else "devinterp recorded losses that are not finite",
            seconds_setup=0.0,
            seconds_sampling=seconds,
            recorded=recorded,
        )
        reader = (Corrected if self.corrected else MeanEnergy)(self.sampler, self.settings)
        estimate = reader.summarise(trace, target, seeds)
        beside = exact if self.baseline == "own" else own
        return msgspec.structs.replace(
            estimate, llc_unpaired=beside if finite else None, feed=feed_of(target)
        )


def _without_value(target: Target, status: Status, message: str) -> Estimate:
    return Estimate(
        status=status,
        message=message,
        nbeta=target.nbeta,
        gamma=target.gamma,
        grad_evals=target.grad_evals,
    )
