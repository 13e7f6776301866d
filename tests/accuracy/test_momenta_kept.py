"""Generalised HMC leaves the target invariant: exact draws stay exact draws, whatever the step.

All chains start at independent exact draws with stationary momenta, so that nothing has to relax,
and large steps make many of them reject. A gate of false-alarm rate 1e-4 on the mean energy of
independent chains; every mutant below fails it on at least one of the two problems.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from scipy.stats import norm
from torch import Tensor

import llcbench
from llcbench import GHMC, MeanEnergy, Settings, Target
from llcbench.samplers import ghmc
from llcbench.samplers.ghmc import GHMCState

pytestmark = pytest.mark.llc_accuracy

NBETA, GAMMA, CHAINS, STEPS = 100.0, 5.0, 200_000, 12
LIMIT = float(norm.isf(0.5e-4))
# A step that a fifth to a third of the chains reject.
SAMPLERS = {
    "regular/d2": GHMC(step_size=1.2e-2, friction=2.0, spread=0.4, adapt=0),
    "poly/x4": GHMC(step_size=0.12, friction=1.0, adapt=0),
}


def exact_draws(target: Target, rng: torch.Generator) -> Tensor:
    """Return draws of a quadratic or one-dimensional target, ``(chains, dim)``."""
    shape = (target.num_chains, target.dim)
    if target.dim > 1:
        # Curvatures of the loss, from its values at the unit vectors.
        eye = torch.eye(target.dim, dtype=torch.float64)
        curvatures = 2 * target.loss.excess(target.w_star + eye, target.batch)
        noise = torch.randn(shape, generator=rng, dtype=torch.float64)
        return target.w_star + noise * (target.nbeta * curvatures + target.gamma) ** -0.5
    grid = target.w_star + torch.linspace(-1.5, 1.5, 200_001, dtype=torch.float64)[:, None]
    mass = (-target.energy(grid)[0]).exp()
    place = torch.rand(shape[0], generator=rng, dtype=torch.float64) * mass.sum()
    cell = torch.searchsorted(mass.cumsum(0), place)
    width = 3.0 / 200_000
    return grid[cell] + width * (torch.rand(shape, generator=rng, dtype=torch.float64) - 0.5)


Change = Callable[[GHMCState, Tensor], GHMCState]


def z_score(problem: str, change: Change = lambda state, accepted: state) -> tuple[float, float]:
    """Return how many errors the mean energy is off after some steps, and the acceptance rate.

    Args:
        problem: Id of the problem.
        change: Applied to the state after every step, with the chains that accepted.
    """
    target = Target(llcbench.problem(problem), NBETA, GAMMA, CHAINS)
    rng = torch.Generator().manual_seed(11)
    target.next_batch(rng)
    sampler, rate = SAMPLERS[problem], 0.0
    state = sampler.init(exact_draws(target, rng), target, rng)
    for _ in range(STEPS):
        state, draw = sampler.step(state, target, rng)
        assert draw.accepted is not None
        rate += float(draw.accepted.double().mean()) / STEPS
        state = change(state, draw.accepted)
    energies = NBETA * draw.loss
    truth = target.problem.tempered(NBETA, GAMMA)
    assert truth.certified
    z = float((energies.mean() - truth.value) / (energies.std() / CHAINS**0.5))
    print(f"{problem}: accepted {rate:.2f}, z {z:+.2f}")
    return z, rate


@pytest.mark.parametrize("problem", SAMPLERS)
def test_exact_draws_stay_exact_draws(problem: str) -> None:
    z, rate = z_score(problem)
    assert abs(z) < LIMIT
    assert 0.6 < rate < 0.85


def keeps_direction(state: GHMCState, accepted: Tensor) -> GHMCState:
    """Undo the turn of momenta of chains that rejected."""
    sign = torch.where(accepted, 1.0, -1.0)[:, None]
    return state._replace(momentum=sign * state.momentum)


@pytest.mark.parametrize("problem", SAMPLERS)
def test_the_gate_rejects_momenta_that_go_on_after_a_rejection(problem: str) -> None:
    assert not abs(z_score(problem, keeps_direction)[0]) <= LIMIT


@contextmanager
def patched(place: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, value)
        yield


@pytest.mark.parametrize("problem", SAMPLERS)
def test_the_gate_rejects_noise_that_is_3_percent_too_large(problem: str) -> None:
    normal = torch.Tensor.normal_

    def louder(self: Tensor, **options: Any) -> Tensor:
        return normal(self, **options).mul_(1.03)

    with patched(torch.Tensor, "normal_", louder):
        assert not abs(z_score(problem)[0]) <= LIMIT


@pytest.mark.parametrize("problem", SAMPLERS)
def test_the_gate_rejects_steps_without_a_test(problem: str) -> None:
    with patched(ghmc, "accepts", lambda ratio, rng: torch.ones_like(ratio, dtype=torch.bool)):
        assert not abs(z_score(problem)[0]) <= LIMIT


@pytest.mark.parametrize("problem", ["poly/x2y2", "rrr/2-2-2/r1"])
def test_untouched_defaults_agree_with_the_tempered_truth(problem: str) -> None:
    settings = Settings(nbeta=1e3, gamma=10.0, num_chains=32, num_draws=1700, num_burnin=300)
    estimate = MeanEnergy(GHMC(), settings).estimate(llcbench.problem(problem))
    truth = llcbench.problem(problem).tempered(1e3, 10.0)
    error = (estimate.mcse**2 + truth.stderr**2) ** 0.5
    print(f"{problem}: {estimate.llc:.4f}({error:.4f}), exact {truth.value:.4f}")
    assert abs(estimate.llc - truth.value) < LIMIT * error
    assert error < 0.03 * truth.value
    other = llcbench.problem(problem).tempered(1e3, 1.0)
    assert abs(estimate.llc - other.value) > LIMIT * error
