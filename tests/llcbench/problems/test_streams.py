"""Data that are hashed, not stored. All z gates: |z| < 5, false alarm rate 6e-7 each."""

import math
from dataclasses import replace

import pytest
import torch

from llcbench import registry
from llcbench.problems.squared import regression
from llcbench.problems.squared.regression import Inputs, Regression
from llcbench.problems.squared.streams import Stream, StreamMoments, mixed, uniforms
from llcbench.sampling.target import Target

DISTRIBUTIONS = ("normal", "uniform10")
MASK = 2**64 - 1


def stream(distribution="normal", noise_sd=0.5, num_data=3000, inputs=7, outputs=4, seed=11):
    return Stream(num_data, inputs, outputs, distribution, noise_sd, seed)


def splitmix64(state):
    """One output of the published generator in whole numbers of any size; returns the state too."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31), state


def test_hash_is_the_published_generator():
    state, expected = 0, []
    for _ in range(200):
        bits, state = splitmix64(state)
        expected.append(bits)
    assert expected[0] == 0xE220A8397B1DCDAF
    assert [int(value) & MASK for value in mixed(torch.arange(200))] == expected


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_rows_depend_on_their_number_alone(distribution):
    data, rng = stream(distribution), torch.Generator().manual_seed(0)
    whole = data.rows(torch.arange(3000), torch.float64)
    index = torch.randint(3000, (2, 50), generator=rng)
    for all_rows, some in zip(whole, data.rows(index, torch.float64), strict=True):
        assert torch.equal(all_rows[index], some)
    single = data.rows(index, torch.float32)[0]
    assert single.dtype == torch.float32
    assert torch.equal(single, whole[0][index].float())
    other = stream(distribution, seed=12).rows(torch.arange(3000), torch.float64)
    assert not torch.equal(whole[0], other[0])


def deviation(sample, mean, variance):
    return float((sample.double().mean() - mean) * (sample.numel() / variance) ** 0.5)


def flaws(u):
    """z values of tests of uniform numbers ``(rows, columns)``: distribution, rows, columns."""
    count = torch.histc(u, 64, 0, 1)
    chi = float(((count - u.numel() / 64).square() / (u.numel() / 64)).sum())
    c = (u - 0.5) * math.sqrt(12)
    return {
        "bins": (chi - 63) / math.sqrt(2 * 63),
        "mean": deviation(c, 0, 1),
        "square": deviation(c**2, 1, 0.8),
        "next row": deviation(c[1:] * c[:-1], 0, 1),
        "next column": deviation(c[:, 1:] * c[:, :-1], 0, 1),
        "far row": deviation(c[64:] * c[:-64], 0, 1),
    }


def test_uniform_numbers_are_uniform_and_independent():
    rows = torch.arange(20_000)
    results = {
        (seed, plane): uniforms(rows, 12, seed, plane)
        for seed in (0, 1, 2**40)
        for plane in (0, 1, 2)
    }
    for u in results.values():
        assert 0 <= u.min() < 1e-4
        assert 1 - 1e-4 < u.max() < 1
        assert all(abs(z) < 5 for z in flaws(u).values()), flaws(u)
    centred = [(u - 0.5) * math.sqrt(12) for u in results.values()]
    for k, a in enumerate(centred):
        for b in centred[:k]:
            assert abs(deviation(a * b, 0, 1)) < 5
            assert abs(deviation(a[:-1] * b[1:], 0, 1)) < 5
    # What the gates have to reject: places times the golden ratio, uniform but not independent,
    # and numbers with a wrong end.
    lattice = (torch.arange(240_000).double() * 0.6180339887498949).remainder(1).view(-1, 12)
    assert any(abs(z) > 5 for z in flaws(lattice).values())
    assert any(abs(z) > 5 for z in flaws(0.99 * results[0, 0]).values())


def test_entries_have_their_distribution():
    data = stream(num_data=40_000)
    for sample, sd in zip(data.rows(torch.arange(40_000), torch.float64), (1.0, 0.5), strict=True):
        z = sample / sd
        scores = [
            deviation(z, 0, 1), deviation(z**2, 1, 2), deviation(z**3, 0, 15),
            deviation(z**4, 3, 96), deviation(z[1:] * z[:-1], 0, 1),
            deviation(z[:, 1:] * z[:, :-1], 0, 1),
        ]  # fmt: skip
        assert all(abs(score) < 5 for score in scores), scores
        wrong = 1.02 * z
        assert abs(deviation(wrong**2, 1, 2)) > 5
    x, noise = data.rows(torch.arange(40_000), torch.float64)
    assert abs(deviation(x[:, :4] * noise / 0.5, 0, 1)) < 5
    box = stream("uniform10").rows(torch.arange(3000), torch.float64)[0]
    assert box.min() >= -10
    assert box.max() < 10
    assert abs(deviation(box**2, 100 / 3, 1e4 / 5 - 1e4 / 9)) < 5


def problem(num_data, distribution="normal", noise_sd=0.5):
    base = registry.problem("dln/5-4-6-5/r4-2-5")
    assert isinstance(base, Regression)
    inputs = Inputs(distribution)
    return replace(base, inputs=inputs, noise_sd=noise_sd).with_data(num_data)


@pytest.mark.parametrize("noise_sd", [0.5, 0.0])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_stored_copy_gives_the_same_losses_and_gradients(distribution, noise_sd):
    one, data = problem(400, distribution, noise_sd), stream(distribution, noise_sd, 400, 5, 5)
    theta = one.w_star() + 0.1 * torch.randn(
        3, one.dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    for batch_size in (None, 3, 200):
        results = []
        for kind in (data, data.stored()):
            target = Target(one, 100.0, 1.0, 3, data=kind, batch_size=batch_size)
            target.next_batch(torch.Generator().manual_seed(2))
            loss, grad = target.loss_and_grad(theta)
            base = target.loss.baseline(target.batch).expand(3)
            results.append((loss, grad, base))
        for a, b in zip(*results, strict=True):
            assert torch.allclose(a, b, rtol=1e-11, atol=1e-13)
    assert (float(base[0]) == 0) == (noise_sd == 0)


def test_moments_wait_until_they_are_asked_for():
    data = stream(num_data=500)
    x, noise = data.stored()
    moments = StreamMoments(data, torch.float64)
    assert not vars(moments).get("_moments")
    assert torch.allclose(moments.second, x.mT @ x / 500)
    assert torch.allclose(moments.cross, noise.mT @ x / 500)
    assert torch.allclose(moments.noise, noise.square().sum() / 500)
    silent = StreamMoments(stream(noise_sd=0.0, num_data=10**9), torch.float64)
    assert float(silent.noise) == 0


def test_large_data_sets_are_streams_and_small_ones_are_stored():
    rng = torch.Generator().manual_seed(3)
    limit = regression.STORED_BYTES // (8 * 10)
    assert isinstance(problem(limit + 1).sample_data(rng), Stream)
    # Without noise only the inputs count, and none is drawn.
    assert isinstance(problem(2 * limit + 2, noise_sd=0.0).sample_data(rng), Stream)
    kept = problem(100, noise_sd=0.0).sample_data(rng)
    assert not kept.noise.any()
    assert kept.noise.untyped_storage().nbytes() == 8
    again = [problem(10**7).sample_data(torch.Generator().manual_seed(k)).seed for k in (3, 3, 4)]
    assert again[0] == again[1] != again[2]
