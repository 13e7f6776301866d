"""Chains whose stationary mean energy is known: what rates of intervals and gates are about."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import llcbench
from llcbench import Seeds
from llcbench.sampling.loop import sample
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Data
from theory.tempered.result import Tempered

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Chains under a sampler whose distribution is known.

    Attributes:
        name: First words of the rows.
        problem: Id of the problem; one with data draws them from the seeds of its chains.
        sampler: The kernel, without adaptation, which would tie chains to each other.
        nbeta: Inverse temperature.
        gamma: Localisation.
        burnin: Steps before the kept ones.
        draws: Kept steps.
    """

    name: str
    problem: str
    sampler: AnySampler
    nbeta: float
    gamma: float
    burnin: int
    draws: int


class Chains(NamedTuple):
    """Kept energies of chains.

    Attributes:
        energies: ``nbeta`` times the excess, of shape ``(chains, draws)``.
        data: What the problem has drawn; None where it draws none.
    """

    energies: Array
    data: Data | None


def chains_of(case: Case, seeds: Seeds, count: int) -> Chains:
    """Return a number of independent chains of a case."""
    problem = llcbench.problem(case.problem)
    data = problem.sample_data(seeds.generator("data"))
    target = Target(problem, case.nbeta, case.gamma, count, data)
    trace = sample(
        target, case.sampler, num_draws=case.draws, num_burnin=case.burnin,
        noise=seeds.generator("noise"), batches=seeds.generator("batch"),
    )  # fmt: skip
    assert trace.status == "ok", trace.message
    return Chains(case.nbeta * trace.kept, data)


def tempered(case: Case, data: Data | None = None) -> Tempered:
    """Return the mean energy of a perfect sampler, on the data if there are any."""
    return _without_data(case) if data is None else _tempered(case, data)


@cache
def _without_data(case: Case) -> Tempered:
    return _tempered(case, None)


def _tempered(case: Case, data: Data | None) -> Tempered:
    truth = llcbench.problem(case.problem).tempered(case.nbeta, case.gamma, data)
    assert truth is not None
    return truth
