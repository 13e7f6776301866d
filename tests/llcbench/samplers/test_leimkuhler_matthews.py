"""Leimkuhler-Matthews: single steps, large steps on quadratics, the order of its bias, blocks."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from linear_response import noise_of

import llcbench
from llcbench import Target, make_sampler
from llcbench.samplers import fused
from llcbench.samplers.leimkuhler_matthews import LeimkuhlerMatthews
from llcbench.sampling.loop import sample
from theory.langevin.euler import euler_langevin
from theory.langevin.leimkuhler_matthews import leimkuhler_matthews

# Two-sided gates of 4.5 standard errors, 7e-6 each.
Z = 4.5


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def one_step(sampler, eps, theta, old, new):
    """Return where a chain of one parameter on ``w^4`` goes, and the loss that it records."""
    target = Target(llcbench.problem("poly/x4"), 50.0, 3.0, 1)
    target.next_batch(rng())
    values = torch.ones(1, 1, dtype=torch.float64)
    made = make_sampler(sampler, {"step_size": eps})
    with noise_of(old * values):
        state = made.init(theta * values, target, rng())
    with noise_of(new * values):
        state, draw = made.step(state, target, rng())
    return float(draw.theta), float(draw.loss), state


def test_a_step_is_the_one_that_a_hand_computes():
    # Gradient 50 * 4 * 0.001 + 3 * 0.1 = 0.5; half the step 0.02 of it; root 0.2 of the step.
    moved, loss, state = one_step("leimkuhler_matthews", 0.04, 0.1, 0.6, -1.0)
    assert moved == pytest.approx(0.1 - 0.02 * 0.5 + 0.2 * (0.6 - 1.0) / 2, rel=1e-14)
    assert loss == pytest.approx(1e-4, rel=1e-14)
    # The noise that the next step shares is the new one.
    assert float(state.noise) == -1.0
    other = one_step("sgld", 0.04, 0.1, 0.6, -1.0)[0]
    assert other == pytest.approx(0.1 - 0.02 * 0.5 - 0.2, rel=1e-14)


def test_it_is_baoab_at_large_friction():
    """The same numbers in the same order; BAOAB records the loss after its move."""
    paths = []
    for name, options in (("leimkuhler_matthews", {}), ("baoab", {"friction": 60.0})):
        target = Target(llcbench.problem("poly/x2y2"), 100.0, 10.0, 8)
        target.next_batch(rng())
        sampler, noise = make_sampler(name, {"step_size": 5e-3, **options}), rng(3)
        state, path, losses = sampler.init(target.start(), target, noise), [], []
        for _ in range(50):
            state, draw = sampler.step(state, target, noise)
            path.append(draw.theta.clone())
            losses.append(draw.loss)
        paths.append((torch.stack(path), torch.stack(losses)))
    (ours, before), (others, after) = paths
    assert torch.allclose(ours, others, rtol=1e-10, atol=1e-13)
    assert torch.allclose(before[1:], after[:-1], rtol=1e-10, atol=1e-15)


def energies(name, problem, eps, nbeta, gamma, *, chains=512, draws=1500, burnin=300):
    """Return mean energies of independent chains, with the standard error of their mean."""
    target = Target(llcbench.problem(problem), nbeta, gamma, chains)
    trace = sample(
        target,
        make_sampler(name, {"step_size": eps}),
        num_draws=draws,
        num_burnin=burnin,
        noise=rng(1),
        batches=rng(2),
    )
    means = nbeta * trace.kept.mean(1)
    return means.mean(), means.std(ddof=1) / chains**0.5


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_large_steps_on_a_quadratic_have_the_energy_of_the_target(share):
    """Steps of a share of the largest stable one; SGLD is rejected by the same gate."""
    nbeta, gamma, curvatures = 100.0, 10.0, np.array([0.25, 1.0, 4.0])
    eps = share * 4 / (nbeta * 4 + gamma)
    exact = leimkuhler_matthews(curvatures, nbeta, gamma, eps).llc
    truth = llcbench.problem("regular/d3").tempered(nbeta, gamma, None).value
    assert exact == pytest.approx(truth, rel=1e-12)
    mean, error = energies("leimkuhler_matthews", "regular/d3", eps, nbeta, gamma)
    assert abs(mean - exact) <= Z * error
    assert error < 0.005 * exact
    wrong, spread = energies("sgld", "regular/d3", eps, nbeta, gamma)
    assert abs(wrong - exact) > Z * spread
    euler = euler_langevin(curvatures, nbeta, gamma, eps).llc
    assert abs(wrong - euler) <= Z * spread
    assert abs(mean - euler) > Z * error


def test_energies_before_stationarity_are_the_closed_ones():
    nbeta, gamma, eps, chains = 100.0, 10.0, 4e-3, 20_000
    exact = leimkuhler_matthews([1.0], nbeta, gamma, eps)
    target = Target(llcbench.problem("regular/d1"), nbeta, gamma, chains)
    trace = sample(
        target,
        LeimkuhlerMatthews(eps),
        num_draws=8,
        num_burnin=0,
        noise=rng(1),
        batches=rng(2),
    )
    for steps, losses in enumerate(nbeta * trace.kept.T):
        expected, error = exact.llc_after(steps), losses.std(ddof=1) / chains**0.5
        assert abs(losses.mean() - expected) <= Z * error
        if steps > 0:
            assert abs(losses.mean() - 1.1 * expected) > Z * error


class Quartic:
    """The chains on ``U = nbeta w^4 + gamma/2 w^2`` as matrices on a grid, free of chance."""

    nbeta = 1e3

    def __init__(self, eps, gamma=10.0, points=401):
        self.eps, self.gamma, self.spread = eps, gamma, 0.5 * eps**0.5
        # Beyond, the potential is above 40.
        self.grid = np.linspace(-0.45, 0.45, points)

    def slope(self, w):
        return 4 * self.nbeta * w**3 + self.gamma * w

    def curvature(self, w):
        return 12 * self.nbeta * w**2 + self.gamma

    def invariant(self, density):
        """Return the weights that a transition density, from row to column, leaves alone."""
        size = len(self.grid)
        matrix = density / density.sum(1, keepdims=True)
        system = np.vstack([(matrix.T - np.eye(size))[1:], np.ones(size)])
        return np.linalg.solve(system, np.eye(size)[-1])

    def sgld(self):
        """Return ``nbeta E[w^4]`` of Euler steps."""
        mean = self.grid - 0.5 * self.eps * self.slope(self.grid)
        weights = self.invariant(np.exp(-((self.grid - mean[:, None]) ** 2) / (2 * self.eps)))
        return self.nbeta * float(weights @ self.grid**4)

    def leimkuhler_matthews(self):
        """Return ``nbeta E[w^4]``, from ``v = w - s xi`` with ``s = sqrt(eps) / 2``.

        v is a Markov chain of its own: ``v' = 2 w - v - eps/2 U'(w)`` with ``w = v + s xi``, which
        is solved for w by Newton's method; ``dv'/dxi = s (2 - eps/2 U''(w))``.
        """
        # The equation has a solution up to where its slope ends; there the potential is above 40.
        largest = math.sqrt((4 / self.eps - self.gamma) / (12 * self.nbeta))
        fold = largest - 0.25 * self.eps * self.slope(largest)
        middle = np.linspace(self.grid[0], self.grid[-1], 2 * len(self.grid) - 1)
        inside = np.abs(middle) < (1 - 1e-6) * fold
        w = np.where(inside, middle, 0.0)
        for _ in range(100):
            excess = np.where(inside, w - 0.25 * self.eps * self.slope(w) - middle, 0.0)
            w -= excess / (1 - 0.25 * self.eps * self.curvature(w))
        assert np.abs(excess).max() < 1e-14
        speed = 2 - 0.5 * self.eps * self.curvature(w)
        assert speed.min() > 0
        assert self.nbeta * largest**4 > 40
        places = np.arange(len(self.grid))
        pair = places + places[:, None]
        xi = (w[pair] - self.grid[:, None]) / self.spread
        weights = self.invariant(inside[pair] * np.exp(-0.5 * xi**2) / speed[pair])
        v, s = self.grid, self.spread
        return self.nbeta * float(weights @ (v**4 + 6 * v**2 * s**2 + 3 * s**4))


def truth(gamma):
    return llcbench.problem("poly/x4").tempered(Quartic.nbeta, gamma, None).value


@pytest.mark.parametrize(("method", "order"), [("sgld", 1), ("leimkuhler_matthews", 2)])
def test_the_bias_on_a_quartic_is_of_first_order_for_sgld_and_of_second_here(method, order):
    """Half the step, half the bias or a quarter; gamma 100, as without one it is of third order."""
    biases = [
        getattr(Quartic(eps, 100.0), method)() / truth(100.0) - 1 for eps in (5e-4, 2.5e-4, 1.25e-4)
    ]
    coarse, fine = (math.log2(a / b) for a, b in pairwise(biases))
    print(method, [f"{bias:.3g}" for bias in biases], f"orders {coarse:.3f} {fine:.3f}")
    assert abs(fine - order) < 0.05
    assert abs(fine - order) < 0.6 * abs(coarse - order)


def test_the_values_on_a_grid_do_not_depend_on_it():
    for method in ("sgld", "leimkuhler_matthews"):
        values = [getattr(Quartic(5e-4, points=points), method)() for points in (251, 401)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)


@pytest.mark.parametrize(("name", "right"), [("sgld", False), ("leimkuhler_matthews", True)])
def test_samplers_have_the_energy_of_the_matrices(name, right):
    """At a step where SGLD is 6 % off and Leimkuhler-Matthews a hundredth of a percent."""
    expected = getattr(Quartic(1.5e-3), name)()
    mean, error = energies(name, "poly/x4", 1.5e-3, 1e3, 10.0, chains=4096, draws=600)
    print(f"{name}: {mean:.5f}({error:.5f}), matrices {expected:.5f}, truth {truth(10.0):.5f}")
    assert abs(mean - expected) <= Z * error
    assert error < 0.004 * expected
    assert (abs(mean - truth(10.0)) <= Z * error) == right
    assert (abs(expected / truth(10.0) - 1) < 2e-4) == right


LAYERED = "dln/30-40-20-30/r3/n100"


def walk(problem, dtype, steps, chains=2, **forces):
    """Return the positions of some steps on minibatches, the noise of each, and the losses."""
    problem = llcbench.problem(problem)
    data = problem.sample_data(rng(5))
    target = Target(problem, 200.0, 3.0, chains, data, None if data is None else 16, dtype)
    for name, value in forces.items():
        setattr(target, name, value)
    noise, batches = rng(1), rng(2)
    target.next_batch(batches)
    sampler = LeimkuhlerMatthews(1e-4)
    state = sampler.init(target.start(), target, noise)
    places, noises, losses = [state.theta.clone()], [state.noise.clone()], []
    for _ in range(steps):
        target.next_batch(batches)
        state, draw = sampler.step(state, target, noise)
        places.append(draw.theta.clone())
        noises.append(state.noise.clone())
        losses.append(draw.loss)
    return target, places, noises, losses


def plain(problem, dtype, places, noises, chains=2):
    """Return the positions that the formula makes of the noise of every step."""
    problem = llcbench.problem(problem)
    data = problem.sample_data(rng(5))
    target = Target(problem, 200.0, 3.0, chains, data, None if data is None else 16, dtype)
    batches = rng(2)
    target.next_batch(batches)
    theta, results, losses = places[0].clone(), [], []
    for old, new in pairwise(noises):
        target.next_batch(batches)
        _, grad, loss = target.potential_and_grad(theta)
        theta = theta - 0.5e-4 * grad + 1e-2 * (old + new) / 2
        results.append(theta)
        losses.append(loss)
    return results, losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("whole", "layer"), [(2**18, 2**16), (0, 10**6), (0, 1)])
def test_steps_at_once_in_blocks_and_by_layers_are_those_of_the_formula(
    dtype, whole, layer, monkeypatch
):
    monkeypatch.setattr(fused, "WHOLE", whole)
    monkeypatch.setattr(fused, "BLOCK", 512)
    monkeypatch.setattr(fused, "LAYER", layer)
    target, places, noises, losses = walk(LAYERED, dtype, 5)
    assert fused.by_layer(target, places[0]) == (layer == 1)
    assert target.grad_evals == 5 * 2
    results, expected = plain(LAYERED, dtype, places, noises)
    within = 200 * torch.finfo(dtype).eps
    for place, result in zip(places[1:], results, strict=True):
        assert torch.allclose(place, result, rtol=within, atol=within)
    for loss, value in zip(losses, expected, strict=True):
        assert torch.allclose(loss, value, rtol=100 * within, atol=within)
    assert not torch.allclose(noises[1], noises[2], atol=0.1)


def test_blocks_and_layers_share_the_noise_of_one_fill(monkeypatch):
    """In double precision blocks draw what one fill draws, so that whole paths are the same."""
    whole = walk(LAYERED, torch.float64, 4)
    monkeypatch.setattr(fused, "WHOLE", 0)
    monkeypatch.setattr(fused, "LAYER", 10**6)
    for block in (16, 512, 2**15):
        monkeypatch.setattr(fused, "BLOCK", block)
        blocks = walk(LAYERED, torch.float64, 4)
        for one, other in zip(whole[1] + whole[2], blocks[1] + blocks[2], strict=True):
            assert torch.allclose(one, other, rtol=1e-13, atol=1e-15)


# 360 000 weights, which move layer by layer unless told otherwise.
WIDE = "dln/600-300-600/r2/n100"


@pytest.mark.parametrize("layered", [True, False])
def test_large_states_in_single_precision_have_the_variance_and_the_sharing_of_the_formula(
    layered, monkeypatch
):
    """Without forces steps have variance ``eps/2`` and neighbours the covariance ``eps/4``."""
    if not layered:
        monkeypatch.setattr(fused, "LAYER", 10**9)
    target, places, noises, _ = walk(WIDE, torch.float32, 3, nbeta=0.0, gamma=0.0)
    assert places[0].numel() > fused.WHOLE
    assert fused.by_layer(target, places[0]) == layered
    moves = [((b - a).double() / 1e-2).flatten() for a, b in pairwise(places)]
    size = len(moves[0])
    for k, first in enumerate(moves):
        # Standard errors of a variance and of products of Gaussians.
        assert abs(float(first.square().mean()) - 0.5) <= Z * 0.5 * (2 / size) ** 0.5
        for later in moves[k + 1 :]:
            expected = 0.25 if later is moves[k + 1] else 0.0
            error = ((0.25 + expected**2) / size) ** 0.5
            product = float((first * later).mean())
            assert abs(product - expected) <= Z * error
            # Noise of its own in every step, or the same in all, is rejected.
            assert abs(product - (0.25 - expected)) > Z * error
    for one, other in pairwise(noises):
        product = float((one.double() * other.double()).mean())
        assert abs(product) <= Z * one.numel() ** -0.5


@pytest.mark.parametrize("layered", [True, False])
def test_a_pull_that_is_too_small_to_change_a_weight_by_itself_is_not_lost(layered, monkeypatch):
    if not layered:
        monkeypatch.setattr(fused, "LAYER", 10**9)
    eps, gamma, moved = 1e-9, 20.0, {}
    for force in (gamma, 0.0):
        problem = llcbench.problem(WIDE)
        target = Target(problem, 1.0, force, 1, problem.sample_data(rng(5)), 16, torch.float32)
        target.next_batch(rng(2))
        # A distance of one from the reference, and no loss.
        target.nbeta, target.w_star = 0.0, torch.full((target.dim,), 0.5)
        sampler, theta = LeimkuhlerMatthews(eps), torch.full((1, target.dim), 1.5)
        _, draw = sampler.step(sampler.init(theta, target, rng(1)), target, rng(4))
        assert fused.by_layer(target, theta) == layered
        assert draw.theta is theta
        moved[force] = theta.double()
    pull = 0.5 * eps * gamma
    # Alone it is less than half of the distance to the next number in single precision.
    assert torch.equal(theta.fill_(1.5).lerp_(target.w_star, pull), torch.full_like(theta, 1.5))
    share = float((moved[0.0] - moved[gamma]).mean()) / pull
    assert abs(share - 1) < 0.1
    assert float(moved[0.0].std()) > 1000 * pull
