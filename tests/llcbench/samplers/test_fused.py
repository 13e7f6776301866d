"""Fused updates against the plain formulas, number by number."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch

from llcbench import registry
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.regression import Regression
from llcbench.samplers import fused
from llcbench.samplers.normals import Normals
from llcbench.samplers.preconditioned import AdamSGLD, RMSpropSGLD
from llcbench.samplers.sgld import SGLD
from llcbench.sampling.target import Target

NBETA, GAMMA, STEP = 200.0, 3.0, 1e-4


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def plain_sgld(theta, target, noise):
    _, grad, loss = target.potential_and_grad(theta)
    xi = torch.empty_like(theta).normal_(generator=noise)
    return theta.add(grad, alpha=-0.5 * STEP).add(xi, alpha=STEP**0.5), loss


def plain_preconditioned(theta, grad, square, target, noise, momentum=None, correction=1.0):
    square.mul_(0.99).addcmul_(grad, grad, value=0.01)
    scale = square.div(correction).sqrt().add(1e-2).reciprocal().mul(STEP)
    drift = grad if momentum is None else momentum
    pull = drift.mul(target.nbeta).add(theta - target.w_star, alpha=target.gamma)
    xi = torch.empty_like(theta).normal_(generator=noise)
    return theta.addcmul(scale, pull, value=-0.5).addcmul(scale.sqrt(), xi)


def target_of(name, chains, dtype, **options):
    problem = registry.problem(name)
    data = problem.sample_data(rng(5))
    batch_size = None if data is None else 16
    return Target(problem, NBETA, GAMMA, chains, data, batch_size, dtype, **options)


CASES = [
    ("poly/x2y2", 3, torch.float64),
    ("dln/10-8-12-9/r3", 5, torch.float32),
    ("dln/10-8-12-9/r3/n100", 5, torch.float64),
    ("dln/30-40-20-30/r3/n100", 2, torch.float32),
]


@pytest.mark.parametrize(("name", "chains", "dtype"), CASES)
def test_sgld_makes_the_steps_of_the_plain_formula(name, chains, dtype):
    target, other = (target_of(name, chains, dtype) for _ in range(2))
    noise, same, batches, twins = rng(1), rng(1), rng(2), rng(2)
    state, expected = target.start(), target.start()
    for _ in range(6):
        target.next_batch(batches)
        other.next_batch(twins)
        state, draw = SGLD(STEP).step(state, target, noise)
        expected, loss = plain_sgld(expected, other, same)
        # The same numbers but for the order of operations.
        within = 100 * torch.finfo(dtype).eps
        assert torch.allclose(state, expected, rtol=within, atol=within)
        assert torch.allclose(draw.loss, loss, rtol=100 * within, atol=within)
    assert target.grad_evals == 6 * chains


@pytest.mark.parametrize("control_variate", [False, True])
def test_preconditioned_samplers_make_the_steps_of_the_plain_formula(control_variate):
    name, chains, dtype = CASES[2]
    options = {"control_variate": control_variate}
    for sampler in (RMSpropSGLD(STEP), AdamSGLD(STEP)):
        target, other = (target_of(name, chains, dtype, **options) for _ in range(2))
        noise, same, batches, twins = rng(1), rng(1), rng(2), rng(2)
        target.next_batch(batches)
        state = sampler.init(target.start(), target, noise)
        theta, mean, square = other.start(), 0.0, torch.ones_like(state.theta)
        for step in range(1, 5):
            target.next_batch(batches)
            other.next_batch(twins)
            if step == 1:
                other.next_batch(twins)
            state, _ = sampler.step(state, target, noise)
            grad = other.loss_and_grad(theta)[1]
            if isinstance(sampler, AdamSGLD):
                mean = 0.9 * mean + grad * (1 - 0.9)
                moved = mean / (1 - 0.9**step)
                theta = plain_preconditioned(
                    theta, grad, square, other, same, moved, 1 - 0.99**step
                )
            else:
                theta = plain_preconditioned(theta, grad, square, other, same)
            assert torch.allclose(state.theta, theta, rtol=1e-13, atol=1e-15)


def drawn(shape, seed=3, star=None, dtype=torch.float64):
    """Noise that ``update`` hands out, written where theta is."""
    theta = torch.full(shape, torch.nan, dtype=dtype)
    star = torch.zeros(shape[1]) if star is None else star

    def move(noise, star, theta):
        theta.copy_(noise + star)

    fused.update(move, star, (theta,), rng(seed))
    return theta


@pytest.mark.parametrize("shape", [(1, 5), (3, 7), (4, 300), (7, 1001), (1, 4099), (40, 37)])
def test_blocks_draw_the_noise_of_one_fill(shape, monkeypatch):
    star = torch.arange(shape[1]) * 10.0
    whole = torch.empty(shape, dtype=torch.float64).normal_(generator=rng(3)) + star
    assert torch.equal(drawn(shape, star=star), whole)
    monkeypatch.setattr(fused, "WHOLE", 0)
    for block in (16, 64, 512, 2**15):
        monkeypatch.setattr(fused, "BLOCK", block)
        assert torch.equal(drawn(shape, star=star), whole)
    assert not torch.equal(drawn(shape, seed=4, star=star), whole)


@pytest.mark.parametrize("shape", [(1, 300_001), (7, 50_001)])
def test_large_states_in_single_precision_get_vectorised_noise(shape):
    star = torch.arange(shape[1], dtype=torch.float32)
    noise = drawn(shape, dtype=torch.float32)
    normals = Normals(2 * fused.BLOCK)
    normals.seed(rng(3))
    low, high = (normals.next(size).clone() for size in (fused.BLOCK,) * 2)
    flat = noise.flatten()
    assert torch.equal(flat[: 2 * fused.BLOCK], torch.cat([low, high]))
    assert torch.equal(flat[2 * fused.BLOCK :], normals.next(len(flat) - 2 * fused.BLOCK))
    assert torch.equal(drawn(shape, star=star, dtype=torch.float32), noise + star)
    assert not torch.equal(drawn(shape, seed=4, dtype=torch.float32), noise)


def test_the_noise_is_the_same_in_any_number_of_threads():
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                results.append(drawn((3, 200_012), dtype=torch.float32))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


def test_threads_have_streams_of_their_own():
    expected = [drawn((2, 2**18), seed, dtype=torch.float32) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            found = pool.map(lambda seed: drawn((2, 2**18), seed, dtype=torch.float32), range(4))
            assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_blocks_may_grow(monkeypatch):
    drawn((1, 300_001), dtype=torch.float32)
    monkeypatch.setattr(fused, "BLOCK", 2 * fused.BLOCK)
    expected = Normals(2**18 + 16)
    expected.seed(rng(3))
    monkeypatch.setattr(fused, "WHOLE", 0)
    result = drawn((1, 2**18), dtype=torch.float32)
    assert torch.equal(result.flatten(), expected.next(2**18))


def test_large_networks_step_by_the_formula_and_leave_the_point_alone(monkeypatch):
    monkeypatch.setattr(fused, "WHOLE", 256)
    monkeypatch.setattr(fused, "BLOCK", 256)
    monkeypatch.setattr(fused, "LAYER", 16)
    target = target_of("dln/30-40-20-30/r3/n100", 2, torch.float64)
    point = target.w_star.clone()
    target.next_batch(rng(2))
    theta = target.start(rng(1))
    _, grad, _ = target.potential_and_grad(theta)
    moved, _ = SGLD(STEP).step(theta.clone(), target, rng(4))
    # The same noise in a chain that feels no force.
    flat = target_of("dln/30-40-20-30/r3/n100", 2, torch.float64)
    flat.nbeta = flat.gamma = 0.0
    flat.batch = target.batch
    free, _ = SGLD(STEP).step(theta.clone(), flat, rng(4))
    assert torch.allclose(moved, free - 0.5 * STEP * grad, rtol=1e-12, atol=1e-14)
    assert torch.equal(target.w_star, point)


WIDE = "dln/30-40-20-30/r3/n100"


def large_step(
    monkeypatch, dtype, control_variate=False, whole=0, layer=1, size=STEP, start=None, **forces
):
    """One SGLD step of a network that counts as large from ``whole`` numbers on."""
    monkeypatch.setattr(fused, "WHOLE", whole)
    monkeypatch.setattr(fused, "LAYER", layer)
    target = target_of(WIDE, 2, dtype, control_variate=control_variate)
    target.next_batch(rng(2))
    theta = target.start(rng(1)) if start is None else start.clone()
    for name, value in forces.items():
        setattr(target, name, value)
    target.loss_and_visit = visited(target.loss_and_visit)
    state, draw = SGLD(size).step(theta, target, rng(4))
    assert state is theta
    assert target.grad_evals == 2 * (1 + control_variate)
    return state, draw.loss, target.loss_and_visit.calls, target


def visited(function):
    def counting(*args):
        counting.calls += 1
        return function(*args)

    counting.calls = 0
    return counting


def test_large_networks_move_layer_by_layer_where_a_whole_gradient_is_not_needed(monkeypatch):
    _, loss, calls, _ = large_step(monkeypatch, torch.float64)
    _, other, whole, _ = large_step(monkeypatch, torch.float64, whole=10**6)
    assert torch.allclose(loss, other, rtol=1e-12)
    assert (calls, whole) == (1, 0)
    assert large_step(monkeypatch, torch.float64, control_variate=True)[2] == 0
    # 2600 weights in three layers: 867 a layer.
    assert large_step(monkeypatch, torch.float64, layer=866)[2] == 1
    assert large_step(monkeypatch, torch.float64, layer=867)[2] == 0
    with pytest.raises(ValueError, match="layer by layer"):
        target_of("poly/x2y2", 3, torch.float64).loss_and_visit(torch.zeros(3, 2), print)


def test_a_batch_whose_outputs_were_written_over_gives_the_same_losses_again():
    target = target_of(WIDE, 2, torch.float64)
    target.next_batch(rng(2))
    theta = target.start() + 0.1
    loss, grad = target.loss_and_grad(theta)
    assert target.batch.outputs is not None
    for _ in range(2):
        moved = theta.clone()
        visit = partial(subtract, moved)
        assert torch.allclose(target.loss_and_visit(theta, visit), loss, rtol=1e-12)
        assert torch.allclose(theta - moved, grad, rtol=1e-9, atol=1e-12)
        assert target.batch.outputs is None
        assert torch.allclose(target.energy(theta)[1], loss, rtol=1e-12)
    target.next_batch(rng(2))
    assert torch.equal(target.loss_and_grad(theta)[0], loss)


def test_a_visit_that_fails_leaves_a_batch_that_can_be_used():
    target = target_of(WIDE, 2, torch.float64)
    target.next_batch(rng(2))
    theta = target.start() + 0.1
    loss, _ = target.loss_and_grad(theta)
    inside = []

    def fail(_):
        inside.append(target.energy(theta)[1])
        raise KeyError

    with pytest.raises(KeyError):
        target.loss_and_visit(theta, fail)
    for result in (*inside, target.loss_and_grad(theta)[0]):
        assert torch.allclose(result, loss, rtol=1e-12)


def subtract(moved, gradient):
    gradient.add_to(moved[:, gradient.start : gradient.stop], -1.0)


def test_a_pull_that_is_too_small_to_change_a_weight_by_itself_is_not_lost(monkeypatch):
    size, gamma = 1e-9, 20.0
    pull, star = 0.5 * size * gamma, torch.full((2600,), 0.5)
    apart = torch.full((2, 2600), 1.5)
    # Alone it is less than half of the distance to the next number in single precision.
    assert torch.equal(torch.lerp(apart, star, pull), apart)
    moved = {}
    for force in (gamma, 0.0):
        forces = {"nbeta": 0.0, "gamma": force, "w_star": star}
        theta, *_ = large_step(monkeypatch, torch.float32, size=size, start=apart, **forces)
        moved[force] = theta.double()
    share = float((moved[0.0] - moved[gamma]).mean()) / pull
    assert abs(share - 1) < 0.1
    assert float(moved[0.0].std()) > 1000 * pull


def test_a_large_point_is_shared_and_a_small_one_is_not():
    problem = registry.problem("dln/10-8-12-9/r3")
    assert isinstance(problem, Regression)
    assert problem.w_star().data_ptr() != problem.w_star().data_ptr()
    point = problem.point.repeat(5000)[:1_100_000]
    large = replace(problem, map=LinearNetwork((1100, 1000)), point_function=lambda: point)
    assert large.w_star().data_ptr() == large.w_star().data_ptr()


def test_a_gradient_is_only_reused_for_those_who_ask():
    target = target_of("dln/10-8-12-9/r3", 2, torch.float64)
    target.next_batch(rng())
    theta = target.start(rng(1))
    kept = [target.loss_and_grad(theta)[1] for _ in range(2)]
    reused = [target.loss_and_grad(theta, reuse=True)[1] for _ in range(2)]
    assert kept[0].data_ptr() != kept[1].data_ptr()
    assert reused[0] is reused[1]
    assert torch.equal(kept[0], reused[0])
