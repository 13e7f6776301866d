"""Lengths of chains at a given cost, and samplers that end a run themselves."""

from dataclasses import dataclass

import pytest

import llcbench
from llcbench import Settings
from llcbench.records import Estimate
from llcbench.run.plan import with_grads
from llcbench.samplers.sgld import SGLD
from llcbench.types import Draw


@dataclass(frozen=True)
class Spender:
    """Langevin dynamics that stops after some steps."""

    steps: int

    def init(self, theta, target, rng):
        return 0, theta

    def step(self, state, target, rng):
        count, theta = state
        theta, draw = SGLD(1e-3).step(theta, target, rng)
        return (count + 1, theta), Draw(theta, draw.loss, last=count + 1 == self.steps)


def estimate(steps: int) -> Estimate:
    settings = Settings(nbeta=100.0, gamma=10.0, num_chains=4, num_draws=300, num_burnin=0)
    return llcbench.MeanEnergy(Spender(steps), settings).estimate(llcbench.problem("regular/d2"))


def test_the_run_ends_with_the_draws_that_are_there():
    """The prefix of a longer run, to the last digit."""
    short, longer = estimate(37), estimate(10**6)
    assert (short.status, short.grad_evals) == ("ok", 4 * 37)
    assert (longer.status, longer.grad_evals) == ("ok", 4 * 300)
    assert short.llc != longer.llc
    settings = Settings(nbeta=100.0, gamma=10.0, num_chains=4, num_draws=37, num_burnin=0)
    whole = llcbench.MeanEnergy(SGLD(1e-3), settings).estimate(llcbench.problem("regular/d2"))
    assert short.llc == whole.llc


def test_too_few_draws_are_no_estimate():
    found = estimate(7)
    assert (found.status, found.llc) == ("error", None)
    assert "fewer than 8 draws" in found.message


def test_a_sampler_that_counts_gets_the_gradients_and_all_the_draws():
    settings, parameters = with_grads(Settings(), "nuts", {"warmup": 500, "grads": None}, 2000)
    assert (settings.num_draws, settings.num_burnin) == (1200, 0)
    assert parameters == {"warmup": 500, "grads": 2000}
    settings, parameters = with_grads(Settings(), "sgld", {"step_size": 1e-3}, 2000)
    assert (settings.num_draws, settings.num_burnin) == (1200, 800)
    assert parameters == {"step_size": 1e-3}


@pytest.mark.parametrize(("adapt", "fitted"), [(0, 0), (800, 800), (801, 800), (1500, 800)])
def test_a_sampler_adapts_within_the_burnin(adapt, fitted):
    """Of 2000 steps of one gradient each 800 are burn-in."""
    settings, parameters = with_grads(Settings(), "mala", {"adapt": adapt}, 2000)
    assert (settings.num_draws, settings.num_burnin) == (1200, 800)
    assert parameters == {"adapt": fitted}
