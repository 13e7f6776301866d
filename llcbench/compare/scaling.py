"""How time and memory grow with the number of parameters, with fitted exponents."""

import math
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec
import numpy as np

from llcbench.compare.entries import entries_of
from llcbench.records import RunRecord

# A relative standard error of this size is what an estimate is asked for.
GOAL = 0.05
# Networks of fewer sizes than this say nothing about growth.
SIZES = 3
MEASURES = {
    "step": "seconds of a step of one chain",
    "effective": "seconds of sampling per effective draw",
    "goal": f"seconds to a standard error of {100 * GOAL:.0f} %, burn-in included",
    "memory": "peak bytes of the process",
}


class ProblemCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one problem costs one entry at one localisation, medians over replicates.

    Attributes:
        entry: Name of the entry.
        problem: Id of the problem.
        gamma: Localisation.
        dim: Number of parameters.
        chains: Chains of a run; they share its time.
        step: Seconds of a step of one chain.
        effective: Seconds of sampling per effective draw, None without an estimate.
        goal: Seconds to a relative standard error of 5 %, as ``(stderr / 5 %)^2`` times those of
            the run: the error falls with the root of the time. Bias is not counted.
        memory: Peak resident bytes of the process, libraries included.
        bias: Relative distance of the mean estimate to the tempered truth.
        runs: Runs that ended with an estimate.
    """

    entry: str
    problem: str
    gamma: float
    dim: int
    chains: int
    step: float
    effective: float | None
    goal: float | None
    memory: int
    bias: float | None
    runs: int


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """A power law ``cost = factor * dim^exponent`` of one entry, by least squares of logarithms.

    Attributes:
        entry: Name of the entry.
        measure: Which cost; a key of `MEASURES`.
        exponent: Fitted power.
        stderr: Its standard error; None for three sizes on a line.
        sizes: Problems that enter.
    """

    entry: str
    measure: str
    exponent: float
    stderr: float | None
    sizes: int


def problem_costs(records: Iterable[RunRecord]) -> list[ProblemCost]:
    """Return the costs of every entry on every problem whose size is known."""
    known = [r for r in records if r.estimate.dim > 0 and r.estimate.status == "ok"]
    costs = []
    for entry, runs in entries_of(known).runs.items():
        groups: dict[tuple[str, float, float], list[RunRecord]] = {}
        for record in runs:
            key = record.spec.problem, record.spec.settings.gamma, record.estimate.nbeta
            groups.setdefault(key, []).append(record)
        costs += [_cost(entry.name, group) for group in groups.values()]
    return sorted(costs, key=lambda cost: (cost.entry, cost.dim, cost.problem, cost.gamma))


def growth(costs: Sequence[ProblemCost], *, above: int = 0) -> list[Growth]:
    """Return the exponents of every entry and measure with at least three sizes.

    Args:
        costs: Costs of problems.
        above: Only problems of at least so many parameters: below, overhead is everything.
    """
    fits = []
    for entry in dict.fromkeys(cost.entry for cost in costs):
        mine = [p for p in costs if p.entry == entry and p.dim >= above]
        for measure in MEASURES:
            pairs = [(p.dim, getattr(p, measure)) for p in mine if getattr(p, measure)]
            if len({dim for dim, _ in pairs}) >= SIZES:
                fits.append(_fitted(entry, measure, pairs))
    return fits


def _cost(entry: str, group: Sequence[RunRecord]) -> ProblemCost:
    first = group[0]
    chains = first.spec.settings.num_chains
    seconds = [record.estimate.seconds_sampling for record in group]
    steps = [r.spec.settings.num_burnin + r.spec.settings.num_draws for r in group]
    effective = [
        s / r.estimate.ess_bulk for s, r in zip(seconds, group, strict=True) if r.estimate.ess_bulk
    ]
    goal = [
        s * (r.estimate.mcse / r.estimate.llc / GOAL) ** 2
        for s, r in zip(seconds, group, strict=True)
        if r.estimate.mcse and r.estimate.llc
    ]
    truths = [r.truths.tempered.value for r in group if r.truths and r.truths.tempered]
    values = [r.estimate.llc for r in group if r.estimate.llc is not None]
    bias = float(np.mean(values) / np.mean(truths) - 1) if truths and values else None
    return ProblemCost(
        entry=entry,
        problem=first.spec.problem,
        gamma=first.spec.settings.gamma,
        dim=first.estimate.dim,
        chains=chains,
        step=median(s / n for s, n in zip(seconds, steps, strict=True)) / chains,
        effective=median(effective) if effective else None,
        goal=median(goal) if goal else None,
        memory=max(r.estimate.peak_bytes for r in group),
        bias=bias,
        runs=len(group),
    )


def _fitted(entry: str, measure: str, pairs: Sequence[tuple[int, float]]) -> Growth:
    x = np.log([dim for dim, _ in pairs])
    y = np.log([cost for _, cost in pairs])
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    rest = y - y.mean() - slope * centred
    free = len(pairs) - 2
    stderr = math.sqrt(float(rest @ rest) / free / float(centred @ centred)) if free > 0 else None
    return Growth(entry=entry, measure=measure, exponent=slope, stderr=stderr, sizes=len(pairs))
