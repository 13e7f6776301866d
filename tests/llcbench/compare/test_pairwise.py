import math

import numpy as np
import pytest
from scipy.stats import t

from llcbench.compare.bootstrap import Resampling
from llcbench.compare.metrics import METRICS, Metric
from llcbench.compare.pairwise import (
    FEWEST,
    Arena,
    Difference,
    _error,
    corrected,
    holm,
    p_value,
)
from llcbench.compare.runs import Runs

PAIRS = 150
ALPHA = 0.1
# 150 tests at level 0.1: more rejections than this have probability 1e-4 (z = 3.72).
MOST = ALPHA + 3.72 * math.sqrt(ALPHA * (1 - ALPHA) / PAIRS)


def test_holm_by_hand() -> None:
    # Sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1 may not fall below what came before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_p_values_are_those_of_student() -> None:
    assert p_value(0.3, 0.1, 7) == pytest.approx(2 * t.sf(3.0, 7))
    assert p_value(-0.3, 0.1, 7) == p_value(0.3, 0.1, 7)
    assert p_value(0.0, 0.0, 7) == 1.0
    assert p_value(0.1, 0.0, 7) == 0.0
    assert p_value(0.1, 0.1, 0) == p_value(math.nan, 0.1, 7) == 1.0


def noisy(rng: np.random.Generator, size: float = 0.1, tail: float = 0.0) -> np.ndarray:
    """Return errors on 20 problems, each with its own bias; with a tail a few of them decide."""
    scale = np.exp(tail * rng.standard_normal((20, 1)))
    return size * (scale * rng.standard_normal((20, 1)) + 0.5 * rng.standard_normal((20, 3)))


def own_test(runs: list[Runs], metric: Metric) -> float:
    return Arena(runs, draws=100).difference(metric, 0, 1, ("a", "b")).p


def problems_as_given(runs: list[Runs], metric: Metric) -> float:
    """Return the p-value of a bootstrap over replicates alone."""
    resampling = Resampling(runs[0].tried == 1, 100, problems=False)
    first, second = (resampling.distributions([metric.loss], r)[0] for r in runs)
    value = float(metric.loss(runs[0]) - metric.loss(runs[1]))
    return p_value(value, float((first - second).std()), 19)


def rejections(
    make_runs, test, metric: str = "rmse", size: float = 0.1, tail: float = 0.0
) -> float:
    """Return how often a test tells two entries apart whose errors have the given sizes."""
    rng = np.random.default_rng(11)
    results = [
        test([make_runs(noisy(rng, 0.1, tail)), make_runs(noisy(rng, size, tail))], METRICS[metric])
        for _ in range(PAIRS)
    ]
    return sum(p < ALPHA for p in results) / PAIRS


@pytest.mark.parametrize(("metric", "tail"), [("rmse", 0.0), ("bias", 0.0), ("rmse", 1.0)])
def test_equal_entries_are_rarely_told_apart(make_runs, metric: str, tail: float) -> None:
    rate = rejections(make_runs, own_test, metric, tail=tail)
    print(metric, tail, rate)
    assert rate < MOST


def test_without_drawing_problems_they_often_are(make_runs) -> None:
    """The negative control: the same gate rejects a test that takes problems as given."""
    assert rejections(make_runs, problems_as_given) > MOST


def test_an_entry_with_twice_the_error_is_told_apart(make_runs) -> None:
    assert rejections(make_runs, own_test, size=0.2) > 0.8


def test_the_difference_is_the_logarithm_of_a_ratio(make_runs) -> None:
    errors = noisy(np.random.default_rng(0))
    arena = Arena([make_runs(3 * errors), make_runs(errors)], draws=200)
    difference = arena.difference(METRICS["rmse"], 0, 1, ("a", "b"))
    # The same runs three times as far off: paired, the ratio has no error at all.
    assert difference.value == pytest.approx(math.log(3))
    assert (difference.low, difference.high) == pytest.approx((math.log(3), math.log(3)))
    assert difference.p < 1e-12
    back = arena.difference(METRICS["rmse"], 1, 0, ("b", "a"))
    assert back.value == pytest.approx(-math.log(3))


def test_few_problems_speak_only_of_themselves(make_runs) -> None:
    rng = np.random.default_rng(4)
    errors = 0.1 + 0.01 * rng.standard_normal((2, 6))
    arena = Arena([make_runs(errors), make_runs(2 * errors[:, ::-1])], draws=200)
    difference = arena.difference(METRICS["rmse"], 0, 1, ("a", "b"))
    assert difference.scope == "replicates"
    assert difference.p < 0.01
    single = Arena([make_runs(errors[:, :1]), make_runs(2 * errors[:, :1])], draws=200)
    assert single.difference(METRICS["rmse"], 0, 1, ("a", "b")).p == 1.0


def test_an_entry_with_one_run_cannot_be_told_apart_on_few_problems(make_runs) -> None:
    errors = 0.1 + 0.01 * np.random.default_rng(4).standard_normal((2, 6))
    once = np.where(np.arange(6) < 1, errors, np.nan)
    lonely = make_runs(once, tried=np.where(np.isnan(once), np.nan, 1.0))
    arena = Arena([lonely, make_runs(2 * errors)], draws=200)
    assert arena.difference(METRICS["rmse"], 0, 1, ("a", "b")).p == 1.0


def test_one_problem_decides_and_nobody_is_told_apart(make_runs) -> None:
    """The error lies in one problem of twenty; without the kurtosis that would be no obstacle."""
    rng = np.random.default_rng(1)
    first, second = 0.01 * rng.standard_normal((2, 20, 3))
    first[0] += 0.9
    arena = Arena([make_runs(first), make_runs(second)], draws=200)
    assert arena.difference(METRICS["rmse"], 0, 1, ("a", "b")).p > 0.05


def test_nothing_in_common_is_no_difference(make_runs) -> None:
    tried = np.ones((4, 2))
    tried[:2] = np.nan
    error = np.full((4, 2), 0.1)
    arena = Arena(
        [make_runs(error * tried, tried=tried), make_runs(error * tried[::-1], tried=tried[::-1])]
    )
    difference = arena.difference(METRICS["rmse"], 0, 1, ("a", "b"))
    assert (difference.value, difference.problems, difference.p) == (None, 0, 1.0)


def test_the_larger_of_bootstrap_and_jackknife_is_the_error() -> None:
    """Six problems; left out they give -1 or 1, of which the jackknife makes sqrt(5)."""
    left_out = np.array([1.0, -1, 1, -1, 1, -1])
    wide, narrow = 3.0 * np.array([-1.0, 1.0]), np.array([-1.0, 1.0])
    # Variance of the jackknife: 5/6 of the sum of squares 6.
    assert _error(narrow, left_out, 6) == pytest.approx((math.sqrt(5), 5))
    # A bootstrap of six is too narrow by sqrt(6/5).
    assert _error(wide, left_out, 6)[0] == pytest.approx(3 * math.sqrt(6 / 5))
    assert _error(wide, None, 6) == pytest.approx((3 * math.sqrt(6 / 5), 5))


def test_one_problem_that_decides_leaves_few_degrees_of_freedom() -> None:
    """Parts 9 and nine times -1: kurtosis 10 (6561 + 9) / 90^2, so 20 / (kurtosis - 1) = 2.81."""
    left_out = np.array([9.0] + [-1.0] * 9)
    kurtosis = 10 * 6570 / 8100
    assert _error(np.zeros(2), left_out, 10)[1] == pytest.approx(20 / (kurtosis - 1))
    # Equal parts: as many as problems, less one.
    assert _error(np.zeros(2), np.array([1.0, -1] * 5), 10)[1] == 9
    # What cannot be had: nothing drawn, one problem.
    assert math.isnan(_error(np.array([math.inf]), None, 10)[0])
    assert math.isnan(_error(np.zeros(2), None, 1)[0])


def test_the_interval_is_that_of_90_percent(make_runs) -> None:
    """Its half width over the error that the p-value implies is the quantile of Student's t."""
    rng = np.random.default_rng(3)
    first = make_runs(noisy(rng))
    second = make_runs(1.3 * noisy(rng))
    arena = Arena([first, second], draws=300)
    common = np.ones(20, dtype=bool)
    one, other = (arena._loss(METRICS["rmse"], entry, common) for entry in (0, 1))
    spread, freedom = _error(one.drawn - other.drawn, one.left_out - other.left_out, 20)
    pair = arena.difference(METRICS["rmse"], 0, 1, ("a", "b"))
    reach = t.ppf(0.95, freedom) * spread
    assert (pair.low, pair.high) == pytest.approx((pair.value - reach, pair.value + reach))
    assert pair.p == pytest.approx(2 * t.sf(abs(pair.value) / spread, freedom))


def test_three_problems_speak_for_others_and_two_do_not(make_runs) -> None:
    assert FEWEST == 3
    rng = np.random.default_rng(4)
    for count, scope in ((2, "replicates"), (3, "problems")):
        errors = rng.normal(0.1, 0.02, (2, count, 5))
        arena = Arena([make_runs(e) for e in errors], draws=100)
        assert arena.difference(METRICS["rmse"], 0, 1, ("a", "b")).scope == scope


def test_entries_are_compared_on_the_problems_that_both_tried(make_runs) -> None:
    """On the common ones the second is twice as far off; elsewhere it is perfect."""
    rng = np.random.default_rng(5)
    errors = rng.normal(0.1, 0.02, (10, 3))
    tried = np.ones((10, 3))
    tried[6:] = np.nan
    first = make_runs(errors * tried, tried=tried, failed=tried - 1)
    second = errors * 2
    second[6:] = 1e-6
    arena = Arena([first, make_runs(second)], draws=100)
    pair = arena.difference(METRICS["rmse"], 0, 1, ("a", "b"))
    assert pair.problems == 6
    assert pair.value == pytest.approx(-math.log(2))


def test_p_values_of_all_pairs_are_corrected_together(make_runs) -> None:
    rng = np.random.default_rng(6)
    arena = Arena([make_runs(size * noisy(rng)) for size in (1.0, 1.2, 1.5)], draws=200)
    pairs = [(a, b, (str(a), str(b))) for a, b in ((0, 1), (0, 2), (1, 2))]
    found = arena.differences(METRICS["rmse"], pairs)
    assert [d.adjusted for d in found] == pytest.approx(holm([d.p for d in found]))
    assert any(d.adjusted > d.p for d in found)
    assert [(d.first, d.second) for d in found] == [("0", "1"), ("0", "2"), ("1", "2")]


def test_what_cannot_be_compared_is_no_pair_to_correct_for() -> None:
    def pair(value: float | None, p: float) -> Difference:
        return Difference(
            metric="rmse", first="a", second="b", problems=5, scope="problems", value=value,
            low=None, high=None, ratio=True, p=p, adjusted=p,
        )  # fmt: skip

    found = corrected([pair(0.1, 0.02), pair(None, 1.0), pair(0.2, 0.03)])
    assert [d.adjusted for d in found] == pytest.approx([0.04, 1.0, 0.04])
