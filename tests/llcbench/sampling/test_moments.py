"""Moments of the virial: the same numbers from blocks, layers and factors as from the formulas."""

import numpy as np
import pytest
import torch

import llcbench
from llcbench import BAOAB, HMC, MALA, SGHMC, SGLD, Exact, Gibbs, LeimkuhlerMatthews
from llcbench.sampling.loop import sample
from llcbench.sampling.moments import BLOCK, distance, gradient_noise, moments
from llcbench.sampling.recorder import EVERY, PAIRS
from llcbench.sampling.target import Target

NETWORK = "dln/6-5-4/r2/n50"
# Wide enough that the gradient of a minibatch is handed out layer by layer.
LAYERED = "dln/100-100-100/r3/n200"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def target_of(problem: str, chains: int = 3, **options) -> Target:
    problem = llcbench.problem(problem)
    target = Target(problem, 20.0, 3.0, chains, problem.sample_data(generator(1)), **options)
    target.next_batch(generator(2))
    return target


def parts(theta, star, grad):
    offset = (theta - star).double()
    grad = grad.double()
    return (offset**2).sum(1), (offset * grad).sum(1), (grad**2).sum(1)


def assert_moments(moments_, theta, star, grad, *, rtol=1e-12):
    square, pull, slope = parts(theta, star, grad)
    gram = torch.stack([torch.stack([square, pull], 1), torch.stack([pull, slope], 1)], 2)
    torch.testing.assert_close(moments_.gram.double(), gram, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dim", [1, 7, BLOCK // 3 + 1, BLOCK + 5])
def test_moments_are_products_of_offset_and_gradient(dim):
    theta, grad = torch.randn(2, 3, dim, generator=generator(), dtype=torch.float64)
    star = torch.randn(dim, generator=generator(1), dtype=torch.float64)
    assert_moments(moments(theta, star, grad, theta[:, 0]), theta, star, grad, rtol=1e-10)
    torch.testing.assert_close(distance(theta, star), parts(theta, star, grad)[0])


def test_layers_give_the_moments_of_the_whole_gradient():
    """Before a layer moves: the visit that follows writes over the parameters."""
    target = target_of(LAYERED, batch_size=100)
    theta = target.w_star + torch.randn(3, target.dim, generator=generator(), dtype=torch.float64)
    target.next_batch(generator(3))
    target.recording = True
    target.loss_and_grad(theta)
    whole = target.moments
    assert target.num_parts == 2
    moved = theta.clone()

    def visit(gradient):
        gradient.add_to(moved[:, gradient.start : gradient.stop], -1.0)

    target.loss_and_visit(moved, visit)
    assert whole is not None
    assert target.moments is not None
    torch.testing.assert_close(target.moments.gram, whole.gram)
    torch.testing.assert_close(target.moments.loss, whole.loss)


@pytest.mark.parametrize("problem", [NETWORK, LAYERED])
def test_the_noise_of_batches_is_half_the_square_of_their_difference(problem):
    target = target_of(problem, batch_size=100)
    theta = target.w_star + torch.randn(3, target.dim, generator=generator(), dtype=torch.float64)
    one, two = (target.loss.draw(3, 50, generator(seed)) for seed in (5, 6))
    (first, grad), (second, other) = (target.loss.excess_and_grad(theta, b) for b in (one, two))
    pair = gradient_noise(target.loss, theta, one, two)
    torch.testing.assert_close(pair.noise, (grad - other).square().sum(1) / 2)
    torch.testing.assert_close(pair.first, first)
    torch.testing.assert_close(pair.second, second)


def test_a_control_variate_counts_its_own_noise_only():
    """At the reference point it has none at all."""
    target = target_of("rrr/3-3-3/r1/n50", batch_size=7, control_variate=True)
    theta = target.w_star.expand(3, -1).clone()
    one, two = (target.loss.draw(3, 4, generator(seed)) for seed in (5, 6))
    assert float(target.gradient_noise(theta, one, two).noise.max()) < 1e-20
    assert float(gradient_noise(target.loss, theta, one, two).noise.min()) > 1e-6


SAMPLERS = [
    SGLD(1e-3), LeimkuhlerMatthews(1e-3), BAOAB(1e-3), SGHMC(1e-3), MALA(1e-3, adapt=0),
    HMC(1e-3, leapfrogs=2, adapt=0), Gibbs(rao_blackwell=False),
]  # fmt: skip


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
def test_records_belong_to_the_recorded_losses(sampler):
    """The gradient is that of the very place whose loss stands in the trace."""
    target = target_of("rrr/3-3-3/r1/n50", chains=4)
    seen = []
    inner = target.loss.excess_and_grad
    trace = sample(
        target, sampler, num_draws=40, num_burnin=0, noise=generator(3), batches=generator(4),
        record_every=1,
    )  # fmt: skip
    assert trace.recorded is not None
    np.testing.assert_array_equal(trace.recorded.steps, np.arange(40))
    np.testing.assert_allclose(trace.recorded.loss, trace.excess, rtol=1e-9, atol=1e-12)
    again = sample(
        target_of("rrr/3-3-3/r1/n50", chains=4), Watching(sampler, seen), num_draws=40,
        num_burnin=0, noise=generator(3), batches=generator(4),
    )  # fmt: skip
    np.testing.assert_array_equal(again.excess, trace.excess)
    # Where the loss of a step is that of the state before it, and where it is not.
    before = isinstance(sampler, SGLD | LeimkuhlerMatthews | SGHMC)
    for step in (3, 17, 38):
        theta = seen[step - before]
        _, grad = inner(theta, target.batch)
        square, pull, slope = parts(theta, target.w_star, grad)
        np.testing.assert_allclose(trace.recorded.distance[:, step], square, rtol=1e-9)
        np.testing.assert_allclose(trace.recorded.pull[:, step], pull, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(trace.recorded.slope[:, step], slope, rtol=1e-5, atol=1e-9)


class Watching:
    """A sampler whose draws are copied."""

    def __init__(self, sampler, seen):
        self.sampler, self.seen = sampler, seen
        self.step_size = getattr(sampler, "step_size", None)

    def init(self, theta, target, rng):
        return self.sampler.init(theta, target, rng)

    def step(self, state, target, rng):
        state, draw = self.sampler.step(state, target, rng)
        self.seen.append(draw.theta.clone())
        return state, draw


def test_a_run_is_the_same_whether_or_not_it_records():
    """Half batches have random numbers of their own."""
    runs = []
    for every in (1, 7, 10**6):
        target = target_of("rrr/3-3-3/r1/n50", batch_size=5)
        runs.append(
            sample(
                target, SGLD(1e-3), num_draws=60, num_burnin=10, noise=generator(3),
                batches=generator(4), record_every=every,
            )
        )  # fmt: skip
        assert target.grad_evals == 3 * 70
    np.testing.assert_array_equal(runs[0].excess, runs[1].excess)
    np.testing.assert_array_equal(runs[0].excess, runs[2].excess)
    assert runs[1].recorded.steps.tolist() == list(range(0, 70, 7))
    np.testing.assert_array_equal(runs[0].recorded.pull[:, ::7], runs[1].recorded.pull)


def test_records_are_taken_at_few_steps_and_pairs_at_fewer():
    target = target_of("rrr/3-3-3/r1/n50", batch_size=5)
    trace = sample(
        target, SGLD(1e-3), num_draws=400, num_burnin=0, noise=generator(3), batches=generator(4)
    )
    assert trace.recorded.steps.tolist() == list(range(0, 400, EVERY))
    assert trace.recorded.pairs.steps.tolist() == list(range(0, 400, EVERY * PAIRS))
    late = trace.recorded.since(200)
    assert late.steps.min() >= 200
    assert late.loss.shape == late.pull.shape == (3, len(late.steps))
    assert late.pairs.noise.shape == (3, len(late.pairs.steps))
    # Two half batches count as a gradient of a chain, beside those of the steps.
    assert target.recorded_grads == 3 * len(trace.recorded.pairs.steps)
    assert target.grad_evals == 3 * 400


@pytest.mark.parametrize(("tabulate", "cost"), [(True, 1), (False, 2)])
def test_a_pair_costs_twice_with_gradients_at_the_reference_point(tabulate, cost):
    target = target_of("rrr/3-3-3/r1/n50", batch_size=5, control_variate=True, tabulate=tabulate)
    one, two = (target.loss.draw(3, 2, generator(seed)) for seed in (5, 6))
    target.gradient_noise(target.w_star.expand(3, -1).clone(), one, two)
    assert (target.recorded_grads, target.grad_evals) == (3 * cost, 0)


def test_the_noise_that_is_recorded_is_that_of_the_batch_in_use():
    """Against the variance over many batches at the same place."""
    target = target_of("rrr/3-3-3/r1/n50", chains=1, batch_size=5)
    theta = target.w_star + 0.1 * torch.randn(
        1, target.dim, generator=generator(), dtype=torch.float64
    )
    rows = theta.expand(4000, -1)
    grads = target.loss.excess_and_grad(rows, target.loss.draw(4000, 5, generator(7)))[1]
    expected = float(grads.var(0).sum())
    half = 2
    draws = [target.loss.draw(4000, half, generator(seed)) for seed in (8, 9)]
    noise = gradient_noise(target.loss, rows, *draws).noise * (half / 5)
    assert (
        abs(float(noise.mean()) - expected) < 5 * float(noise.std()) / 4000**0.5 + 0.05 * expected
    )
    assert abs(float(noise.mean()) * 5 / half - expected) > 0.5 * expected  # not scaled: rejected


def test_exact_draws_get_a_gradient_of_their_own_that_is_not_charged():
    target = target_of("poly/x2y2")
    trace = sample(
        target, Exact(), num_draws=100, num_burnin=0, noise=generator(3), batches=generator(4)
    )
    assert trace.recorded is not None
    assert len(trace.recorded.steps) == 100 // EVERY + 1
    assert target.grad_evals == 0
    assert target.recorded_grads == 3 * len(trace.recorded.steps)
