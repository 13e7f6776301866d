"""Minibatch losses less those at the reference point: the same mean, with less noise."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from llcbench.problems.modules.from_module import from_module
from llcbench.problems.modules.host_numbers import SampleNumbers

# Two-sided normal gate: one false alarm in 16,000.
Z = 4.0
BATCHES, SIZE = 2000, 8


@pytest.fixture
def loss_and_point():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    data = (torch.randn(64, 5), torch.randint(3, (64,)))
    problem = from_module(net, lambda f, y: cross_entropy(f, y, reduction="none"), data)
    rng = torch.Generator().manual_seed(1)
    theta = problem.w_star().double()
    theta = theta + 0.05 * torch.randn(theta.shape, generator=rng, dtype=torch.float64)
    return problem.bind(None, torch.float64), theta


def readings(loss, theta, numbers):
    """Return excess over the paired baseline, and over the mean loss at the reference."""
    rows = theta.expand(len(numbers), -1)
    batch = SampleNumbers(numbers)
    paired = loss.excess(rows, batch)
    return paired, paired + loss.baseline(batch) - loss.reference.mean()


def gate(values, expected):
    error = float(values.std()) / math.sqrt(len(values))
    return abs(float(values.mean()) - expected) / error


def test_paired_and_raw_means_are_the_full_excess(loss_and_point):
    loss, theta = loss_and_point
    rng = torch.Generator().manual_seed(2)
    batch = loss.draw(BATCHES, SIZE, rng)
    paired, raw = readings(loss, theta, batch.numbers)
    exact = float(loss.excess(theta.unsqueeze(0), loss.draw(1, None, rng)))
    assert gate(paired, exact) < Z
    assert gate(raw, exact) < Z
    assert gate(paired - raw, 0.0) < Z
    print(f"sd of one minibatch: paired {float(paired.std()):.4f}, raw {float(raw.std()):.4f}")
    assert float(paired.std()) < 0.5 * float(raw.std())


def test_a_baseline_of_other_samples_is_seen_by_the_same_gate(loss_and_point):
    loss, theta = loss_and_point
    rng = torch.Generator().manual_seed(3)
    # Only the samples that the reference finds easy: the baseline has another mean.
    easy = loss.reference.argsort()[:32]
    numbers = easy[torch.randint(32, (BATCHES, SIZE), generator=rng)]
    paired, raw = readings(loss, theta, numbers)
    assert gate(paired - raw, 0.0) > Z
    exact = float(loss.excess(theta.unsqueeze(0), SampleNumbers(None)))
    assert gate(raw, exact) > Z
