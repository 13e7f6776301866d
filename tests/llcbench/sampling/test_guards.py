"""Guards that say what R-hat and the effective sample size do not see."""

import weakref

import numpy as np
import pytest
import torch

import llcbench
from llcbench import MALA, SGLD, MeanEnergy, Settings
from llcbench.sampling import guards
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import Convergence, longest_stay
from llcbench.sampling.target import Target

SETTINGS = Settings(nbeta=1e3, gamma=10.0, num_chains=16, num_draws=1200, num_burnin=800)


def test_the_longest_stay_by_hand():
    traces = np.array([[1.0, 1.0, 2.0, 2.0, 2.0, 3.0], [1.0, 2.0, 1.0, 2.0, 2.0, 1.0]])
    assert longest_stay(traces) == 2
    assert longest_stay(traces[1:]) == 1
    assert longest_stay(np.arange(6.0)[None]) == 0


def guards_of(identifier, sampler, settings=SETTINGS):
    found = MeanEnergy(sampler, settings).estimate(llcbench.problem(identifier))
    return {guard.name: guard for guard in found.guards}


def test_a_chain_that_sticks_in_the_narrow_middle_of_a_cross_is_flagged():
    """One step size for arms and middle: R-hat and the effective draws see nothing wrong."""
    result = guards_of("poly/x2y4", MALA())
    assert not result["stuck"].passed
    assert result["rhat"].passed
    assert result["ess_bulk"].passed
    # Controls: a mixture of step sizes on the same problem, and a regular point.
    assert guards_of("poly/x2y4", MALA(spread=2.0))["stuck"].passed
    assert guards_of("regular/d5", MALA())["stuck"].passed


@pytest.mark.parametrize("step_size", [1e-3, 4e-3])
def test_rejections_that_are_the_same_everywhere_are_no_stay(step_size):
    """A fixed step on a quadratic; the guard is relative to the acceptance."""
    settings = Settings(nbeta=1e3, gamma=10.0, num_chains=16, num_draws=200, num_burnin=100)
    found = guards_of("regular/d2", MALA(step_size=step_size, adapt=0), settings)
    print(found["acceptance"].value, found["stuck"].value, found["stuck"].limit)
    assert found["stuck"].passed


def test_the_buffers_of_the_last_step_are_gone_before_the_guards_of_a_large_network():
    problem = llcbench.problem("dln/60-60-60/r60/n4000")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 10.0, 1.0, 1, data, batch_size=20, dtype=torch.float32)
    target.next_batch(torch.Generator().manual_seed(0))
    theta = target.start()
    grad = target.loss_and_grad(theta, reuse=True)[1]
    held = [weakref.ref(theta), weakref.ref(grad)]
    del theta, grad
    assert all(reference() is not None for reference in held)
    trace = Trace(
        excess=np.random.default_rng(0).random((1, 100)), baseline=np.zeros((1, 1)), loss_star=0.0,
        num_burnin=0, acceptance=None, data_se=None, status="ok", message="",
        seconds_setup=0.0, seconds_sampling=0.0,
    )  # fmt: skip
    rng = torch.Generator().manual_seed(1)
    guards.guards(target, SGLD(), trace, Convergence(1000.0, 1000.0, 1.0), rng)
    assert all(reference() is None for reference in held)
