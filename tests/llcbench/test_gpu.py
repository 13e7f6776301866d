"""What a GPU computes is what the CPU computes: ``pytest -m gpu``, skipped where there is none."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import llcbench
from llcbench import Settings, registry
from llcbench.networks.transformer import Transformer
from llcbench.run.suite import load
from llcbench.sampling import loss_abilities

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA here"),
]
# The same operations in another order of summation.
ROUNDING = {torch.float64: 1e-10, torch.float32: 2e-4}


def sequence_loss(logits, tokens):
    """Return the mean over the tokens of each sequence."""
    each = cross_entropy(logits[:, :-1].movedim(-1, 1), tokens[:, 1:], reduction="none")
    return each.mean(1)


def _problem(kind):
    rng = torch.Generator().manual_seed(0)
    if kind == "convolutions":
        net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
        data = torch.randn(96, 1, 6, 6, generator=rng), torch.randint(3, (96,), generator=rng)
        return llcbench.from_module(net, lambda f, y: cross_entropy(f, y, reduction="none"), data)
    if kind == "language":
        tokens = torch.randint(9, (64, 8), generator=rng)
        net = Transformer(9, 8, layers=2, width=16, heads=2)
        return llcbench.from_module(net, sequence_loss, (tokens, tokens))
    return registry.problem(kind)


KINDS = ["poly/x2y4", "rrr/5-3-5/r2/n200", "dln/10-10-10/r3/n500", "convolutions", "language"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients_are_those_of_the_cpu(kind, dtype):
    problem = _problem(kind)
    rng = torch.Generator().manual_seed(1)
    loss = problem.bind(problem.sample_data(rng), dtype)
    there = loss_abilities.placed(loss, "cuda:0", "full")
    star = problem.w_star().to(dtype)
    theta = star + 0.05 * torch.randn(4, problem.dim, generator=rng, dtype=dtype)
    batch = loss.draw(4, None, rng)
    far = there.draw(4, None, torch.Generator("cuda:0").manual_seed(1))
    value, grad = loss.excess_and_grad(theta, batch)
    other, slope = there.excess_and_grad(theta.cuda(), far)
    limit = ROUNDING[dtype]
    assert torch.allclose(other.cpu(), value, rtol=limit, atol=limit * float(value.abs().max()))
    assert torch.allclose(slope.cpu(), grad, rtol=limit, atol=limit * float(grad.abs().max()))


@pytest.mark.parametrize("kind", ["rrr/5-3-5/r2/n200", "convolutions"])
def test_an_estimate_is_that_of_the_cpu_within_its_error(kind):
    """Other random numbers, the same target: |z| < 4.9, false alarm 1e-6."""
    problem = _problem(kind)
    here, there = (
        llcbench.estimate(problem, gamma=10.0, max_grads=1500, device=device, progress=False)
        for device in ("cpu", "cuda:0")
    )
    assert there.status == "ok"
    assert abs(there.llc - here.llc) < 4.9 * math.hypot(here.mcse, there.mcse)


def test_bfloat16_changes_the_loss_within_what_the_guard_measures():
    answer = llcbench.estimate(
        _problem("language"),
        settings=Settings(
            device="cuda:0", matmul="bfloat16", dtype="float32", num_chains=4, num_draws=200
        ),
        progress=False,
    )
    assert {guard.name for guard in answer.guards} >= {"rounding"}


@pytest.mark.parametrize("name", sorted({n for g in load("smoke").group for n in g.problems}))
def test_the_smoke_suite_runs_on_a_gpu(name):
    problem = registry.problem(name)
    answer = llcbench.estimate(problem, max_grads=500, device="cuda:0", progress=False)
    assert answer.status == "ok"
