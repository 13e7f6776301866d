"""Hyper-parameters from diagnostics alone: no truth is looked at, and every gradient counts.

One search space serves all problems. Samplers with a ``step_size`` and no Metropolis test are tried
at half decades of the step, each in a short pilot. Too small a step has not converged and too large
a step is biased; both make the estimate rise with the step. The choice is the lower one of the two
steps between which it changes least (a plateau): a bias of first order is then less than half of
the change. Steps whose chains run away, or whose energy is above d, twice the largest coefficient
that a model of d parameters can have, are refused. Metropolis
samplers find their step by their acceptance; what is chosen for them is the spread of a mixture of
steps, by the R-hat between chains from ``w_star`` and chains from draws of the localisation.
"""

import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from llcbench import registry
from llcbench.records import Value
from llcbench.run.plan import with_grads
from llcbench.run.sizes import check_run
from llcbench.run.tuning.pilots import Pilot, Tuning
from llcbench.sampling.diagnostics import convergence, defect, standard_error
from llcbench.seeds import Seeds
from llcbench.settings import Settings
from llcbench.types import Data, Problem

STEPS = tuple(float(f"{10.0 ** (k / 2):.2g}") for k in range(-14, 3))
SPREADS = (0.0, 1.0, 2.0, 3.0)
PROBE_GRADS = 60
PILOT_GRADS = 400
# A pilot below this share of the stable steps cannot have converged where its neighbour has.
TRIED_BELOW_THE_LIMIT = 6
NOISE = 2.0


def tune(
    problem: str | Problem,
    name: str,
    parameters: dict[str, Value],
    settings: Settings,
    seed: int = 0,
) -> Tuning:
    """Choose the step size, or the spread of steps, of a sampler on a problem.

    Args:
        problem: A problem, or the id of one.
        name: Name of the sampler.
        parameters: Its other hyper-parameters.
        settings: Temperature, localisation, chains and minibatch; lengths are those of pilots.
        seed: Seed of data, minibatches and noise of the pilots; they are not those of any run.

    Raises:
        ValueError: If a name or a value is not admissible, or no pilot stayed finite.
    """
    held = registry.problem(problem) if isinstance(problem, str) else problem
    check_run(held, settings, parameters)
    built = registry.make_sampler(name, dict(parameters))
    whole = registry.parameters_of(built)
    bench = _Bench(held, name, whole, settings, seed)
    reason = bench.declined(built)
    if reason is not None or not {"step_size", "spread"} & set(whole):
        text = reason or "it has neither a step size nor a spread of steps"
        return bench.result("", whole, [], None, f"nothing to tune: {text}")
    if "spread" in whole:
        return bench.by_rhat("spread", SPREADS)
    return bench.by_plateau("step_size", STEPS)


class _Bench:
    """Runs pilots of one sampler on one problem and counts their gradients."""

    def __init__(
        self,
        problem: Problem,
        name: str,
        parameters: dict[str, Value],
        settings: Settings,
        seed: int,
    ) -> None:
        self.problem, self.name, self.parameters = problem, name, parameters
        self.settings = settings
        # Replicate -1: fresh data and minibatches that no scored run sees.
        self.seeds = Seeds(seed, problem.id, -1, name)
        self.data: Data | None = self.problem.sample_data(self.seeds.generator("data"))
        self.grad_evals = 0

    def declined(self, built: Any) -> str | None:
        """Return why the sampler cannot run here, None if it can."""
        from llcbench.estimators.mean_energy import MeanEnergy
        from llcbench.sampling import sampler_abilities

        target = MeanEnergy(built, self.settings).target(self.problem, self.data)
        return sampler_abilities.unsupported(built, target)

    def by_plateau(self, varied: str, values: tuple[float, ...]) -> Tuning:
        """Choose the value at which the estimate changes least."""
        probes = {value: self.pilot(varied, value, PROBE_GRADS) for value in reversed(values)}
        stable = [value for value in values if self._calm(probes[value])]
        if not stable:
            smallest = f"no step down to {values[0]:.0e} works"
            raise ValueError(f"{self.name} on {self.problem.id}: {smallest}")
        pilots = [
            self.pilot(varied, value, PILOT_GRADS) for value in stable[-TRIED_BELOW_THE_LIMIT:]
        ]
        judged = [*(self._rise(a, b) for a, b in pairwise(pilots)), pilots[-1]]
        failed = [probes[value] for value in values if value not in stable]
        return self._best(varied, [*judged, *failed], "the estimate changes least above it")

    def by_rhat(self, varied: str, values: tuple[float, ...]) -> Tuning:
        """Choose the value at which chains from two kinds of starts agree best."""
        grads, why = 2 * PILOT_GRADS, "chains from w_star and from the localisation agree best"
        pilots = [self.pilot(varied, value, grads, dispersed=True) for value in values]
        judged = [msgspec.structs.replace(p, criterion=p.rhat) for p in pilots]
        return self._best(varied, judged, why, grads, len(self._starts(dispersed=True)))

    def pilot(self, varied: str, value: float, grads: int, *, dispersed: bool = False) -> Pilot:
        """Make one short run, or two from both kinds of starts."""
        parameters = {**self.parameters, varied: value}
        settings, parameters = with_grads(self.settings, self.name, parameters, grads)
        traces = []
        for start in self._starts(dispersed):
            trace, nbeta = self._trace(parameters, settings, start)
            if trace.status != "ok":
                return Pilot(value=value, status=trace.status)
            traces.append(nbeta * trace.kept)
        kept = np.concatenate(traces)
        wrong = defect(kept)
        if wrong is not None:
            return Pilot(value=value, status=wrong[0])
        diagnostics = convergence(kept)
        rhat = diagnostics.rhat if math.isfinite(diagnostics.rhat) else None
        return Pilot(
            value=value,
            status="ok" if rhat is not None else "error",
            llc=float(kept.mean()),
            mcse=float(standard_error(kept)),
            rhat=rhat,
            ess=diagnostics.ess_bulk if math.isfinite(diagnostics.ess_bulk) else None,
        )

    def _starts(self, dispersed: bool) -> tuple[bool, ...]:
        """Return whether chains start at draws of the localisation, for every run of a pilot."""
        return (False, True) if dispersed and self.settings.gamma > 0 else (False,)

    def _trace(
        self, parameters: dict[str, Value], settings: Settings, dispersed: bool
    ) -> tuple[Any, float]:
        from llcbench.estimators.mean_energy import MeanEnergy
        from llcbench.sampling.loop import sample

        sampler = registry.make_sampler(self.name, dict(parameters))
        target = MeanEnergy(sampler, settings).target(self.problem, self.data)
        trace = sample(
            target,
            sampler,
            num_draws=settings.num_draws,
            num_burnin=settings.num_burnin,
            noise=self.seeds.generator("noise", target.device),
            batches=self.seeds.generator("batch", target.device),
            dispersed=dispersed,
        )
        self.grad_evals += target.grad_evals
        return trace, target.nbeta

    def _calm(self, pilot: Pilot) -> bool:
        """Return whether the chains stayed where a posterior could be."""
        return pilot.status == "ok" and (pilot.llc or 0.0) <= self.problem.dim

    def _rise(self, here: Pilot, above: Pilot) -> Pilot:
        """Judge a pilot by how far the estimate moves up to the next larger step.

        The change counts relative to the estimate, with twice its error on top: a noisy plateau is
        no better than a slope.
        """
        if here.llc is None or above.llc is None or here.mcse is None or above.mcse is None:
            return here
        if not here.llc > 0 or not self._calm(above):
            return here
        change = abs(above.llc - here.llc) + NOISE * math.hypot(here.mcse, above.mcse)
        return msgspec.structs.replace(here, criterion=change / here.llc)

    def _best(
        self,
        varied: str,
        pilots: list[Pilot],
        why: str,
        grads: int = PILOT_GRADS,
        runs: int = 1,
    ) -> Tuning:
        """Choose the pilot with the smallest criterion, the smallest value among equals.

        Args:
            varied: What was varied.
            pilots: Those that are judged, and those that failed.
            why: The reason, if a criterion decides.
            grads: Gradients of every chain of a pilot.
            runs: Runs of a pilot, each with as many chains as a scored run.
        """
        fit = [p for p in pilots if p.criterion is not None and p.status == "ok"]
        if not fit:
            fit = [msgspec.structs.replace(p, criterion=0.0) for p in pilots if p.status == "ok"]
            why = "it is the smallest that works: no two neighbours could be compared"
        if not fit:
            raise ValueError(f"{self.name} on {self.problem.id}: no {varied} that was tried works")
        best = min(fit, key=lambda p: (p.criterion or 0.0, p.value))
        parameters = {**self.parameters, varied: best.value}
        return self.result(varied, parameters, pilots, self._draws(best, grads, runs), why)

    def _draws(self, pilot: Pilot, grads: int, runs: int) -> int | None:
        """Return the kept steps that give an ESS of 400, in proportion to those of the pilot."""
        if not pilot.ess:
            return None
        settings, _ = with_grads(self.settings, self.name, self.parameters, grads)
        return math.ceil(400 / pilot.ess * runs * settings.num_draws)

    def result(
        self,
        varied: str,
        parameters: dict[str, Value],
        pilots: list[Pilot],
        draws: int | None,
        reason: str,
    ) -> Tuning:
        """Return the record of the choice."""
        return Tuning(
            problem=self.problem.id,
            sampler=self.name,
            varied=varied,
            parameters=parameters,
            pilots=pilots,
            grad_evals=self.grad_evals,
            draws=draws,
            reason=reason,
        )
