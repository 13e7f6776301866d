"""Minibatches in blocks are those drawn one by one, also after an interruption."""

import pytest
import torch

from llcbench import registry
from llcbench.problems.squared.batches import ChainMoments, Samples
from llcbench.problems.squared.loss import LONG, SquaredLoss
from llcbench.problems.squared.minibatches import BLOCK_NUMBERS
from llcbench.sampling.target import Target

STEPS = 40


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def loss_of(name):
    problem = registry.problem(name)
    loss = problem.bind(problem.sample_data(rng(9)), torch.float64)
    assert isinstance(loss, SquaredLoss)
    return loss


def kept(batch):
    """Copies of what a batch holds: the next one may be gathered into the same memory."""
    return [part.clone() for part in batch if part is not None]


@pytest.mark.parametrize("name", ["rrr/5-3-5/r2/n300", "dln/1k/s2/n300", "poly/x2y2/n50"])
def test_blocks_are_the_moments_of_single_draws(name):
    loss, chains = loss_of(name), 3
    size = 8 * loss.map.inputs + 40
    feed, one, other = loss.minibatches(chains, size), rng(1), rng(1)
    theta = torch.randn(chains, loss.map.dim, generator=rng(2), dtype=torch.float64)
    for _ in range(STEPS):
        batch, samples = feed.next(one), loss.draw(chains, size, other)
        assert isinstance(batch, ChainMoments)
        assert isinstance(samples, Samples)
        for a, b in zip(
            loss.excess_and_grad(theta, batch), loss.excess_and_grad(theta, samples), strict=True
        ):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-12 * float(b.abs().max()))
        assert torch.allclose(loss.baseline(batch), loss.baseline(samples))


def test_wide_inputs_are_drawn_sample_by_sample():
    for size, kind in ((12, Samples), (80, ChainMoments)):
        feed = loss_of("rrr/5-3-5/r2/n300").minibatches(2, size)
        assert isinstance(feed.next(rng()), kind)
    full = loss_of("rrr/5-3-5/r2/n300").minibatches(2, None)
    assert full.next(rng()) is full.next(rng())


@pytest.mark.parametrize("name", ["rrr/5-3-5/r2/n300", "dln/9-12-11-8/r2/n300", "dln/1k/s2/n300"])
def test_gathered_samples_are_those_of_single_draws(name):
    loss, chains, size = loss_of(name), 3, 6
    feed, one, other = loss.minibatches(chains, size), rng(1), rng(1)
    theta = torch.randn(chains, loss.map.dim, generator=rng(2), dtype=torch.float64)
    for _ in range(3):
        batch, samples = feed.next(one), loss.draw(chains, size, other)
        assert isinstance(batch, Samples)
        assert (batch.outputs is not None) == loss.map.through_layers(size)
        assert torch.equal(batch.inputs, samples.inputs)
        assert (batch.noise is None) == (samples.noise is None)
        for a, b in zip(
            [*loss.excess_and_grad(theta, batch), loss.baseline(batch)],
            [*loss.excess_and_grad(theta, samples), loss.baseline(samples)], strict=True,
        ):  # fmt: skip
            assert torch.allclose(a, b, rtol=1e-12, atol=1e-13 * float(b.abs().max()))
        wrong = batch._replace(inputs=batch.inputs.roll(1, 0))
        assert not torch.allclose(loss.excess(theta, wrong), loss.excess(theta, samples))


def test_long_rows_have_the_inner_products_of_short_ones():
    """Rows beyond `LONG` take another operation."""
    loss = loss_of("dln/120-140-130/r3/n300")
    theta = torch.randn(2, loss.map.dim, generator=rng(2), dtype=torch.float64)
    samples = loss.draw(2, 100, rng(3))
    assert samples.noise[0].numel() > LONG
    error = samples.inputs @ (loss.map.value(theta) - loss.reference).mT
    expected = loss.scale * (error * (error - 2 * samples.noise)).sum(2).mean(1)
    assert torch.allclose(loss.excess(theta, samples), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [12, 80])
@pytest.mark.parametrize("stop", [0, 1, 7])
def test_a_feed_goes_on_where_it_was_stopped(size, stop):
    loss = loss_of("rrr/5-3-5/r2/n300")
    chains = max(1, BLOCK_NUMBERS // (10 * 80 * 3))  # blocks of three steps
    feed, batches = loss.minibatches(chains, size), rng(1)
    for _ in range(stop):
        feed.next(batches)
    state, where = feed.state(), batches.get_state()
    assert all(isinstance(value, int | torch.Tensor) for value in state.values())
    expected = [kept(feed.next(batches)) for _ in range(8)]
    again, generator = loss.minibatches(chains, size), rng(5)
    again.next(generator)
    generator.set_state(where)
    again.restore(state)
    for batch in expected:
        for a, b in zip(kept(again.next(generator)), batch, strict=True):
            assert torch.equal(a, b)


def test_another_generator_starts_anew():
    loss = loss_of("rrr/5-3-5/r2/n300")
    feed = loss.minibatches(2, 80)
    first = feed.next(rng(1))
    for seed, same in ((2, False), (1, True)):
        assert torch.equal(feed.next(rng(seed)).second, first.second) == same


def test_chains_and_steps_have_minibatches_of_their_own():
    loss = loss_of("rrr/5-3-5/r2/n300")
    feed, generator = loss.minibatches(6, 80), rng(3)
    rows = torch.cat([feed.next(generator).second.flatten(1) for _ in range(20)])
    assert len(torch.unique(rows, dim=0)) == 120
    centred = rows - loss.scale * loss.moments.second.flatten()
    # Independent minibatches: their mean is as close as 120 of them make it, |z| < 5 in each of 25
    # entries (false alarm rate 1.4e-5); minibatches that chains share are not.
    z = centred.mean(0) / (centred.std(0) / 120**0.5)
    assert float(z.abs().max()) < 5
    shared = centred[::6].repeat_interleave(6, 0)
    correlation = torch.corrcoef(torch.stack([centred[:-1].flatten(), centred[1:].flatten()]))
    assert abs(float(correlation[0, 1])) < 0.2
    repeated = torch.corrcoef(torch.stack([shared[:-1].flatten(), shared[1:].flatten()]))
    assert float(repeated[0, 1]) > 0.5


def test_the_target_hands_out_its_feed():
    problem = registry.problem("rrr/5-3-5/r2/n300")
    target = Target(problem, 10.0, 1.0, 2, problem.sample_data(rng(9)), 80)
    batches = rng(4)
    target.next_batch(batches)
    assert target.feed.state()["position"] == 1
    with pytest.raises(ValueError, match="finds no CUDA"):
        Target(problem, 10.0, 1.0, 2, device="cuda")
    with pytest.raises(ValueError, match="are for squared losses"):
        Target(registry.problem("model/tanh-5"), 10.0, 1.0, 2, matmul="bfloat16")


@pytest.mark.parametrize("name", ["dln/16-16-16/r4/n300", "rrr/5-3-5/r2/n300"])
@pytest.mark.parametrize("matmul", ["full", "bfloat16"])
def test_targets_may_share_a_bound_loss(name, matmul):
    problem = registry.problem(name)
    data = problem.sample_data(rng(9))
    loss = problem.bind(data, torch.float32).placed("cpu", matmul)
    results = []
    for bound in (None, loss, loss):
        options = {"dtype": torch.float32, "matmul": matmul, "bound": bound}
        target = Target(problem, 10.0, 1.0, 2, data, 32, **options)
        assert bound is None or target.loss is loss
        generator = rng(5)
        for _ in range(3):
            target.next_batch(generator)
        theta = target.start(rng(6))
        results.append((*target.loss_and_grad(theta), target.loss.baseline(target.batch)))
    for values in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(values, results[0], strict=True))
    with pytest.raises(
        ValueError, match=r"bound is a loss in torch.float32, and dtype=torch.float64"
    ):
        Target(problem, 10.0, 1.0, 2, data, 32, bound=loss)
