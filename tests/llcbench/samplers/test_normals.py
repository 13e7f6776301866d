"""The generator of normal numbers for large states, against the law and the formula."""

import math

import numpy as np
import torch
from scipy import stats

from llcbench.samplers.normals import Normals

SIZE, BLOCKS = 2**17, 16
BINS = 400


def stream(seed=0):
    return Normals(torch.Generator().manual_seed(seed), SIZE)


def drawn(seed=0):
    normals = stream(seed)
    return torch.stack([normals.next(SIZE).clone() for _ in range(BLOCKS)]).numpy()


def figures(z):
    """Return what is standard normal if z is independent and normal: moments and lags."""
    flat, size = z.ravel().astype(np.float64), math.sqrt(z.size)
    found = [flat.mean(), (flat**2 - 1).mean() / math.sqrt(2), (flat**3).mean() / math.sqrt(15)]
    found += [(flat**4 - 3).mean() / math.sqrt(96)]
    for power in (1, 2):
        y = flat if power == 1 else (flat**2 - 1) / math.sqrt(2)
        found += [(np.roll(y, lag) * y).mean() for lag in (1, 2, SIZE // 2, SIZE)]
    return [size * figure for figure in found]


def binned(z):
    """The p-value of equally likely bins."""
    counts = np.bincount((stats.norm.cdf(z.ravel()) * BINS).astype(int), minlength=BINS)
    return stats.chisquare(counts).pvalue


def turned(one, two):
    """The p-value of a uniform angle that knows nothing of the radius."""
    angle = np.arctan2(two, one) / (2 * np.pi) + 0.5
    radius = np.exp(-(one.astype(float) ** 2 + two.astype(float) ** 2) / 2)
    table = np.histogram2d(angle, radius, bins=20, range=[[0, 1], [0, 1]])[0]
    return stats.chisquare(table.ravel()).pvalue


def test_the_numbers_are_independent_and_normal():
    z = drawn()
    # Twelve figures within five standard errors and two p-values: false alarms 3e-5 in all.
    assert np.abs(figures(z)).max() < 5
    assert binned(z) > 1e-5
    assert turned(z[:, : SIZE // 2].ravel(), z[:, SIZE // 2 :].ravel()) > 1e-5


def test_wrong_numbers_are_noticed():
    z = drawn()
    repeated = z.copy()
    repeated[1::2] = np.where(np.arange(SIZE) % 50 == 0, z[::2], z[1::2])
    for wrong in (z * 1.005, z + 0.004, np.where(np.abs(z) > 3.5, 0, z), repeated):
        assert np.abs(figures(wrong)).max() > 5
    assert binned(np.round(z, 2)) < 1e-5
    one, two = z[:, : SIZE // 2].ravel(), z[:, SIZE // 2 :].ravel()
    # A few of one half know the sign of the other.
    assert turned(one, np.where((one > 1) & (np.arange(len(two)) % 100 < 3), abs(two), two)) < 1e-5


def test_the_tails_are_there_and_finite():
    z = drawn(1)
    assert np.isfinite(z).all()
    expected = 2 * stats.norm.sf(4.5) * z.size
    found = (np.abs(z) > 4.5).sum()
    assert stats.poisson.cdf(found, expected) > 1e-5
    assert stats.poisson.sf(found - 1, expected) > 1e-5


def test_numbers_are_those_of_the_formula_in_double_precision():
    rng = torch.Generator().manual_seed(5)
    bits = np.random.SFC64(int(torch.randint(2**63 - 1, (), generator=rng))).random_raw(501)
    halves = bits.view(np.uint32).astype(np.int64)
    uniform = (((halves >> 1) & (2**22 - 1)) + 0.5) / 2**22
    u, v = uniform[:501], uniform[501:]
    radius = np.sqrt(-2 * np.log(u))
    expected = np.concatenate([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)])
    found = stream(5).next(1001).numpy()
    assert np.allclose(found, expected[:1001], rtol=2e-6, atol=4e-6)


def test_a_seed_gives_the_same_numbers_and_another_seed_others():
    assert np.array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))
