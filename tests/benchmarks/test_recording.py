"""Time of a step with and without the moments of the virial, alternately in one process.

``pytest tests/benchmarks/test_recording.py --benchmark-only`` prints the median of the ratios of
neighbouring blocks of steps, and as a control that of two runs without.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import llcbench
from llcbench import SGLD
from llcbench.sampling.chains import Chains
from llcbench.sampling.target import Target

NEVER = 10**9


@dataclass(frozen=True)
class Case:
    """A chain and the blocks of steps in which it is timed.

    Attributes:
        problem: Id of the problem.
        chains: Chains.
        batch: Size of the minibatches; None for the population or all data.
        steps: Steps of a block, whole periods of the recording.
        rounds: Blocks of each kind.
    """

    problem: str
    chains: int
    batch: int | None
    steps: int
    rounds: int


CASES = {
    "288": Case("dln/3-3-3/r3-1", 16, None, 640, 15),
    "3.2k": Case("dln/10-10-10/r3/n1000", 16, 100, 640, 9),
    "20k": Case("dln/100-100-100/r30/n1000", 1, 100, 320, 9),
    "259k": Case("dln/360-360-360/r30/n1000", 1, 100, 128, 9),
    "980k": Case("dln/700-700-700/r30/n1000", 1, 100, 64, 7),
    "10M": Case("dln/2236-2236-2236/r30/n1000", 1, 100, 32, 5),
}


def chain(case: Case, every: int | None) -> Chains:
    problem = llcbench.problem(case.problem)
    rng = torch.Generator().manual_seed(0)
    data = problem.sample_data(rng) if problem.num_data else None
    target = Target(problem, 1e3, 10.0, case.chains, data, case.batch, torch.float32)
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    made = Chains(target, SGLD(1e-8), 100_000, 0, noise, batches, every)
    made.start(False)
    return made


def seconds(made: Chains, steps: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        made.advance()
    return time.perf_counter() - started


def ratio(one: Chains, other: Chains, case: Case) -> float:
    """Return the median ratio of times, the first blocks apart."""
    pairs = [(seconds(one, case.steps), seconds(other, case.steps)) for _ in range(case.rounds + 1)]
    return float(np.median([a / b for a, b in pairs[1:]]))


@pytest.mark.parametrize("name", CASES)
def test_recording(benchmark: Any, capsys: Any, name: str) -> None:
    case = CASES[name]
    with torch.inference_mode():
        plain, control = chain(case, NEVER), chain(case, NEVER)
        result = ratio(chain(case, None), plain, case), ratio(control, plain, case)
        benchmark.pedantic(seconds, (plain, case.steps), rounds=3, iterations=1)
    benchmark.extra_info["ratio"], benchmark.extra_info["control"] = result
    with capsys.disabled():
        print(f"\n{name:5s} recording x {result[0]:.3f}, control x {result[1]:.3f}", end="")
