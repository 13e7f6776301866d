"""Generalised HMC: one step by hand, and how its step size adapts."""

import math
from itertools import pairwise

import pytest
import torch
from linear_response import DATA, GAMMA, NBETA, force, noise_of, target_of
from torch import Tensor

import llcbench
from llcbench import GHMC, Target
from llcbench.samplers.ghmc import GHMCState

CHAINS = 8
EPS = 2e-2
# Steps that some chains accept and some reject.
EVEN = {"poly/x2y2": 0.15, DATA: 1e-2, "rrr/2-2-2/r1": EPS}


def started(problem: str, **options: float) -> tuple[Target, Tensor, Tensor]:
    """Return a target, points around ``w*`` and normal numbers of the same shape."""
    target = target_of(problem, CHAINS, **options)
    rng = torch.Generator().manual_seed(3)
    noise = torch.randn(CHAINS, target.dim, generator=rng, dtype=torch.float64)
    theta = target.w_star + noise * GAMMA**-0.5
    return target, theta, torch.randn(theta.shape, generator=rng, dtype=theta.dtype)


def energy(target: Target, theta: Tensor, momentum: Tensor) -> Tensor:
    """Return ``nbeta L + gamma/2 |w - w*|^2 + |p|^2/2``, ``(chains,)``."""
    excess = target.loss.excess(theta, target.batch)
    pull = 0.5 * GAMMA * (theta - target.w_star).square().sum(1)
    return NBETA * excess + pull + 0.5 * momentum.square().sum(1)


@pytest.mark.parametrize("friction", [None, 0.7])
@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize("problem", EVEN)
def test_one_step_by_hand(problem: str, spread: float, friction: float | None) -> None:
    target, theta, momentum = started(problem)
    eps = (1 + spread) * EVEN[problem]
    noise = torch.randn(theta.shape, generator=torch.Generator().manual_seed(9), dtype=theta.dtype)
    sampler = GHMC(step_size=eps, spread=spread, friction=friction, adapt=0)
    with noise_of(momentum):
        state = sampler.init(theta.clone(), target, torch.Generator())
    with noise_of(noise):
        state, draw = sampler.step(state, target, torch.Generator().manual_seed(8))

    twin = torch.Generator().manual_seed(8)
    h = torch.full((CHAINS, 1), eps**0.5, dtype=theta.dtype)
    if spread:
        h = (eps * 10 ** -torch.rand((CHAINS, 1), generator=twin, dtype=theta.dtype)).sqrt()
    uniform = torch.rand(CHAINS, generator=twin, dtype=theta.dtype)
    keep = torch.exp(-(4 * GAMMA**0.5 if friction is None else friction) * h)
    fresh = keep * momentum + (1 - keep**2).sqrt() * noise
    half = fresh + 0.5 * h * torch.stack([force(target, row) for row in theta])
    moved = theta + h * half
    last = half + 0.5 * h * torch.stack([force(target, row) for row in moved])
    accepted = uniform < (energy(target, theta, fresh) - energy(target, moved, last)).exp()
    assert 0 < int(accepted.sum()) < CHAINS
    rows = accepted[:, None]
    assert draw.accepted is not None
    assert torch.equal(draw.accepted, accepted)
    assert torch.allclose(draw.theta, torch.where(rows, moved, theta), rtol=1e-6, atol=1e-8)
    turned = torch.where(rows, last, -fresh)
    assert torch.allclose(state.momentum, turned, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(state.momentum, torch.where(rows, last, fresh), atol=1e-2)
    # What a later step starts from is that of the place after the test.
    again = target.potential_and_grad(state.place.theta.clone())
    for kept, value in zip(state.place[1:], again, strict=True):
        assert torch.allclose(kept, value, rtol=1e-12, atol=1e-12)
    assert torch.equal(draw.loss, state.place.loss)


def after(sampler: GHMC, target: Target, theta: Tensor, steps: int) -> list[GHMCState]:
    rng = torch.Generator().manual_seed(0)
    states = [sampler.init(theta.clone(), target, rng)]
    for _ in range(steps):
        states.append(sampler.step(states[-1], target, rng)[0])
    return states


def test_the_step_follows_the_acceptance_and_ends_at_its_mean() -> None:
    """All chains accept tiny steps: ``log h`` rises by its largest move in every step."""
    target, theta, _ = started("poly/x2y2")
    states = after(GHMC(step_size=1e-16, adapt=5), target, theta, 7)
    first = math.log(1e-8)
    logs = [float(state.log_step) for state in states]
    mean = first + (0.3 + 0.4 + 0.5) / 3
    expected = [first, first + 0.1, first + 0.2, first + 0.3, first + 0.4, mean, mean, mean]
    assert logs == pytest.approx(expected, rel=1e-12)
    # Near its aim it moves in proportion, with a gain that falls.
    near = after(GHMC(step_size=1e-16, adapt=99, acceptance=0.99), target, theta, 32)
    rise = [float(b.log_step - a.log_step) for a, b in pairwise(near)]
    assert rise[0] == pytest.approx(3.0 * 0.01, rel=1e-6)
    assert rise[30] == pytest.approx(3.0 * 0.01 / 2**0.5, rel=1e-6)


def test_the_step_falls_where_nothing_is_accepted_and_is_bounded_by_the_localisation() -> None:
    target, theta, _ = started("poly/x2y2")
    states = after(GHMC(step_size=1e4, adapt=2), target, theta, 1)
    bound = math.log(1.5) - 0.5 * math.log(GAMMA)
    assert float(states[1].log_step) == pytest.approx(bound)
    states = after(
        GHMC(step_size=1e4, adapt=2), target_of("poly/x2y2", CHAINS, gamma=0.0), theta, 1
    )
    assert float(states[1].log_step - states[0].log_step) == pytest.approx(-0.5)


def test_it_follows_probabilities_and_not_what_became_of_them() -> None:
    """The same state and the same noise with other uniform numbers adapts alike."""
    target, theta, momentum = started("poly/x2y2")
    sampler, results, outcomes = GHMC(step_size=EPS, spread=0.0), [], []
    for seed in range(6):
        with noise_of(momentum):
            state = sampler.init(theta.clone(), target, torch.Generator())
            state, draw = sampler.step(state, target, torch.Generator().manual_seed(seed))
        assert draw.accepted is not None
        results.append(float(state.log_step))
        outcomes.append(tuple(draw.accepted.tolist()))
    assert len(set(outcomes)) > 1
    assert len(set(results)) == 1


def test_proposals_that_are_no_numbers_are_rejected_and_count_as_such() -> None:
    target, theta, _ = started("poly/x4-y6")
    states = after(GHMC(step_size=1e200, adapt=9), target, theta, 1)
    assert torch.equal(states[1].place.theta, theta)
    assert states[1].momentum.isfinite().all()
    assert states[1].log_step.isfinite()
    assert float(states[1].log_step) < float(states[0].log_step)


def test_settings_that_are_not_admissible_are_refused() -> None:
    for option, value in (("acceptance", 1.0), ("acceptance", 0), ("friction", 0), ("spread", -1)):
        with pytest.raises(ValueError, match=f"ghmc: {option} must be"):
            llcbench.make_sampler("ghmc", {option: value})


def test_minibatches_are_declined() -> None:
    problem = llcbench.problem("regular/d2/n50")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 10.0, 1.0, 2, data, batch_size=5)
    assert GHMC().unsupported(target) == "ghmc needs the full batch; drop batch_size"


@pytest.mark.parametrize("gamma", [0.0, 1e-6])
def test_momenta_are_forgotten_without_localisation(gamma: float) -> None:
    """Friction ``0.02 / h`` at least: the autocorrelation of momenta under no force is that."""
    target = target_of("poly/x2y2", CHAINS, nbeta=1e-12, gamma=gamma)
    sampler = GHMC(step_size=1e-6, spread=0.0, adapt=0)
    theta = target.start()
    with noise_of(torch.ones_like(theta)):
        state = sampler.init(theta, target, torch.Generator())
    with noise_of(torch.zeros_like(theta)):
        state, _ = sampler.step(state, target, torch.Generator())
    assert torch.allclose(state.momentum, torch.full_like(theta, math.exp(-0.02)), rtol=1e-6)
