import math

import numpy as np
import pytest
from scipy.stats import norm

from llcbench.compare.bootstrap import (
    LEVEL,
    MetricValue,
    Resampling,
    _metric_value,
    metric_values,
    worth,
)
from llcbench.compare.metrics import METRICS, Metric
from llcbench.compare.runs import Runs
from llcbench.compare.statistics import mean
from llcbench.intervals import wilson

CASES, REPLICATES = 40, 4
# Standard deviations of the bias between problems, and of the noise between replicates.
BETWEEN, WITHIN = 0.1, 0.1
TRUTHS = {"bias": BETWEEN, "rmse": math.hypot(BETWEEN, WITHIN), "sd": WITHIN}


def drawn(rng: np.random.Generator) -> np.ndarray:
    biases = BETWEEN * rng.standard_normal((CASES, 1))
    return biases + WITHIN * rng.standard_normal((CASES, REPLICATES))


def least(sets: int) -> float:
    """Return the gate: fewer intervals of level 0.9 hold the truth with probability 1e-4."""
    return 0.9 - 3.72 * math.sqrt(0.9 * 0.1 / sets)


def hits(make_runs, intervals, sets: int) -> dict[str, float]:
    rng = np.random.default_rng(5)
    counts = dict.fromkeys(TRUTHS, 0)
    for _ in range(sets):
        for name, (low, high) in intervals(make_runs(drawn(rng))).items():
            counts[name] += low <= TRUTHS[name] <= high
    return {name: count / sets for name, count in counts.items()}


def test_intervals_hold_the_truth_as_often_as_they_say(make_runs) -> None:
    metrics = [METRICS[name] for name in TRUTHS]

    def intervals(runs: Runs) -> dict[str, tuple[float, float]]:
        return {n: (f.low, f.high) for n, f in metric_values(metrics, runs, draws=200).items()}

    rates = hits(make_runs, intervals, 150)
    print(rates)
    assert min(rates.values()) > least(150)


def test_replicates_alone_hold_it_too_rarely(make_runs) -> None:
    """The negative control: without drawing problems the same gate rejects bias and error."""

    def intervals(runs: Runs) -> dict[str, tuple[float, float]]:
        resampling = Resampling(runs.tried == 1, draws=200, problems=False)
        results = {}
        for name in ("bias", "rmse"):
            (values,) = resampling.distributions([METRICS[name].statistic], runs)
            ends = np.sqrt(np.maximum(np.quantile(values, [0.05, 0.95]), 0))
            results[name] = float(ends[0]), float(ends[1])
        return results

    rates = hits(make_runs, intervals, 50)
    print(rates)
    assert rates["bias"] < least(50)
    assert rates["rmse"] < least(50)


def test_the_spread_is_that_of_the_formula(make_runs) -> None:
    """A mean over problems of means has a bootstrap variance in closed form.

    With 4000 samples a variance is known to 2.2 %; 10 % is z = 4.5, false alarm 7e-6.
    """
    errors = drawn(np.random.default_rng(2))
    runs = make_runs(errors)
    (resampled,) = Resampling(runs.tried == 1, draws=4000).distributions(
        [lambda r: mean(mean(r.error))], runs
    )
    expected = (errors.mean(1).var() + errors.var(1).mean() / REPLICATES) / CASES
    assert resampled.var() == pytest.approx(expected, rel=0.1)


def test_problems_with_fewer_replicates_are_drawn_as_they_are(make_runs) -> None:
    errors = drawn(np.random.default_rng(2))
    errors[::2, 1:] = np.nan
    tried = np.where(np.isnan(errors), np.nan, 1.0)
    runs = make_runs(errors, tried=tried)
    counted: list[np.ndarray] = []

    def count(drawn_runs: Runs) -> np.ndarray:
        counted.append((~np.isnan(drawn_runs.error)).sum(-1))
        return np.zeros(len(drawn_runs.error))

    Resampling(tried == 1, draws=50).distributions([count], runs)
    assert set(np.unique(np.concatenate(counted))) == {1, REPLICATES}


def test_equal_seeds_give_equal_intervals(make_runs) -> None:
    runs = make_runs(drawn(np.random.default_rng(7)))
    metrics = [METRICS["rmse"], METRICS["order"]]
    first, again, other = (metric_values(metrics, runs, draws=150, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first["rmse"] != other["rmse"]


def test_chunks_change_nothing_but_the_draws(make_runs, monkeypatch) -> None:
    runs = make_runs(drawn(np.random.default_rng(7)))
    whole = Resampling(runs.tried == 1, draws=300)
    metric: Metric = METRICS["rmse"]
    (one,) = whole.distributions([metric.statistic], runs)
    monkeypatch.setattr("llcbench.compare.bootstrap.CHUNK", 1)
    (many,) = whole.distributions([metric.statistic], runs)
    assert len(one) == len(many) == 300
    assert one.mean() == pytest.approx(many.mean(), abs=4 * one.std() * math.sqrt(2 / 300))


def test_what_cannot_be_reached_stays_infinite(make_runs) -> None:
    runs = make_runs(np.full((10, 3), 0.2))
    found = metric_values([METRICS["grads5"]], runs, draws=100)["grads5"]
    assert (found.value, found.low, found.high) == (math.inf, math.inf, math.inf)


def test_rates_of_separate_problems_have_the_wilson_interval(make_runs) -> None:
    covered = np.array([[1.0], [1.0], [1.0], [0.0]] * 5)
    result = metric_values([METRICS["coverage"]], make_runs(covered * 0, covered=covered))[
        "coverage"
    ]
    # Wilson's roots of (p - x)^2 = z^2 x (1 - x) / n at p = 3/4, n = 19 (20, less one for p).
    z2, n, p = norm.ppf(0.95) ** 2, 19, 0.75
    roots = np.roots([1 + z2 / n, -(2 * p + z2 / n), p * p])
    assert (result.low, result.high) == pytest.approx((roots.min(), roots.max()))


def test_rates_count_runs_of_one_problem_as_what_they_are_worth(make_runs) -> None:
    """Problems differ: five replicates of each are worth little more than one.

    The control takes all runs as independent, and the same gate rejects its intervals.
    """
    rng = np.random.default_rng(8)
    sets, hit = 400, {"clustered": 0, "independent": 0}
    for _ in range(sets):
        chances = rng.beta(0.8, 0.2, (30, 1))
        outcomes = (rng.random((30, 5)) < chances).astype(float)
        statistics = metric_values([METRICS["coverage"]], make_runs(outcomes * 0, covered=outcomes))
        low, high = statistics["coverage"].low, statistics["coverage"].high
        hit["clustered"] += low <= 0.8 <= high
        low, high = wilson(outcomes.mean(), outcomes.size)
        hit["independent"] += low <= 0.8 <= high
    print(hit, "of", sets)
    assert hit["clustered"] / sets > least(sets)
    assert hit["independent"] / sets < least(sets)


def test_runs_that_all_agree_are_worth_one_a_problem() -> None:
    assert worth(np.ones((7, 5))) == 7
    assert worth(np.array([[1.0, 0.0, np.nan]])) == 1


def plain(**options) -> Metric:
    return Metric("x", "", lambda r: np.asarray(50.0), **options)


def test_ends_are_the_percentiles_of_90_percent() -> None:
    """Of 0, 1, ..., 99 in any order the next ones outside of 4.95 and 94.05."""
    drawn_values = np.random.default_rng(0).permutation(100).astype(float)
    assert LEVEL == 0.9
    assert _metric_value(plain(), None, drawn_values) == MetricValue(50.0, 4.0, 95.0)
    # Both ends are shown in the unit of the value; what is unknown does not count.
    rooted = plain(shown=lambda value: 2 * value)
    known = np.concatenate([drawn_values, [np.nan]])
    assert _metric_value(rooted, None, known) == MetricValue(100.0, 8.0, 190.0)
    assert _metric_value(plain(), None, np.array([np.nan])) == MetricValue(50.0)


def test_a_statistic_that_is_centred_elsewhere_is_moved_back() -> None:
    """The bootstrap world is centred on 60 where the statistic is 50."""
    moved = plain(centre=lambda r: np.asarray(60.0))
    values = np.arange(100.0)
    assert _metric_value(moved, None, values) == MetricValue(50.0, -6.0, 85.0)


def test_trials_that_share_problems_are_worth_fewer() -> None:
    """Two replicates that always agree on four problems are worth the problems, less one."""
    outcomes = np.repeat([[1.0], [1.0], [0.0], [0.0]], 2, axis=1)
    # p (1 - p) = 1/4; parts are 1, 1, -1, -1: variance 4/3 * 4 / 64 = 1/12.
    assert worth(outcomes) == pytest.approx(3)
    # Those that agree no more than chance are worth all.
    mixed = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    assert worth(mixed) == 8
    assert worth(np.zeros((5, 3))) == 5
    assert worth(np.array([[1.0, 1, 0]])) == 1
