"""Statistics of traces against hand computation, independent formulas and known chains."""

import math
import warnings

import numpy as np
import pytest
from scipy.stats import norm, rankdata, t

from llcbench.intervals import student_quantile
from llcbench.sampling.diagnostics import (
    constant_chains,
    convergence,
    defect,
    mean_error,
    split_half,
    standard_error,
)

ROWS = np.array([[0.0, 2.0], [1.0, 3.0], [2.0, 4.0], [5.0, 7.0]])


def autoregression(rng, chains, draws, rho):
    """Return stationary chains with unit variance and correlation ``rho^lag``."""
    trace = np.empty((chains, draws))
    state = rng.standard_normal(chains)
    for step in range(draws):
        trace[:, step] = state
        state = rho * state + (1 - rho**2) ** 0.5 * rng.standard_normal(chains)
    return trace


def test_the_standard_error_of_four_chains_by_hand():
    """Chain means 1, 2, 3 and 6: mean 3, squares 4 + 1 + 0 + 9 = 14, variance 14 / 3."""
    error = mean_error(ROWS)
    assert error.stderr == pytest.approx((14 / 3) ** 0.5 / 2, rel=1e-14)
    assert error.freedom == 3
    assert standard_error(ROWS) == error.stderr
    # Seen to survive once: the other divisor, 13 % short.
    assert error.stderr != pytest.approx((14 / 4) ** 0.5 / 2, rel=0.1)


@pytest.mark.parametrize("chains", [4, 5, 16])
def test_freedom_is_one_less_than_the_chains(chains):
    traces = np.random.default_rng(0).standard_normal((chains, 50))
    error = mean_error(traces)
    assert error.freedom == chains - 1
    assert error.stderr == pytest.approx(traces.mean(1).std(ddof=1) / chains**0.5)


@pytest.mark.parametrize("chains", [1, 2, 3])
def test_few_chains_have_the_error_of_their_effective_draws(chains):
    rng = np.random.default_rng(chains)
    error = mean_error(rng.standard_normal((chains, 4000)))
    assert error.stderr == pytest.approx((chains * 4000) ** -0.5, rel=0.1)
    assert error.freedom == pytest.approx(chains * 500, rel=0.15)
    slow = mean_error(autoregression(rng, chains, 8000, 0.9))
    effective = chains * 8000 / 19
    assert slow.stderr == pytest.approx(effective**-0.5, rel=0.2)
    assert slow.freedom == pytest.approx(effective / 8 - 1, rel=0.4)


def test_few_effective_draws_leave_one_degree_of_freedom_and_a_wider_error():
    """A slope: hardly any effective draw, and nothing that divides by zero."""
    error = mean_error(np.linspace(0.0, 1.0, 40)[None])
    assert error.freedom == 1
    assert error.stderr > np.linspace(0.0, 1.0, 40).std() / 2


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_errors_are_in_the_units_of_the_trace(scale):
    """The package behind the effective draws takes anything below 1e-15 for a constant."""
    traces = np.random.default_rng(0).standard_normal((2, 200))
    scaled, plain = mean_error(scale * traces), mean_error(traces)
    assert scaled.stderr == pytest.approx(scale * plain.stderr)
    assert scaled.freedom == pytest.approx(plain.freedom)


@pytest.mark.parametrize(("chains", "draws", "rho"), [(1, 40, 0.0), (2, 40, 0.8), (3, 100, 0.8)])
def test_intervals_of_few_chains_cover(chains, draws, rho):
    """Between 82 and 97 of 100, and the normal interval of the same error does not."""
    rng, count = np.random.default_rng(5), 400
    hits = short = 0
    for _ in range(count):
        trace = autoregression(rng, chains, draws, rho**0.5) ** 2
        stderr, freedom = mean_error(trace)
        gap = abs(trace.mean() - 1)
        hits += gap <= student_quantile(0.9, freedom) * stderr
        short += gap <= 0.5 * student_quantile(0.9, freedom) * stderr
    print(f"{hits / count:.3f}, with half the error {short / count:.3f}")
    assert 0.82 < hits / count < 0.97
    assert short / count < 0.78


def test_r_hat_by_an_independent_computation():
    traces = np.random.default_rng(1).standard_normal((3, 10)) + np.arange(3)[:, None]

    def plain(rows):
        within = rows.var(axis=1, ddof=1).mean()
        between = rows.shape[1] * rows.mean(1).var(ddof=1)
        return (((rows.shape[1] - 1) * within + between) / rows.shape[1] / within) ** 0.5

    def normal_scores(rows):
        ranks = rankdata(rows).reshape(rows.shape)
        return norm.ppf((ranks - 3 / 8) / (rows.size + 1 / 4))

    halves = np.vstack([traces[:, :5], traces[:, 5:]])
    folded = np.abs(halves - np.median(halves))
    expected = max(plain(normal_scores(halves)), plain(normal_scores(folded)))
    assert convergence(traces).rhat == pytest.approx(expected, rel=1e-12)
    assert expected > 1.2


def test_r_hat_of_one_chain_compares_its_halves():
    rng = np.random.default_rng(2)
    steady = rng.standard_normal((1, 1000))
    assert 0.99 < convergence(steady).rhat < 1.02
    for drift in (-2.0, 2.0):
        moved = steady + drift * (np.arange(1000) >= 500)
        assert 1.2 < convergence(moved).rhat < 3
    two = np.stack([steady[0, :500], steady[0, 500:]])
    assert convergence(steady).rhat == convergence(two).rhat


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_draws_of_an_autoregression(rho):
    traces = autoregression(np.random.default_rng(3), 8, 4000, rho)
    expected = traces.size * (1 - rho) / (1 + rho)
    found = convergence(traces)
    assert found.ess_bulk == pytest.approx(expected, rel=0.15)
    assert found.ess_bulk != pytest.approx(traces.size / 4, rel=0.15)
    # Indicators of a quantile forget faster than the chain does.
    assert expected / 2 < found.ess_tail < traces.size * 1.2


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_drift_by_hand_in_both_directions(sign):
    """Gaps 1, 1, 3 and 3 of the halves: mean 2, standard error (4 / 3)^(1/2) / 2."""
    gaps = sign * np.array([1.0, 1.0, 3.0, 3.0])
    traces = np.stack([[0.0, 0.0, gap, gap] for gap in gaps])
    assert split_half(traces) == pytest.approx(sign * 2 * 3**0.5)
    # The draw in the middle of an odd number counts with the second half.
    odd = np.stack([[0.0, 0.0, gap, gap, gap] for gap in gaps])
    assert split_half(odd) == pytest.approx(sign * 2 * 3**0.5)


@pytest.mark.parametrize("chains", [1, 2, 3])
def test_a_drift_of_few_chains_is_seen_in_both_directions(chains):
    rng = np.random.default_rng(chains)
    steady = rng.standard_normal((chains, 400))
    assert abs(split_half(steady)) < 3
    for drift in (-1.0, 1.0):
        z = split_half(steady + drift * (np.arange(400) >= 200))
        # Two halves of 200 draws a chain, each with an error of (200 chains)^(-1/2).
        assert z * drift == pytest.approx(10 * chains**0.5, rel=0.35)


def test_few_chains_raise_no_false_alarm_of_drift():
    """The spread of two differences alone is above 4 in 16 of 100 cases."""
    rng = np.random.default_rng(4)
    traces = rng.standard_normal((200, 2, 100))
    assert sum(abs(split_half(pair)) >= 4 for pair in traces) <= 1
    gaps = traces[:, :, 50:].mean(2) - traces[:, :, :50].mean(2)
    naive = gaps.mean(1) / (gaps.std(axis=1, ddof=1) / 2**0.5)
    assert np.mean(np.abs(naive) >= 4) == pytest.approx(2 * t.sf(4, 1), abs=0.08)


def test_the_same_gap_in_all_chains_is_an_infinite_drift():
    traces = np.stack([[0.0, 1.0, 5.0, 6.0]] * 4)
    assert split_half(traces) == math.inf
    assert split_half(traces[:, ::-1]) == -math.inf
    assert split_half(np.stack([[0.0, 1.0, 0.0, 1.0]] * 4)) == 0


RNG = np.random.default_rng(6)
MOVING = RNG.standard_normal((4, 40))
ODD = {
    "all constant": np.full((4, 40), 0.3),
    "constant, apart": np.repeat(np.arange(4.0)[:, None], 40, axis=1),
    "one chain constant of one": np.zeros((1, 40)),
    "one of four": np.vstack([MOVING[:3], np.zeros((1, 40))]),
    "one of two": np.vstack([MOVING[:1], np.zeros((1, 40))]),
    "second half": np.hstack([MOVING[:, :20], np.repeat(MOVING[:, 20:21], 20, axis=1)]),
    "one chain, second half": np.hstack([MOVING[:1, :20], np.full((1, 20), 0.5)]),
    "two values": (MOVING > 0).astype(float),
    "two alternating values": np.tile([0.0, 1.0], (4, 20)),
    "two values, one rare": np.where(MOVING > 2.2, 1.0, 0.0),
    "rare below": np.where(MOVING < -2.2, 0.0, 1.0),
    "nan": np.where(MOVING > 1.5, np.nan, MOVING),
    "inf": np.where(MOVING > 1.5, np.inf, MOVING),
    "minus inf": np.where(MOVING > 1.5, -np.inf, MOVING),
    "huge": 1e307 * MOVING,
    "small": 1e-30 * MOVING,
    "tiny": 1e-300 * MOVING,
    "four draws": MOVING[:, :4],
    "three draws": MOVING[:, :3],
    "one draw": MOVING[:, :1],
    "one draw of one chain": MOVING[:1, :1],
    "no draw": MOVING[:, :0],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_traces_raise_no_warning_and_have_no_error_of_zero(name):
    traces = ODD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        statistics = convergence(traces)
        error = mean_error(traces)
        halves = split_half(traces)
        defect(traces)
    print(name, statistics, error, halves)
    assert math.isnan(error.stderr) == math.isnan(error.freedom)
    assert not error.stderr <= 0
    for value in (statistics.ess_bulk, statistics.ess_tail):
        assert math.isnan(value) or 0 < value < traces.size * math.log10(traces.size) + 1
    if constant_chains(traces).any():
        assert math.isnan(statistics.ess_bulk)
        assert math.isnan(statistics.ess_tail)
    moves = (traces[:, 1:] != traces[:, :-1]).any()
    assert moves or math.isnan(error.stderr) or traces.shape[1] == 1


def test_constant_chains_are_counted():
    assert constant_chains(ODD["one of four"]).tolist() == [False, False, False, True]
    assert constant_chains(ODD["all constant"]).all()
    assert not constant_chains(ODD["second half"]).any()
    assert not constant_chains(ODD["one draw"]).any()


def test_one_constant_chain_leaves_the_spread_of_four_chains_but_no_effective_draws():
    traces = ODD["one of four"]
    assert standard_error(traces) == pytest.approx(traces.mean(1).std(ddof=1) / 2)
    found = convergence(traces)
    assert math.isnan(found.ess_bulk)
    assert found.rhat > 1.01
    assert math.isnan(standard_error(ODD["one of two"]))


def test_draws_of_one_value_with_rare_others_have_no_tail():
    """All indicators of both quantiles are the same; the package counts every draw."""
    traces = np.ones((4, 100))
    traces[:, 50] = 0.0
    traces[0, 20] = 0.5
    found = convergence(traces)
    assert math.isfinite(found.ess_bulk)
    assert math.isnan(found.ess_tail)
    # Rare ones above are seen by the indicator of the lower quantile.
    assert math.isfinite(convergence(1 - traces).ess_tail)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("all constant", "error", "4 of 4 chains never left one place in 40 draws"),
        ("one of two", "error", "1 of 2 chains never left one place"),
        ("one of four", None, ""),
        ("nan", "not_finite", "chains recorded losses that are not finite"),
        ("two alternating values", "error", "the means of all chains are the same"),
        ("huge", "not_finite", "4 of 4 chains recorded losses that are not finite"),
        ("tiny", "error", "the means of all chains are the same"),
        ("four draws", "error", "fewer than 8 draws"),
        ("second half", None, ""),
        ("two values", None, ""),
        ("small", None, ""),
    ],
)
def test_what_is_wrong_with_a_trace(name, status, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = defect(ODD[name])
    assert (found is None) == (status is None)
    if found is not None:
        assert found[0] == status
        assert words in found[1]
        assert "\n" not in found[1]
    assert defect(MOVING[:, :8]) is None
    assert defect(MOVING[:, :7]) is not None
