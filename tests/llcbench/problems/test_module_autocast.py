"""Modules under autocast: what is rounded, what is not, and that the guard measures it."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import llcbench
from llcbench import Settings
from llcbench.sampling.loss_abilities import placed


def problem_of():
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    data = torch.randn(60, 6, generator=rng), torch.randint(3, (60,), generator=rng)
    return llcbench.from_module(network, lambda f, y: cross_entropy(f, y, reduction="none"), data)


def test_differences_from_w_star_are_those_of_one_precision():
    """The excess at ``w_star`` is 0; beside it loss and gradient are near, and not the same."""
    problem = problem_of()
    full = problem.bind(None, torch.float32)
    narrow = placed(full, "cpu", "bfloat16")
    batch = full.draw(1, None, torch.Generator())
    star = problem.w_star()[None]
    assert narrow.excess(star, batch).item() == 0
    assert narrow.baseline(batch).item() != full.baseline(batch).item()
    theta = star + 0.3 * torch.randn(star.shape, generator=torch.Generator().manual_seed(2))
    (value, grad), (other, slope) = (loss.excess_and_grad(theta, batch) for loss in (full, narrow))
    assert slope.dtype == torch.float32
    assert 0 < float((slope - grad).norm() / grad.norm()) < 0.03
    assert other.item() == pytest.approx(value.item(), rel=0.05)
    assert other.item() != value.item()


def test_the_guard_measures_what_it_costs():
    shares = []
    for matmul in ("full", "bfloat16"):
        settings = Settings(
            matmul=matmul, dtype="float32", num_chains=2, num_draws=60, num_burnin=20, gamma=10.0
        )
        answer = llcbench.estimate(problem_of(), settings=settings, progress=False)
        shares.append(next(g.value for g in answer.guards if g.name == "rounding"))
    assert shares[1] > 100 * shares[0]
