"""The loop with kernels whose every step is known: what is kept, counted, and ended."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import llcbench
from llcbench.sampling.loop import CHECK_EVERY, RUNAWAY, Watch, sample
from llcbench.sampling.target import Target
from llcbench.types import Budget, Draw

PROBLEM = llcbench.problem("regular/d3")


@dataclass(frozen=True)
class Counting:
    """Step k has the loss k for chain 0 and k + 1/2 for chain 1; chain 1 accepts odd steps.

    Attributes:
        distance: Distance from the reference point, from a step on.
        since: That step.
        loss: What the loss of chain 1 is from there on; None for what it would be.
    """

    distance: float = 0.0
    since: int = 10**9
    loss: float | None = None
    rejecting: bool = True

    def init(self, theta, target, rng):
        return theta, 0

    def step(self, state, target, rng):
        theta, step = state
        target.charge(len(theta))
        loss = torch.tensor([step, step + 0.5], dtype=torch.float64)
        if step >= self.since:
            theta = target.w_star + torch.zeros_like(theta)
            theta[1, 0] += self.distance
            if self.loss is not None:
                loss[1] = self.loss
        accepted = torch.tensor([True, step % 2 == 1]) if self.rejecting else None
        return (theta, step + 1), Draw(theta, loss, accepted)


def run(sampler, draws=6, burnin=4, gamma=1.0, budget=None, dtype=torch.float64):
    target = Target(PROBLEM, 10.0, gamma, 2, budget=budget or Budget(), dtype=dtype)
    noise, batches = torch.Generator(), torch.Generator()
    trace = sample(
        target, sampler, num_draws=draws, num_burnin=burnin, noise=noise, batches=batches
    )
    return trace, target


def test_the_burn_in_is_recorded_and_not_kept() -> None:
    trace, target = run(Counting())
    assert trace.status == "ok"
    steps = np.arange(10.0)
    assert trace.excess.tolist() == [steps.tolist(), (steps + 0.5).tolist()]
    assert trace.kept.tolist() == [steps[4:].tolist(), (steps[4:] + 0.5).tolist()]
    assert trace.num_burnin == 4
    assert target.grad_evals == 20


def test_acceptance_is_that_of_the_kept_steps() -> None:
    """Steps 4 to 10: chain 0 accepts seven, chain 1 the steps 5, 7, 9."""
    assert run(Counting(), draws=7)[0].acceptance == pytest.approx((7 + 3) / 14)
    assert run(Counting(), draws=6, burnin=0)[0].acceptance == pytest.approx((6 + 3) / 12)
    assert run(Counting(rejecting=False))[0].acceptance is None


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_lost_chain_ends_the_run(loss: float) -> None:
    trace, _ = run(Counting(since=5, loss=loss), draws=2 * CHECK_EVERY)
    assert trace.status == "not_finite"
    assert "1 of 2 chains left the finite numbers at step 5" in trace.message
    assert trace.excess.shape == (2, CHECK_EVERY)


def test_a_chain_whose_parameters_are_lost_ends_the_run_too() -> None:
    trace, _ = run(Counting(since=5, distance=math.nan), draws=2 * CHECK_EVERY)
    assert trace.status == "not_finite"


@pytest.mark.parametrize("gamma", [1.0, 100.0])
@pytest.mark.parametrize(("share", "status"), [(0.99, "ok"), (1.01, "diverged")])
def test_a_chain_that_has_run_away_ends_the_run(gamma, share, status) -> None:
    """A million times ``sqrt(dim / gamma)`` from the reference point."""
    assert RUNAWAY == 1e6
    limit = 1e6 * math.sqrt(3 / gamma)
    trace, _ = run(Counting(since=3, distance=share * limit), gamma=gamma)
    assert trace.status == status


def test_a_budget_keeps_the_steps_that_were_made() -> None:
    trace, target = run(Counting(), budget=Budget(grad_evals=15))
    assert trace.status == "timeout"
    assert trace.message == "budget of 15 gradient evaluations is used up after 7 of 10 steps"
    assert trace.excess.shape == (2, 7)
    assert trace.kept.shape == (2, 3)
    assert target.grad_evals == 14


@pytest.mark.parametrize(("draws", "burnin"), [(0, 5), (5, -1)])
def test_lengths_are_checked(draws: int, burnin: int) -> None:
    with pytest.raises(ValueError, match="num_draws must be at least 1"):
        run(Counting(), draws=draws, burnin=burnin)


def test_a_resumed_run_counts_the_time_before() -> None:
    class Place:
        every = 60.0

        def read(self):
            return {"chains": {}, "seconds": 100.0}

    class Resumed:
        def outlined(self):
            return []

        def resume(self, place):
            assert place == {}

    watch = Watch(Resumed(), None, Place())
    watch.start()
    assert 100 <= watch.seconds() < 160
