"""How often gates ring: on right samplers, where they should not, and on wrong ones.

A trial runs the chains of many verdicts at once, and hands each verdict its own: the records, the
scores and the judgement are those of `llc_gate` and `check_sampler`. Right samplers are judged at
false alarms of 5 % and 1 %, where a thousand verdicts measure the rate, and wrong ones at what a
session allows by default.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import wrong_samplers as wrong
from chains import Array, Case, chains_of, tempered
from experiment import Experiment, Outcome

import llcbench
from llcbench import MALA, SGLD, Exact, Gibbs, Seeds, Settings
from llcbench.intervals import normal_quantile, student_quantile
from llcbench.records import Estimate, ExactValue, RunRecord, Spec, TemperedTruth, Truths
from llcbench.sampling.diagnostics import mean_error
from llcbench.sampling.target import AnySampler, Target
from llcbench.scoring import scores
from llcbench.testing.conformance import distributions, fixtures
from llcbench.testing.conformance.fixtures import NotConforming
from llcbench.testing.gate import judge
from llcbench.testing.given import judge_number
from llcbench.testing.session import Session
from llcbench.testing.subjects import OPTIONS
from llcbench.types import Draw

ALARMS = (0.05, 0.01)
# Of one gate in a session that is configured in no way.
DEFAULT = Session.false_alarm / Session.gates
# Verdicts of a trial, for each row.
VERDICTS = 20
REPLICATES = 3
DRAWS = 200


# With data every replicate has its own.
NULL = (
    Case("exact", "poly/x2y2", Exact(), 1e4, 1.0, 1, DRAWS),
    Case("mala", "regular/d5", MALA(step_size=1e-3, adapt=0), 1e3, 10.0, 200, DRAWS),
    Case("mala, data", "regular/d3/n500", MALA(step_size=4e-3, adapt=0), 80.0, 10.0, 200, DRAWS),
)
# Chains of a run and replicates of a score.
SHAPES = ((16, REPLICATES), (4, REPLICATES), (4, 1), (2, REPLICATES), (1, 4))


@dataclass(frozen=True)
class Wandering:
    """Exact steps of the Ornstein-Uhlenbeck process of a diagonal quadratic, or wrong ones.

    The stationary variance is ``noise^2 / (nbeta c_i + gamma)`` at any step: whatever differs from
    the target is the fault, none of it the step.

    Attributes:
        noise: Factor of the noise.
        nbeta: Factor of the inverse temperature.
        gamma: Factor of the localisation.
        kept: Correlation of a step with the one before.
    """

    noise: float = 1.0
    nbeta: float = 1.0
    gamma: float = 1.0
    kept: float = 0.5

    def init(self, theta: torch.Tensor, target: Target, rng: torch.Generator) -> Any:
        """Read the curvatures off a gradient."""
        _, slope = target.loss_and_grad(theta + 1.0)
        precision = self.nbeta * target.nbeta * slope + self.gamma * target.gamma
        return theta, precision.rsqrt()

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        """Forget a part and draw it anew."""
        theta, scale = state
        xi = torch.empty_like(theta).normal_(generator=rng)
        fresh = self.noise * math.sqrt(1 - self.kept**2) * scale * xi
        theta = target.w_star + self.kept * (theta - target.w_star) + fresh
        return (theta, scale), Draw(theta, target.energy(theta)[1])


FAULTS: dict[str, dict[str, float]] = {
    "nothing wrong": {},
    "noise x 1.01": {"noise": 1.01},
    "noise x 1.03": {"noise": 1.03},
    "noise x 1.1": {"noise": 1.1},
    "noise x 1.3": {"noise": 1.3},
    "gamma dropped": {"gamma": 0.0},
    "nbeta x 2": {"nbeta": 2.0},
}


def energies(case: Case, index: int, count: int, part: int = 0) -> tuple[Array, TemperedTruth]:
    """Return the energies of many chains, and what a perfect sampler returns."""
    chains = chains_of(case, Seeds(1801, case.name, 10 * index + part), count)
    truth = tempered(case, chains.data)
    held = TemperedTruth(value=truth.value, stderr=truth.stderr, method="", certified=True)
    return chains.energies, held


def record(case: Case, replicate: int, traces: Array, truth: TemperedTruth) -> RunRecord:
    """Return the record of a run with these traces, as the mean energy makes it."""
    per_chain, error = traces.mean(1), mean_error(traces)
    llc = float(per_chain.mean())
    reach = student_quantile(0.9, error.freedom) * error.stderr
    settings = Settings(
        nbeta=case.nbeta, gamma=case.gamma, num_chains=len(traces), num_draws=case.draws,
        num_burnin=case.burnin,
    )  # fmt: skip
    spec = Spec(
        problem=case.problem, problem_version=1, estimator="mean_energy", sampler="exact",
        parameters={}, settings=settings, seed=0, replicate=replicate,
    )  # fmt: skip
    estimate = Estimate(
        status="ok", llc=llc, mcse=error.stderr, stderr=error.stderr,
        interval=(llc - reach, llc + reach), llc_per_chain=[float(v) for v in per_chain],
        nbeta=case.nbeta, gamma=case.gamma,
    )  # fmt: skip
    exact = ExactValue(value="1", multiplicity=1, source="")
    truths = Truths(local=exact, global_=exact, tempered=truth)
    return RunRecord(key="", spec=spec, truths=truths, estimate=estimate, environment="")


def rings(records: Sequence[RunRecord], false_alarm: float) -> bool:
    """Return whether the gate rings on the score of some runs."""
    (score,) = scores(records)
    return not judge(score, list(records), "tempered", "rates", false_alarm=false_alarm).passed


def right(case: Case, index: int) -> Iterator[Outcome]:
    """Yield verdicts on a right sampler; with data every replicate of a score has its own."""
    most = max(replicates for _, replicates in SHAPES)
    parts = [energies(case, index, 16 * VERDICTS, part) for part in range(most)]
    for chains, replicates in SHAPES:
        for verdict in range(VERDICTS):
            rows = slice(16 * verdict, 16 * verdict + chains)
            records = [
                record(case, r, traces[rows], truth)
                for r, (traces, truth) in enumerate(parts[:replicates])
            ]
            for alarm in ALARMS:
                row = f"llc_gate at {alarm:.0%}, {case.name}, {chains} x {replicates} chains"
                yield Outcome(f"{row}: rings", rings(records, alarm))


def faulty(index: int, _: Path) -> list[Outcome]:
    """Judge wrong samplers by the budget that a gate has unless a test gives another."""
    chains, outcomes = int(OPTIONS["num_chains"]), []
    for name, factors in FAULTS.items():
        case = Case(
            name, "regular/d5", Wandering(**factors), 1e3, 100.0,
            burnin=int(OPTIONS["num_burnin"]), draws=int(OPTIONS["num_draws"]),
        )  # fmt: skip
        traces, truth = energies(case, index, chains * REPLICATES * VERDICTS)
        for group in np.split(traces, VERDICTS):
            runs = np.split(group, REPLICATES)
            records = [record(case, r, part, truth) for r, part in enumerate(runs)]
            row = f"llc_gate at its defaults ({DEFAULT:.0e}), {name}"
            outcomes.append(Outcome(f"{row}: rings", rings(records, DEFAULT)))
    return outcomes


def numbers(index: int, _: Path) -> list[Outcome]:
    """Judge numbers whose error is known, and means of eight repetitions."""
    rng = np.random.default_rng([1802, index])
    outcomes = []
    for alarm in ALARMS:
        for _ in range(VERDICTS):
            known = judge_number(
                0.5 + 0.02 * rng.standard_normal(), 0.02, "poly/x2", "rates",
                false_alarm=alarm, against="local",
            )  # fmt: skip
            values = 0.5 + 0.05 * rng.standard_normal(8)
            spread = judge_number(
                values.mean(), values.std(ddof=1) / math.sqrt(8), "poly/x2", "rates",
                false_alarm=alarm, against="local", dof=7,
            )  # fmt: skip
            row = f"llc_gate at {alarm:.0%}, a number with"
            outcomes.append(Outcome(f"{row} a known error: rings", not known.passed))
            outcomes.append(Outcome(f"{row} 7 degrees of freedom: rings", not spread.passed))
    return outcomes


@dataclass(frozen=True)
class Faulty(wrong.Wrong):
    """A Langevin step with a factor where one can go wrong."""

    noise: float = 1.0
    nbeta: float = 1.0
    gamma: float = 1.0

    def step(self, state: Any, target: Target, rng: torch.Generator) -> tuple[Any, Draw]:
        factors = {"noise": self.noise, "nbeta": self.nbeta, "gamma": self.gamma}
        return wrong.move(state, target, rng, self.step_size, **factors)


CONFORMING: dict[str, AnySampler] = {
    "sgld": SGLD(1e-4),
    "mala": MALA(step_size=1e-3, adapt=0),
    "exact": Exact(),
    "gibbs": Gibbs(),
}


SHORT = {"draws": 200, "burnin": 200}


def measured(
    sampler: AnySampler, index: int, longer: int = 1, draws: int = 1500, burnin: int = 500
) -> list[tuple[float, float]]:
    """Return mean energies with their errors, as the kit measures them, for all verdicts.

    Right samplers have fewer steps here than in the kit: a rate of false alarms does not depend on
    them.
    """
    step_size = getattr(sampler, "step_size", None)
    coarse = sampler if longer == 1 else llcbench.SGLD(4 * step_size)
    target = fixtures.target_for(coarse, chains=distributions.MANY * VERDICTS)

    def seeded(seed: int) -> torch.Generator:
        return torch.Generator().manual_seed(10_000 * (index + 1) + 10 * longer + seed)

    with patch.object(fixtures, "generator", seeded), torch.inference_mode():
        trace = fixtures.run(sampler, target, draws=draws * longer, burnin=burnin * longer)
    assert trace.status == "ok"
    means = target.nbeta * trace.kept.mean(1)
    return [
        (float(part.mean()), float(part.std(ddof=1) / len(part) ** 0.5))
        for part in np.split(means, VERDICTS)
    ]


@cache
def kind(sampler: AnySampler, langevin: bool | None) -> str:
    """Return which distribution a sampler has; an exact one takes a second to say so."""
    return fixtures.distribution_of(sampler, langevin)


def rejected(check: Callable[[], None], z: float) -> bool:
    """Return whether a check of the kit fails at a limit in standard errors."""
    with patch.object(distributions, "Z", z), patch.object(distributions, "distribution_of", kind):
        try:
            check()
        except NotConforming:
            return True
    return False


def conforming(index: int, _: Path) -> list[Outcome]:
    """Judge right samplers by the checks of the kit that are statistical."""
    outcomes = []
    for name, sampler in CONFORMING.items():
        values = measured(sampler, index, **SHORT)
        for value in values:

            def stationary(held: tuple[float, float] = value, of: AnySampler = sampler) -> None:
                distributions.check_stationary_distribution(of, None, lambda: held)

            for alarm in ALARMS:
                row = f"check_sampler at {alarm:.0%}, {name}: stationary distribution rejected"
                outcomes.append(Outcome(row, rejected(stationary, normal_quantile(1 - alarm))))
            row = f"check_sampler at its {distributions.Z:g} errors, {name}: rejected"
            outcomes.append(Outcome(row, rejected(stationary, distributions.Z)))
    return outcomes


def shrinking(index: int, _: Path) -> list[Outcome]:
    """Judge whether the bias of a right sampler shrinks with its step.

    The check allows half of the bias, and a quarter of the step leaves a quarter: it rings less
    often than its errors alone would make it.
    """
    coarse = CONFORMING["sgld"]
    outcomes = []
    fine = measured(SGLD(coarse.step_size / 4), index, 3, **SHORT)
    for first, second in zip(measured(coarse, index, **SHORT), fine, strict=True):

        def check(held: tuple[float, float] = first, finer: tuple[float, float] = second) -> None:
            with patch.object(distributions, "mean_energy", lambda *_, **__: finer):
                distributions.check_bias_shrinks(coarse, lambda: held)

        for alarm in ALARMS:
            row = f"check_sampler at {alarm:.0%}, sgld: shrinking bias rejected"
            outcomes.append(Outcome(row, rejected(check, normal_quantile(1 - alarm))))
    return outcomes


def nonconforming(index: int, _: Path) -> list[Outcome]:
    """Judge wrong samplers by the stationary distribution, at the limit and length of the kit."""
    outcomes = []
    for name, factors in FAULTS.items():
        sampler = Faulty(**factors)
        for value in measured(sampler, index):

            def stationary(held: tuple[float, float] = value, of: AnySampler = sampler) -> None:
                distributions.check_stationary_distribution(of, None, lambda: held)

            row = f"check_sampler at its {distributions.Z:g} errors, langevin, {name}: rejected"
            outcomes.append(Outcome(row, rejected(stationary, distributions.Z)))
    return outcomes


def _of(case: Case) -> Callable[[int, Path], list[Outcome]]:
    return lambda index, folder: list(right(case, index))


EXPERIMENTS = [
    *(Experiment(f"gate-{case.name.replace(', ', '-')}", "rate", 25, _of(case)) for case in NULL),
    Experiment("gate-numbers", "rate", 100, numbers),
    Experiment("gate-power", "rate", 3, faulty),
    Experiment("check-sampler", "rate", 15, conforming),
    Experiment("check-sampler-shrinking", "rate", 15, shrinking),
    Experiment("check-sampler-power", "rate", 3, nonconforming),
]
