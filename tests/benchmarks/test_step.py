"""Cost of one step, beside a control of fixed work; run with ``make benchmark``.

Times of one machine mean little, so the summary prints ratios within the run: every step against
the control, and 64 chains against one.
"""

from typing import Any

import pytest
import torch

from llcbench.registry import make_sampler, problem
from llcbench.sampling.target import Target

STEPS = 200
CASES = [
    ("poly/x2y2", "sgld", 1),
    ("poly/x2y2", "sgld", 64),
    ("poly/x2y2", "mala", 1),
    ("poly/x2y2", "mala", 64),
    ("poly/x2y2", "exact", 64),
    ("dln/3-3-3/r1", "sgld", 1),
    ("dln/3-3-3/r1", "sgld", 64),
    ("dln/3-3-3/r1", "gibbs", 64),
    ("dln/1k/s0", "sgld", 1),
    ("dln/1k/s0", "sgld", 8),
    ("rrr/5-3-5/r2/n1000", "sgld", 64),
]


def test_control(benchmark: Any) -> None:
    """A fixed amount of array work: one matrix product and one noise fill per step."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    matrix = torch.randn(64, 64, generator=rng, dtype=torch.float64)
    noise = torch.empty(64, 64, dtype=torch.float64)

    def work() -> None:
        for _ in range(STEPS):
            noise.normal_(generator=rng)
            torch.mm(matrix, noise)

    benchmark.extra_info["case"] = "control"
    benchmark.pedantic(work, rounds=15, warmup_rounds=1)


@pytest.mark.parametrize(("name", "kernel", "chains"), CASES)
def test_step(benchmark: Any, name: str, kernel: str, chains: int) -> None:
    torch.set_num_threads(1)
    one = problem(name)
    rng = torch.Generator().manual_seed(0)
    data = one.sample_data(rng)
    batch_size = None if data is None else 100
    target = Target(one, 1e3, 1.0, chains, data=data, batch_size=batch_size)
    sampler = make_sampler(kernel, {})
    with torch.inference_mode():
        target.next_batch(rng)
        state = sampler.init(target.start(), target, rng)

        def work() -> None:
            nonlocal state
            for _ in range(STEPS):
                target.next_batch(rng)
                state, _ = sampler.step(state, target, rng)

        benchmark.extra_info["case"] = f"{name} {kernel} {chains}"
        benchmark.extra_info["dim"] = one.dim
        benchmark.pedantic(work, rounds=15, warmup_rounds=1)
