"""Test a sampler in pytest: the conformance kit, a gate against the truth, and a control.

    pytest tutorials/test_my_estimator.py

The fixtures come with the package. A gate fails when the bias exceeds what its standard error
allows; all gates of a session together raise a false alarm with probability 1e-4 (the settings
``llc_false_alarm`` and ``llc_gates``). Some seconds on one core.
"""

from dataclasses import dataclass
from statistics import mean, stdev

import pytest
import torch
from torch import Tensor

from llcbench import Draw, Target
from llcbench.testing import named_checks

SETTINGS = {"nbeta": 100.0, "gamma": 10.0, "num_chains": 64, "num_draws": 600, "num_burnin": 150}

State = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class RandomWalk:
    """Metropolis with Gaussian proposals; any temperature but 1 is wrong on purpose."""

    step_size: float = 1e-2
    temperature: float = 1.0

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Evaluate the start; a budget counts gradients, so an evaluation is paid as one."""
        potential, _, loss = target.potential_and_grad(theta)
        return theta, potential, loss

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Propose and test for all chains at once."""
        theta, before, loss = state
        proposal = theta + self.step_size**0.5 * torch.empty_like(theta).normal_(generator=rng)
        after, _, proposed = target.potential_and_grad(proposal)
        uniform = torch.rand(before.shape, generator=rng, dtype=before.dtype)
        accepted = uniform.log() < (before - after) / self.temperature
        theta = torch.where(accepted[:, None], proposal, theta)
        loss = torch.where(accepted, proposed, loss)
        return (theta, torch.where(accepted, after, before), loss), Draw(theta, loss, accepted)


@pytest.mark.parametrize("problem", ["regular/d5", "poly/x4"])
def test_it_finds_the_truth(llc_run, llc_gate, problem):
    """Right within what its standard error allows."""
    llc_gate(llc_run(problem, RandomWalk(), replicates=2, **SETTINGS), against="tempered")


def test_the_gate_sees_a_wrong_temperature(llc_run, llc_gate):
    """A gate that nothing fails would prove nothing."""
    score = llc_run("regular/d5", RandomWalk(temperature=1.3), replicates=2, **SETTINGS)
    with pytest.raises(pytest.fail.Exception):
        llc_gate(score, against="tempered")


def estimates_of_elsewhere():
    """Stand for a program that knows nothing of llcbench: eight estimates of one coefficient."""
    return [0.262, 0.241, 0.255, 0.246, 0.259, 0.248, 0.251, 0.244]


def test_a_number_from_elsewhere(llc_gate):
    """On poly/x4 the local coefficient is 1/4; the error of eight has seven degrees of freedom."""
    values = estimates_of_elsewhere()
    error = stdev(values) / len(values) ** 0.5
    llc_gate(mean(values), error, problem="poly/x4", against="local", dof=len(values) - 1)
    with pytest.raises(pytest.fail.Exception):
        llc_gate(mean(values) + 0.1, error, problem="poly/x4", against="local", dof=7)


# Seeds, chains, gradients, failures, distributions that are known in closed form: a test each.
@pytest.mark.parametrize("name", named_checks(RandomWalk()))
def test_conformance(name):
    """Does what every sampler has to do."""
    named_checks(RandomWalk())[name]()
