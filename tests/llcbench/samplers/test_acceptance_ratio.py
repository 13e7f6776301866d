"""Acceptance of every sampler that rejects, against its definition; where adaptation ends."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from linear_response import DATA, GAMMA, NBETA, force, noise_of, target_of
from torch import Tensor

from llcbench.registry import make_sampler
from llcbench.samplers import exact, hmc, mala, mclmc
from llcbench.samplers.mclmc import Flow, directions, trajectory, unit
from llcbench.samplers.metropolis import Place, accepts, adapted
from llcbench.sampling.target import Target

CHAINS = 5
PROBLEMS = ["poly/x2y2", DATA, "rrr/2-2-2/r1"]
EPS = 4e-3


def potential(target: Target, theta: Tensor, nbeta: float = NBETA) -> Tensor:
    """Return ``nbeta L + GAMMA/2 |w - w*|^2``, ``(chains,)``."""
    excess = target.loss.excess(theta, target.batch)
    return nbeta * excess + 0.5 * GAMMA * (theta - target.w_star).square().sum(1)


def started(problem: str) -> tuple[Target, Tensor, Tensor]:
    """Return a target, points around ``w*`` and normal numbers of the same shape."""
    target = target_of(problem, CHAINS)
    rng = torch.Generator().manual_seed(3)
    theta = target.start(rng)
    return target, theta, torch.randn(theta.shape, generator=rng, dtype=theta.dtype)


@contextmanager
def watched(module: Any) -> Iterator[list[tuple[Place, Tensor]]]:
    """Yield the proposals that are tested, with the logarithms of their ratios."""
    seen: list[tuple[Place, Tensor]] = []
    original = module.metropolis_step

    def recording(state: Any, proposal: Place, ratio: Tensor, *args: Any, **options: Any) -> Any:
        seen.append((Place(*(part.clone() for part in proposal)), ratio.clone()))
        return original(state, proposal, ratio, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "metropolis_step", recording)
        yield seen


def one_test(
    module: Any, sampler: Any, target: Target, theta: Tensor, noise: Tensor
) -> tuple[Place, Tensor]:
    """Return proposal and ratio of one step; its uniform numbers are those of seed 8."""
    with noise_of(noise), watched(module) as seen:
        state = sampler.init(theta.clone(), target, torch.Generator())
        sampler.step(state, target, torch.Generator().manual_seed(8))
    ((proposal, ratio),) = seen
    return proposal, ratio


def forces(target: Target, theta: Tensor) -> Tensor:
    return torch.stack([force(target, row) for row in theta])


@pytest.mark.parametrize("spread", [0.0, 1.5])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_mala_tests_densities_and_proposals(problem, spread):
    target, theta, noise = started(problem)
    sampler = make_sampler("mala", {"step_size": EPS, "spread": spread})
    proposal, ratio = one_test(mala, sampler, target, theta, noise)
    eps = torch.full((CHAINS, 1), EPS, dtype=theta.dtype)
    if spread:
        twin = torch.Generator().manual_seed(8)
        uniform = torch.rand((CHAINS, 1), generator=twin, dtype=theta.dtype)
        eps = EPS * 10 ** (-spread * uniform)
    centre = theta + 0.5 * eps * forces(target, theta)
    assert torch.allclose(proposal.theta, centre + eps.sqrt() * noise, rtol=1e-9, atol=1e-9)

    def log_q(to: Tensor, start: Tensor, factor: float = 1.0) -> Tensor:
        mean = start + 0.5 * factor * eps * forces(target, start)
        return -((to - mean).square() / (2 * eps)).sum(1)

    def expected(nbeta: float = NBETA, factor: float = 1.0) -> Tensor:
        new = proposal.theta
        change = potential(target, theta, nbeta) - potential(target, new, nbeta)
        return change + log_q(theta, new, factor) - log_q(new, theta, factor)

    assert torch.allclose(ratio, expected(), rtol=1e-6, atol=1e-6)
    for wrong in (expected(1.01 * NBETA), expected(0.99 * NBETA), expected(factor=1.01)):
        assert not torch.allclose(ratio, wrong, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_hmc_tests_the_energy_of_a_leapfrog_trajectory(problem):
    target, theta, momentum = started(problem)
    proposal, ratio = one_test(
        hmc, make_sampler("hmc", {"step_size": EPS, "leapfrogs": 4}), target, theta, momentum
    )
    length = int(torch.randint(1, 8, (), generator=torch.Generator().manual_seed(8)))
    assert length > 1
    w, p, h = theta, momentum, math.sqrt(EPS)
    for _ in range(length):
        p = p + 0.5 * h * forces(target, w)
        w = w + h * p
        p = p + 0.5 * h * forces(target, w)
    assert torch.allclose(proposal.theta, w, rtol=1e-7, atol=1e-7)

    def expected(nbeta: float = NBETA, mass: float = 1.0) -> Tensor:
        before = potential(target, theta, nbeta) + 0.5 * mass * momentum.square().sum(1)
        return before - potential(target, w, nbeta) - 0.5 * mass * p.square().sum(1)

    assert torch.allclose(ratio, expected(), rtol=1e-6, atol=1e-6)
    for wrong in (expected(1.01 * NBETA), expected(mass=1.01)):
        assert not torch.allclose(ratio, wrong, rtol=1e-4, atol=1e-4)


def test_lengths_of_trajectories_are_uniform_about_their_mean():
    """Every length from 1 to ``2 leapfrogs - 1``, and no other."""
    for name, module in (("hmc", hmc), ("adjusted_mclmc", mclmc)):
        target, theta, _ = started("poly/x2y2")
        sampler = make_sampler(name, {"step_size": EPS, "leapfrogs": 3, "adapt": 0})
        rng = torch.Generator().manual_seed(0)
        state, lengths = sampler.init(theta, target, rng), []
        for _ in range(60):
            before = target.grad_evals
            state, _ = sampler.step(state, target, rng)
            lengths.append((target.grad_evals - before) // CHAINS)
        assert set(lengths) == {1, 2, 3, 4, 5}, module


def tangent(direction: Tensor) -> Tensor:
    """Return an orthonormal basis of the tangent space of the sphere, ``(dim, dim - 1)``."""
    return torch.linalg.svd(direction.unsqueeze(0), full_matrices=True)[2][1:].T


def log_volume(target: Target, theta: Tensor, direction: Tensor, time: float, steps: int) -> Tensor:
    """Return the logarithm of the factor by which the flow changes volume, of one chain.

    Parameters are a flat space, directions a sphere; all derivatives are central differences.
    """
    dim, size = len(theta), 1e-5

    def moved(theta: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        rows = unit(direction)
        flow, _ = trajectory(Flow(Place.at(theta, target), rows), target, time, steps)
        return flow.place.theta, flow.direction

    basis = tangent(direction)
    eye = torch.eye(dim, dtype=theta.dtype)
    shifts = torch.cat([eye, torch.zeros(dim - 1, dim, dtype=theta.dtype)])
    turns = torch.cat([torch.zeros(dim, dim, dtype=theta.dtype), basis.T])
    ends = [moved(theta + s * size * shifts, direction + s * size * turns) for s in (1, -1)]
    end = moved(theta.unsqueeze(0), direction.unsqueeze(0))[1][0]
    columns = [(high - low) / (2 * size) for high, low in zip(*ends, strict=True)]
    jacobian = torch.cat([columns[0], columns[1] @ tangent(end)], 1)
    return torch.linalg.slogdet(jacobian)[1]


@pytest.mark.parametrize("problem", ["poly/x2y2", DATA, "rrr/2-2-2/r1"])
@pytest.mark.parametrize("steps", [1, 3])
def test_kinetic_energy_of_the_isokinetic_flow_is_what_it_gains_in_volume(problem, steps):
    """A reversible map is tested with ``exp(-U)`` times its volume; the factor of it is this."""
    target, theta, noise = started(problem)
    time = 0.05
    flow = Flow(Place.at(theta, target), unit(noise))
    end, error = trajectory(flow, target, time, steps)
    change = potential(target, end.place.theta) - potential(target, theta)
    growth = error - change
    volume = torch.stack(
        [log_volume(target, *rows, time, steps) for rows in zip(theta, unit(noise), strict=True)]
    )
    assert torch.allclose(growth, -volume, rtol=1e-5, atol=1e-6)
    assert float(growth.abs().max()) > 0.1
    # A curvature of the sphere or a temperature that is one percent off.
    assert not torch.allclose(growth, -1.01 * volume, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("nbeta", [NBETA, 1.01 * NBETA])
def test_the_isokinetic_flow_keeps_its_energy_as_the_step_vanishes(nbeta):
    """Over a given time the error falls as the square of the step, or stays: 1 % off."""
    target, theta, noise = started("rrr/2-2-2/r1")
    errors = []
    for steps in (40, 80):
        flow = Flow(Place.at(theta, target), unit(noise))
        end, error = trajectory(flow, target, 0.4 / steps, steps)
        right = potential(target, end.place.theta) - potential(target, theta)
        wrong = potential(target, end.place.theta, nbeta) - potential(target, theta, nbeta)
        errors.append(float((error - right + wrong).abs().max()))
    if nbeta == NBETA:
        assert 3.5 < errors[0] / errors[1] < 4.5
        assert errors[1] < 1e-2
    else:
        assert errors[1] > 2e-2


@pytest.mark.parametrize("problem", PROBLEMS)
def test_adjusted_mclmc_tests_potential_and_volume(problem):
    target, theta, noise = started(problem)
    sampler = make_sampler("adjusted_mclmc", {"step_size": EPS / 10, "leapfrogs": 3})
    proposal, ratio = one_test(mclmc, sampler, target, theta, noise)
    length = int(torch.randint(1, 6, (), generator=torch.Generator().manual_seed(8)))
    time = math.sqrt(EPS / 10 * target.dim)
    starts = zip(theta, unit(noise), strict=True)
    volume = torch.stack([log_volume(target, *rows, time, length) for rows in starts])

    def expected(nbeta: float = NBETA) -> Tensor:
        return potential(target, theta, nbeta) - potential(target, proposal.theta, nbeta) + volume

    assert torch.allclose(ratio, expected(), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ratio, expected(1.01 * NBETA), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoherence", [0.5, 10.0])
def test_half_the_noise_of_mclmc_comes_before_the_flow_and_half_after(decoherence):
    """``u + nu z / sqrt(d)``, normalised, with ``nu^2 = exp(1 / decoherence) - 1`` for a half."""
    target, theta, noise = started("rrr/2-2-2/r1")
    sampler = make_sampler("mclmc", {"step_size": EPS, "decoherence": decoherence})
    rng = torch.Generator()
    with noise_of(noise):
        state = sampler.init(theta.clone(), target, rng)
    other = torch.randn(noise.shape, generator=rng.manual_seed(1), dtype=noise.dtype)
    with noise_of(other):
        state, draw = sampler.step(state, target, rng)
    share = math.sqrt((math.exp(1 / decoherence) - 1) / target.dim)
    for factor, same in ((1.0, True), (1.01, False)):
        before = unit(unit(noise) + factor * share * other)
        flow = Flow(Place.at(theta, target), before)
        flow, _ = trajectory(flow, target, math.sqrt(EPS * target.dim), 1)
        after = unit(flow.direction + factor * share * other)
        assert torch.allclose(draw.theta, flow.place.theta, rtol=0, atol=1e-7) == same
        assert torch.allclose(state.direction, after, rtol=0, atol=1e-7) == same


def test_directions_are_normal_numbers_of_length_one():
    noise = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
    with noise_of(noise):
        result = directions(torch.empty(2, 2), torch.Generator())
    assert torch.allclose(result, torch.tensor([[0.6, 0.8], [0.0, -1.0]]))


def test_cells_of_exact_weigh_what_they_claim():
    """The density of a cell times its volume is the probability that it is drawn."""
    target, theta, _ = started("poly/x2y2")
    sampler = make_sampler("exact", {"resolution": 1e-2})
    rng = torch.Generator().manual_seed(1)
    state = sampler.init(theta, target, rng)
    lower, widths, cumulative, log_density = state.proposal
    masses = np.diff(cumulative.numpy(), prepend=0.0)
    assert cumulative[-1] == pytest.approx(1, abs=1e-12)
    assert masses == pytest.approx((log_density.exp() * widths.prod(1)).numpy(), rel=1e-6)
    assert masses != pytest.approx((1.01 * log_density.exp() * widths.prod(1)).numpy(), rel=1e-3)
    twin = torch.Generator()
    twin.set_state(rng.get_state())
    drawn, claimed = state.proposal.draw(50, rng)
    # A cell is the one in whose share of the mass a uniform number falls; the place in it is
    # uniform too.
    uniform = torch.rand(50, generator=twin, dtype=torch.float64)
    cell = (uniform[:, None] > cumulative).sum(1)
    offset = torch.rand(50, 2, generator=twin, dtype=torch.float64)
    assert torch.equal(drawn, lower[cell] + widths[cell] * offset)
    assert torch.equal(claimed, log_density[cell])
    assert len(cell.unique()) > 20
    for point, value in zip(drawn, claimed, strict=True):
        inside = ((lower <= point) & (point <= lower + widths)).all(1)
        assert value in log_density[inside]


def test_exact_tests_the_density_against_its_cells():
    target, theta, _ = started("poly/x2y2")
    sampler = make_sampler("exact", {"resolution": 1e-2})
    rng, seen = torch.Generator().manual_seed(1), []

    def recording(ratio: Tensor, rng: torch.Generator) -> Tensor:
        seen.append(ratio)
        return torch.ones(len(ratio), dtype=torch.bool)

    state = sampler.init(theta, target, rng)
    old, lower, widths = state.theta.clone(), state.proposal.lower, state.proposal.widths
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "accepts", recording)
        new, _ = sampler.step(state, target, rng)

    def log_q(points: Tensor) -> Tensor:
        inside = (lower <= points[:, None]) & (points[:, None] <= lower + widths)
        cells = inside.all(2).int().argmax(1)
        return state.proposal.log_density[cells]

    for nbeta, same in ((NBETA, True), (1.01 * NBETA, False)):
        change = potential(target, old, nbeta) - potential(target, new.theta, nbeta)
        expected = change + log_q(old) - log_q(new.theta)
        assert torch.allclose(seen[0], expected, rtol=1e-5, atol=1e-5) == same


def test_a_chain_accepts_where_its_uniform_number_is_below_the_ratio():
    ratio = torch.tensor([-0.5, -0.1, 0.2, -3.0, -1.0], dtype=torch.float64).repeat(40)
    uniform = torch.rand(200, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    decided = accepts(ratio, torch.Generator().manual_seed(4))
    assert torch.equal(decided, uniform < ratio.exp())
    assert not torch.equal(decided, uniform < (0.95 * ratio).exp())


# --- Adaptation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mala", "hmc", "adjusted_mclmc"])
@pytest.mark.parametrize("adapt", [0, 1, 4])
def test_the_step_is_fixed_from_the_end_of_adaptation_on(name, adapt):
    target, theta, _ = started("poly/x2y2")
    sampler = make_sampler(name, {"step_size": EPS, "adapt": adapt})
    rng = torch.Generator().manual_seed(0)
    # No acceptance rate of four chains is the one that is aimed at.
    state = sampler.init(theta[:4].clone(), target, rng)
    steps = [state.step_size]
    for _ in range(adapt + 8):
        state, _ = sampler.step(state, target, rng)
        steps.append(state.step_size)
    assert all(a != b for a, b in pairwise(steps[: adapt + 1]))
    assert len(set(steps[adapt:])) == 1
    assert steps[0] == EPS


@pytest.mark.parametrize(
    ("accepted", "steps", "expected"),
    [
        # log eps + 2 / sqrt(t) (rate - aim), t counted from one.
        ([True, True, True, False], 0, 0.1 * math.exp(2.0 * 0.25)),
        ([True, False, False, False], 3, 0.1 * math.exp(1.0 * -0.25)),
        ([True, True, False, False], 8, 0.1),
        ([True, True, True, True], 9, 0.1),
    ],
)
def test_the_step_follows_the_rate_with_the_published_gain(accepted, steps, expected):
    result = adapted(0.1, steps, 9, torch.tensor(accepted), 0.5)
    assert result == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "aim"), [("mala", 0.574), ("hmc", 0.8), ("adjusted_mclmc", 0.8)])
def test_the_step_aims_at_the_documented_rate(name, aim):
    """All chains accept a step of next to nothing."""
    target, theta, _ = started("poly/x2y2")
    sampler = make_sampler(name, {"step_size": 1e-12, "adapt": 10})
    rng = torch.Generator().manual_seed(0)
    state, draw = sampler.step(sampler.init(theta, target, rng), target, rng)
    assert draw.accepted.all()
    assert state.step_size == pytest.approx(1e-12 * math.exp(2 * (1 - aim)), rel=1e-12)


@pytest.mark.parametrize("adapt", [0, 20, 30])
def test_the_preconditioner_of_kfac_is_fixed_from_the_end_of_adaptation_on(adapt):
    target = target_of("dln/3-2-3/r1", CHAINS)
    sampler = make_sampler("kfac_sgld", {"adapt": adapt})
    rng = torch.Generator().manual_seed(0)
    state = sampler.init(target.start(rng), target, rng)
    kept, factors = [state.layers], [state.factors]
    for _ in range(60):
        state, _ = sampler.step(state, target, rng)
        kept.append(state.layers)
        factors.append(state.factors)
    assert all(layers is kept[adapt] for layers in kept[adapt:])
    assert all(pair is factors[adapt] for pair in factors[adapt:])
    assert (kept[adapt] is kept[0]) == (adapt == 0)
