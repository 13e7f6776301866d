"""How often intervals cover what they are about: every kind of error bar, few chains and many.

A trial runs 640 independent chains at once: 40 replicates of up to 16. Each replicate is judged by
its first 1, 2, 3, 4 or 16 chains, with the functions that estimates take their intervals from. An
interval that is too wide shows as one that is too narrow does: beside 90 % intervals there are 50 %
intervals of the same error, whose coverage moves with its size most.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from chains import Case, Chains, chains_of, tempered
from experiment import Experiment, Outcome

import llcbench
from llcbench import HMC, MALA, SGLD, Exact, Gibbs, MeanEnergy, Seeds, Settings
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.intervals import student_quantile
from llcbench.sampling.diagnostics import MeanError, mean_error
from llcbench.sampling.jackknife import error_of, jackknife, split
from llcbench.types import Data, Problem
from theory.langevin.euler import euler_langevin

REPLICATES = 40
TRIALS = 25
MANY, DRAWS, SHORT = 16, 400, 40
CHAINS = REPLICATES * MANY
LEVELS = (0.9, 0.5)
CURVATURES = np.geomspace(0.5, 2.0, 5) ** 2


@dataclass(frozen=True)
class Covered:
    """Chains whose intervals are judged.

    Attributes:
        case: The chains; with data every trial has its own.
        stationary: The mean energy; None for the tempered value.
        short: Whether chains of 40 draws are judged as well.
    """

    case: Case
    stationary: float | None = None
    short: bool = False


SGLD_STEP = 4e-4
CASES = (
    Covered(Case("exact", "poly/x2y2", Exact(), 1e4, 1.0, 1, DRAWS), short=True),
    Covered(Case("mala", "regular/d5", MALA(step_size=1e-3, adapt=0), 1e3, 10.0, 200, DRAWS)),
    Covered(
        Case("hmc", "poly/x4", HMC(step_size=2e-3, leapfrogs=4, adapt=0), 1e3, 10.0, 200, DRAWS)
    ),
    Covered(
        Case("sgld", "regular/d5", SGLD(SGLD_STEP), 1e3, 10.0, 300, DRAWS),
        stationary=euler_langevin(CURVATURES, 1e3, 10.0, SGLD_STEP).llc, short=True,
    ),
    Covered(
        Case(
            "gibbs with data", "rrr/2-2-2/r1/n1000", Gibbs(), 1000 / np.log(1000), 10.0, 100, DRAWS
        )
    ),
)  # fmt: skip


def chains_of_trial(case: Case, index: int) -> Chains:
    """Return the chains of all replicates of a trial."""
    return chains_of(case, Seeds(1701, f"{case.name} {case.nbeta:.6g}", index), CHAINS)


def mean_energy(covered: Covered, index: int, _: Path) -> list[Outcome]:
    """Judge the intervals of the mean energy of all replicates."""
    case = covered.case
    traces, data = chains_of_trial(case, index)
    if covered.stationary is not None:
        centre, error = covered.stationary, 0.0
    else:
        truth = tempered(case, data)
        centre, error = truth.value, truth.stderr
    outcomes: list[Outcome] = []
    for group in np.split(traces, REPLICATES):
        for chains in (1, 2, 4, MANY):
            part = group[:chains]
            gap, bar = float(part.mean() - centre), mean_error(part)
            outcomes += _outcomes(f"{case.name}, {_times(chains, DRAWS)}", gap, bar, error)
        for chains in (1, 2, 3, 4) if covered.short else ():
            part = group[:chains, :SHORT]
            gap, bar = float(part.mean() - centre), mean_error(part)
            outcomes += _outcomes(f"{case.name}, {_times(chains, SHORT)}", gap, bar, error)
    return outcomes


def two_temperatures(index: int, _: Path) -> list[Outcome]:
    """Judge the intervals of a statistic of two runs, whose errors come from the jackknife."""
    case = CASES[1].case
    problem = llcbench.problem(case.problem)
    estimator = TwoTemperatures(case.sampler, Settings(nbeta=case.nbeta, gamma=case.gamma))
    combination = estimator.combination(case.nbeta)
    truth = estimator.tempered(problem, case.nbeta, case.gamma, None)
    assert truth is not None
    cases = [replace(case, nbeta=float(nbeta)) for nbeta in combination.nbetas]
    runs = [chains_of_trial(each, index).energies for each in cases]
    outcomes: list[Outcome] = []
    for groups in zip(*(np.split(run, REPLICATES) for run in runs), strict=True):
        for chains in (1, 2, 4, MANY):
            units = np.stack([split(group[:chains]).mean(1) for group in groups], axis=1)
            statistic = jackknife(units, lambda means: means @ combination.weights)
            bar, gap = error_of(statistic, chains), statistic.value - truth.value
            outcomes += _outcomes(f"two temperatures, {_times(chains, DRAWS)}", gap, bar)
    return outcomes


def label_noise(index: int, _: Path) -> list[Outcome]:
    """Judge the error from the label noise of a data set, one data set a replicate.

    On ridge regression the tempered value is a quadratic form in the cross moment of noise and
    inputs, so that its mean over label noise is exact: the value without noise plus one difference
    for each direction of the covariance.
    """
    settings = Settings(nbeta=100 / np.log(100), gamma=1.0, num_draws=200, num_burnin=100)
    problem = llcbench.problem("regular/d2/n100")
    outcomes: list[Outcome] = []
    for replicate in range(REPLICATES):
        seeds = Seeds(1702, problem.id, REPLICATES * index + replicate)
        data = problem.sample_data(seeds.generator("data"))
        context = llcbench.RunContext(seeds, data=data)
        sampler = HMC(step_size=0.05, leapfrogs=4, adapt=0)
        estimate = MeanEnergy(sampler, settings).estimate(problem, context)
        assert estimate.llc is not None
        assert estimate.stderr is not None
        gap = estimate.llc - _over_label_noise(problem, data, settings)
        bar = MeanError(estimate.stderr, MANY - 1.0)
        outcomes += _outcomes("hmc with label noise, 16 chains x 200", gap, bar)
    return outcomes


def _over_label_noise(problem: Problem, data: Data, settings: Settings) -> float:
    """Return the mean of the tempered value over the label noise of given inputs."""
    count = len(data.inputs)
    values, directions = torch.linalg.eigh(data.inputs.mT @ data.inputs / count)

    def value(cross: torch.Tensor) -> float:
        # Noise whose mean product with the inputs is the given cross moment.
        noise = count * data.inputs @ torch.linalg.solve(data.inputs.mT @ data.inputs, cross)
        told = Data(data.inputs, noise.unsqueeze(1))
        truth = problem.tempered(float(settings.nbeta), settings.gamma, told)
        assert truth is not None
        return float(truth.value)

    none = value(torch.zeros(len(values), dtype=torch.float64))
    steps = directions * (values / count).sqrt()
    return none + sum(value(step) - none for step in steps.mT)


def _times(chains: int, draws: int) -> str:
    return f"{chains} chain{'s' if chains > 1 else ''} x {draws}"


def _outcomes(row: str, gap: float, bar: MeanError, truth_error: float = 0.0) -> Iterator[Outcome]:
    """Yield whether the intervals of each level cover."""
    for level in LEVELS:
        reach = student_quantile(level, bar.freedom) * float(np.hypot(bar.stderr, truth_error))
        yield Outcome(f"{row}: {level:.0%} interval covers", bool(abs(gap) <= reach))


def _of(covered: Covered) -> Callable[[int, Path], list[Outcome]]:
    return lambda index, folder: mean_energy(covered, index, folder)


EXPERIMENTS = [
    *(
        Experiment(f"coverage-{each.case.name.replace(' ', '-')}", "rate", TRIALS, _of(each))
        for each in CASES
    ),
    Experiment("coverage-two-temperatures", "rate", TRIALS, two_temperatures),
    Experiment("coverage-label-noise", "rate", TRIALS, label_noise),
]
