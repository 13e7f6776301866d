"""Cost of an SGLD step from 188 to 100 million weights, beside its parts and a plain torch loop.

``pytest tests/benchmarks/test_scale_step.py --benchmark-only`` prints, per case, the time of a step
(minibatch included), its ratio to forward pass, backward pass and one fill of noise measured in
turn with it, and the same for the control: the loop that one writes with automatic differentiation.
Each value is the least of several rounds; seconds are those of the processor over all threads, so
that other programs on the machine count little.
"""

import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from llcbench.problems.squared.batches import Samples
from llcbench.problems.squared.linear_map import LayerPass, LinearNetwork, ProductPass
from llcbench.problems.squared.regression import Inputs, Regression
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.target import Target

NBETA, GAMMA, STEP = 1e3, 100.0, 1e-9
ROUNDS = 7


class Case(NamedTuple):
    widths: tuple[int, ...]
    chains: int
    batch: int
    num_data: int
    noise_sd: float
    threads: int
    steps: int


CASES = {
    "188": Case((10, 8, 6, 10), 4, 128, 2000, 1.0, 1, 300),
    "188 x 80": Case((10, 8, 6, 10), 80, 128, 2000, 1.0, 1, 40),
    "262k": Case((256,) * 5, 4, 256, 20_000, 1.0, 1, 2),
    "1M": Case((512,) * 5, 2, 256, 20_000, 1.0, 1, 2),
    "10M": Case((1000,) * 11, 1, 500, 1_000_000, 0.0, 2, 1),
    "100M": Case((1700,) * 36, 1, 500, 1_000_000, 0.0, 2, 1),
}


def problem_of(case: Case) -> Regression:
    network = LinearNetwork(case.widths)
    point = np.empty(network.dim, dtype=np.float32)
    np.random.default_rng(0).standard_normal(out=point, dtype=np.float32)
    point *= np.float32(max(case.widths) ** -0.5)
    inputs = Inputs("uniform10" if case.num_data == 1_000_000 else "normal")
    return Regression(
        "scale", network, lambda: point, None, None, "", "", scale=1 / case.widths[-1],
        inputs=inputs, noise_sd=case.noise_sd, num_data=case.num_data,
    )  # type: ignore[arg-type]  # fmt: skip


class Control:
    """SGLD by automatic differentiation: a forward pass of every chain's samples, ``backward``."""

    def __init__(self, target: Target, case: Case) -> None:
        self.target, self.case = target, case
        self.layers = [
            layer.clone().requires_grad_(True)
            for layer in target.problem.map.layers(target.start())
        ]
        self.star = [layer.detach().clone() for layer in self.layers]
        self.rng = torch.Generator().manual_seed(1)

    def step(self) -> Tensor:
        loss_of, case = self.target.loss, self.case
        batch = loss_of.rows(loss_of.indices((case.chains, case.batch), self.rng))
        # Labels as a data set would hold them, for the price of a product.
        labels = batch.inputs @ loss_of.reference.mT
        if batch.noise is not None:
            labels += batch.noise
        value = batch.inputs
        for layer in self.layers:
            value = value @ layer.mT
        loss = loss_of.scale * (value - labels).square().sum(2).mean(1)
        loss.sum().backward()
        with torch.no_grad():
            for layer, star in zip(self.layers, self.star, strict=True):
                drift = NBETA * layer.grad + GAMMA * (layer - star)
                xi = torch.randn(layer.shape, generator=self.rng)
                layer.add_(-0.5 * STEP * drift + STEP**0.5 * xi)
                layer.grad = None
        return loss.detach()


class Parts:
    """Forward pass, backward pass and noise, with nothing around them."""

    def __init__(self, target: Target, theta: Tensor, rng: torch.Generator) -> None:
        self.out, self.rng, self.target = torch.empty_like(theta), rng, target
        # That of before the first step: steps write over what it knows, and its time is the same.
        self.batch = target.batch
        self.sent = isinstance(self.batch, Samples)
        kind = LayerPass if self.sent else ProductPass
        self.route = kind(target.problem.map, theta, self.out)

    def run(self) -> None:
        batch = self.batch
        if self.sent:
            error = self.route.forward(batch.inputs, self.target.loss.reference, batch.outputs)
        else:
            loss = self.target.loss
            error = loss.head(self.route.difference(loss.reference), batch)[1]
        self.route.backward(error)
        self.out.normal_(generator=self.rng)


def seconds(work: Any, steps: int) -> float:
    started = time.process_time()
    for _ in range(steps):
        work()
    return (time.process_time() - started) / steps


@pytest.mark.parametrize("name", CASES)
def test_step(benchmark: Any, capsys: Any, name: str) -> None:
    case = CASES[name]
    torch.set_num_threads(case.threads)
    problem, rng = problem_of(case), torch.Generator().manual_seed(0)
    data = problem.sample_data(rng)
    target = Target(problem, NBETA, GAMMA, case.chains, data, case.batch, torch.float32)
    target.next_batch(rng)
    sampler, theta = SGLD(STEP), target.start()

    def step(on: Target = target) -> None:
        on.next_batch(rng)
        sampler.step(theta, on, rng)

    rows: dict[str, list[float]] = {"step": [], "parts": [], "control": [], "bfloat16": []}
    reduced = replace(target, bound=target.loss, matmul="bfloat16")
    with torch.inference_mode():
        parts = Parts(target, theta, rng)
    # A second copy of everything does not belong into the largest case.
    control = Control(target, case) if problem.dim < 2e7 else None
    for _ in range(ROUNDS if control else 3):
        with torch.inference_mode():
            rows["step"].append(seconds(step, case.steps))
            rows["parts"].append(seconds(parts.run, case.steps))
            rows["bfloat16"].append(seconds(partial(step, reduced), case.steps))
        if control is not None:
            rows["control"].append(seconds(control.step, case.steps))
    best = {key: min(values) for key, values in rows.items() if values}
    flops = case.chains * case.batch * sum(a * b for a, b in pairwise(case.widths)) * 6
    line = (
        f"{name:9s} dim {problem.dim:>11,d} x {case.chains:<2d} step {best['step'] * 1e3:10.3f} ms"
        f" = {best['step'] / best['parts']:5.2f} parts, {case.chains / best['step']:9.1f}"
        f" chain-steps/s, {flops / best['step'] / 1e9:6.1f} GFLOP/s by samples,"
        f" {best['step'] / best['bfloat16']:.2f} times as long as with bfloat16"
    )
    if control is not None:
        line += f", control {best['control'] / best['step']:6.2f} times as long"
        assert torch.isfinite(control.step()).all()
    with capsys.disabled():
        print("\n" + line, end="")
    benchmark.extra_info["scale"] = name
    with torch.inference_mode():
        benchmark.pedantic(step, rounds=2, iterations=case.steps)
