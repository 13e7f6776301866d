"""The record of a run says how gradients of a network were evaluated."""

import pytest
import torch
from torch import nn

import llcbench
from llcbench import Settings
from llcbench.problems.modules import loss as module_loss

KERNELS = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(4, 1))
DENSE = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 1))


def estimated(network):
    rng = torch.Generator().manual_seed(0)
    data = torch.randn(40, 1, 4, generator=rng), torch.randn(40, generator=rng)
    problem = llcbench.from_module(network, lambda f, y: (f[:, 0] - y) ** 2, data)
    settings = Settings(num_chains=2, num_draws=40, num_burnin=10, gamma=10.0, nbeta=10.0)
    return llcbench.estimate(problem, settings=settings, progress=False)


@pytest.mark.parametrize(("network", "engine"), [(KERNELS, "trace"), (DENSE, "vmap")])
def test_the_engine_is_recorded_and_changes_rounding_alone(monkeypatch, network, engine):
    looped = estimated(network)
    monkeypatch.setattr(module_loss, "LONG", 1)
    recorded = estimated(network)
    assert (looped.engine, recorded.engine) == ("loop", engine)
    assert recorded.llc == pytest.approx(looped.llc, rel=1e-3)


def test_other_problems_have_one_way_only():
    problem = llcbench.problem("poly/x2y2")
    answer = llcbench.estimate(problem, gamma=10.0, max_grads=60, progress=False)
    assert answer.engine == ""
