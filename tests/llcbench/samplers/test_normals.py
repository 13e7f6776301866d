"""The generator of normal numbers for large states, against the distribution and the formula."""

import math

import numpy as np
import torch
from scipy import stats

from llcbench.samplers.normals import _TURN as TURN
from llcbench.samplers.normals import Normals

SIZE, BLOCKS = 2**17, 16
BINS = 400


def stream(seed=0):
    normals = Normals(SIZE)
    normals.seed(torch.Generator().manual_seed(seed))
    return normals


def drawn(seed=0):
    normals = stream(seed)
    return torch.stack([normals.next(SIZE).clone() for _ in range(BLOCKS)]).numpy()


def statistics(z):
    """Return what is standard normal if z is independent and normal: moments and lags."""
    flat, size = z.ravel().astype(np.float64), math.sqrt(z.size)
    results = [flat.mean(), (flat**2 - 1).mean() / math.sqrt(2), (flat**3).mean() / math.sqrt(15)]
    results += [(flat**4 - 3).mean() / math.sqrt(96)]
    for power in (1, 2):
        y = flat if power == 1 else (flat**2 - 1) / math.sqrt(2)
        results += [(np.roll(y, lag) * y).mean() for lag in (1, 2, SIZE // 2, SIZE)]
    return [size * value for value in results]


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
    # Twelve statistics within five standard errors and two p-values: false alarms 3e-5 in all.
    assert np.abs(statistics(z)).max() < 5
    assert binned(z) > 1e-5
    assert turned(z[:, : SIZE // 2].ravel(), z[:, SIZE // 2 :].ravel()) > 1e-5


def test_wrong_numbers_are_noticed():
    z = drawn()
    repeated = z.copy()
    repeated[1::2] = np.where(np.arange(SIZE) % 50 == 0, z[::2], z[1::2])
    for wrong in (z * 1.005, z + 0.004, np.where(np.abs(z) > 3.5, 0, z), repeated):
        assert np.abs(statistics(wrong)).max() > 5
    assert binned(np.round(z, 2)) < 1e-5
    one, two = z[:, : SIZE // 2].ravel(), z[:, SIZE // 2 :].ravel()
    # A few of one half know the sign of the other: 1 % of all pairs, for with half of that true
    # numbers of some seeds hide it.
    few = (one > 1) & (np.arange(len(two)) % 100 < 6)
    assert turned(one, np.where(few, abs(two), two)) < 1e-5


def test_the_tails_are_there_and_finite():
    z = drawn(1)
    assert np.isfinite(z).all()
    expected = 2 * stats.norm.sf(4.5) * z.size
    found = (np.abs(z) > 4.5).sum()
    assert stats.poisson.cdf(found, expected) > 1e-5
    assert stats.poisson.sf(found - 1, expected) > 1e-5


def words_of(seed, size):
    """The 32-bit words of a seed, by way of numpy's own generator."""
    state = torch.empty(3, dtype=torch.int64)
    state.random_(-(2**63), None, generator=torch.Generator().manual_seed(seed))
    bits = np.random.SFC64()
    words = {"state": np.array([*(word % 2**64 for word in state.tolist()), 1], dtype=np.uint64)}
    bits.state = {"bit_generator": "SFC64", "state": words, "has_uint32": 0, "uinteger": 0}
    return bits.random_raw((size + 1) // 2).view(np.uint32)[:size].astype(object)


def point(words):
    """The numbers in (0, 1) that a word stands for, in exact arithmetic up to the division."""
    u = (words % 2**23 + 0.5) / 2**23
    v = (words * TURN % 2**32) / 2**32
    return u.astype(np.float64), v.astype(np.float64)


def test_numbers_are_those_of_the_formula_in_double_precision():
    u, v = point(words_of(5, 1001))
    radius = np.sqrt(-2 * np.log(u))
    expected = np.concatenate([radius * np.sin(2 * np.pi * v), radius * np.cos(2 * np.pi * v)])
    found = stream(5).next(2001).numpy()
    assert np.allclose(found, expected[:2001], rtol=2e-6, atol=4e-6)


class Words:
    """Hands out given words where a generator of bits is expected."""

    def __init__(self, words):
        self.words = np.array(words, dtype=np.uint32)

    def random_raw(self, size):
        assert 2 * size == len(self.words)
        return self.words.view(np.uint64).copy()


def test_numbers_at_the_ends_are_those_of_the_formula_and_finite():
    words = [k * 2**23 + j for k in (0, 1, 255, 256, 511) for j in (0, 1, 2**22, 2**23 - 1)]
    normals = stream()
    normals._bits = Words(words)
    result = normals.next(2 * len(words)).numpy()
    u, v = point(np.array(words, dtype=object))
    radius = np.sqrt(-2 * np.log(u))
    expected = np.concatenate([radius * np.sin(2 * np.pi * v), radius * np.cos(2 * np.pi * v)])
    assert np.allclose(result, expected, rtol=1e-6, atol=2e-6 * radius.max())
    assert radius.max() < 5.77
    # The least of the radii is not rounded away.
    assert np.allclose(np.hypot(*np.split(result, 2)), radius, rtol=1e-6)


def test_a_stream_serves_in_inference_mode_and_outside_of_it():
    plain, results = stream(2), stream(2)
    with torch.inference_mode():
        fresh = stream(2)
    for inside in (True, False, True, False):
        expected = plain.next(SIZE).clone()
        with torch.inference_mode(inside):
            assert torch.equal(results.next(SIZE), expected)
            assert torch.equal(fresh.next(SIZE), expected)


def test_numbers_are_in_single_precision_whatever_the_default():
    expected = stream(2).next(1000).clone()
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.equal(stream(2).next(1000), expected)
    finally:
        torch.set_default_dtype(before)


def test_all_bits_of_a_state_are_drawn():
    rng, normals = torch.Generator().manual_seed(0), Normals(16)
    seen = np.zeros((3, 64))
    for _ in range(400):
        normals.seed(rng)
        state = normals._bits.state["state"]["state"]
        seen += (state[:3, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
        assert state[3] == 1
    # 192 counts within five standard errors of a half: a false alarm in 9000.
    assert np.abs(seen / 400 - 0.5).max() < 5 * 0.5 / 20


def test_every_radius_has_equally_spaced_angles():
    low = np.random.default_rng(0).integers(0, 2**23, 20).astype(object)
    for j in low:
        u, v = point(np.arange(512).astype(object) * 2**23 + j)
        assert (u == u[0]).all()
        assert (np.diff(np.sort(v)) == 1 / 512).all()
        # So polynomials of the direction have their exact means.
        x, y = np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)
        even = [(x**2).mean(), (x**4).mean(), (x**2 * y**2).mean()]
        assert np.allclose(even, [1 / 2, 3 / 8, 1 / 8])
        assert np.allclose([x.mean(), (x * y).mean(), (x**3).mean(), (x**99).mean()], 0, atol=1e-15)


def quotients(turn):
    """The continued fraction of a turn over 2^23."""
    found, above, below = [], 2**23, turn
    while below:
        found.append(above // below)
        above, below = below, above % below
    return found


def test_the_points_fill_the_square_evenly():
    # Waves along one axis apart, none that all points see as constant is slow in both directions:
    # with quotients of at most 3 the product of its frequencies is at least 512 * 2^23 / 5.
    assert max(quotients(TURN)) <= 3
    assert max(quotients(513)) > 1000


def distance(low):
    """The largest distance from the normal distribution, over all words with given low parts."""
    words = (np.arange(512)[:, None] * 2**23 + low).ravel()
    normals = Normals(2 * len(words))
    normals._bits = Words(words)
    edges = np.linspace(-4, 4, 401, dtype=np.float32) + np.float32(0.003)
    below = np.searchsorted(np.sort(normals.next(2 * len(words)).numpy()), edges)
    return np.abs(below / (2 * len(words)) - stats.norm.cdf(edges.astype(float))).max()


def test_the_distribution_is_normal_over_evenly_chosen_words(monkeypatch):
    low = np.arange(2**10, 2**23, 2**11)
    # No chance in it. That only one word in 2048 is taken makes half of the limit.
    assert distance(low) < 1e-4
    for wrong in (1, 33, TURN - 1):
        monkeypatch.setattr("llcbench.samplers.normals._TURN", wrong)
        assert distance(low) > 1.5e-4


def test_a_seed_gives_the_same_numbers_and_another_seed_others():
    assert np.array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))
