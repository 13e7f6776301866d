"""Statistics of a leaderboard and what it ranks by, worked out by hand."""

import math

import numpy as np
import pytest

from llcbench.compare.metrics import METRICS
from llcbench.compare.runs import CAP, Runs
from llcbench.compare.statistics import (
    AGREED,
    TARGET,
    case_agrees,
    case_bias,
    case_grads,
    case_squares,
    mean,
    order_kept,
    reached,
    variance,
)

NAN = math.nan


def losses(better: Runs, worse: Runs) -> dict[str, bool]:
    """Return for every metric that ranks whether the first has the smaller loss."""
    return {
        name: bool(metric.loss(better) < metric.loss(worse))
        for name, metric in METRICS.items()
        if metric.loss is not None
    }


def test_limits_are_those_that_tables_name() -> None:
    assert (TARGET, AGREED, CAP) == (0.05, 3.0, 1.0)


def test_squares_count_failed_runs_at_the_cap(make_runs) -> None:
    runs = make_runs(np.array([[0.3, NAN, -0.4, 0.0]]), failed=np.array([[0.0, 1, 0, 0]]))
    assert case_squares(runs) == pytest.approx([(0.09 + 1 + 0.16) / 4])


def test_the_squared_bias_by_hand(make_runs) -> None:
    """Errors 0.2, 0.4, 0.6: mean 0.4, variance 0.04, so that of the mean is 0.04/3."""
    error = np.array([[0.2, 0.4, 0.6]])
    assert case_bias(make_runs(error)) == pytest.approx([0.16 - 0.04 / 3])
    assert case_bias(make_runs(error), noisy=True) == pytest.approx([0.16])
    # The error of the truth is shared: it does not fall with the replicates.
    assert case_bias(make_runs(error, truth=0.01)) == pytest.approx([0.16 - 0.04 / 3 - 0.01])
    # Claimed noise is for single runs.
    assert case_bias(make_runs(error, noise=0.09)) == pytest.approx([0.16 - 0.04 / 3])
    assert case_bias(make_runs(error[:, :1], noise=0.01)) == pytest.approx([0.04 - 0.01])


def test_the_bias_with_failures_by_hand(make_runs) -> None:
    """One of four failed: (f + (1 - f) b)^2 with f = 1/4, b = -0.4, variance of the mean 0.04/3."""
    error = np.array([[-0.2, -0.4, -0.6, NAN]])
    runs = make_runs(error, failed=np.isnan(error).astype(float))
    noisy = (0.25 + 0.75 * 0.4) ** 2
    assert case_bias(runs, noisy=True) == pytest.approx([noisy])
    assert case_bias(runs) == pytest.approx([noisy - 0.75**2 * 0.04 / 3])


def test_agreement_takes_the_larger_error_and_divides_it(make_runs) -> None:
    """Four errors with variance 4/3 * 0.01 around b; 3 errors of the mean are 0.1732."""
    shape = np.array([-1.0, -1.0, 1.0, 1.0]) * 0.1
    error = np.array([[b] for b in (0.17, 0.18, -0.17, -0.18)]) + shape
    assert case_agrees(make_runs(error)).tolist() == [1, 0, 1, 0]
    # A claimed variance of 0.04 counts instead: 3 errors of the mean are 0.3.
    wide = np.array([[0.29], [0.31]]) + shape
    assert case_agrees(make_runs(wide, noise=0.04)).tolist() == [1, 0]
    # Noise 0.0133/4 and truth 0.01: 3 errors are 0.3464; the truth is not divided.
    truth = np.array([[0.34], [0.35]]) + shape
    assert case_agrees(make_runs(truth, truth=0.01)).tolist() == [1, 0]


def test_a_failed_run_agrees_with_nothing(make_runs) -> None:
    error = np.array([[0.0, 0.001, NAN], [0.0, 0.001, -0.001]])
    runs = make_runs(error, failed=np.isnan(error).astype(float))
    assert case_agrees(runs).tolist() == [0, 1]


def test_gradients_to_five_percent_by_hand(make_runs) -> None:
    """``G (u + (1 - u) s^2 / (0.05^2 - b^2)) / (1 - f)``, term by term."""
    error = np.array([[0.03, 0.05]])
    own, b2 = 0.0002, 0.04**2 - 0.0001
    room = 0.0025 - b2
    plain = 1000 * own / room
    assert case_grads(make_runs(error)) == pytest.approx([plain])
    assert case_grads(make_runs(error, burnin=0.25)) == pytest.approx([250 + 0.75 * plain])
    # The claimed variance counts if it is larger, and is not taken off the bias.
    assert case_grads(make_runs(error, noise=0.01)) == pytest.approx([1000 * 0.01 / room])
    assert case_grads(make_runs(error, noise=1e-6)) == pytest.approx([plain])
    assert case_grads(make_runs(error, truth=0.0005)) == pytest.approx([1000 * own / (room + 5e-4)])


def test_failed_runs_are_repeated_at_their_price(make_runs) -> None:
    error = np.array([[0.03, 0.05, NAN, NAN]])
    failed = np.isnan(error).astype(float)
    grads = np.array([[1000.0, 1000, 5, 5]])
    plain = case_grads(make_runs(error[:, :2]))
    assert case_grads(make_runs(error, failed=failed, grads=grads)) == pytest.approx(2 * plain)


def test_reach_is_a_share_of_problems(make_runs) -> None:
    """Within, beyond, all failed, not tried."""
    error = np.array([[0.04, 0.04], [0.06, 0.06], [NAN, NAN], [NAN, NAN]])
    failed = np.array([[0.0, 0], [0, 0], [1, 1], [NAN, NAN]])
    runs = make_runs(error, failed=failed, tried=np.where(np.isnan(failed), NAN, 1.0))
    assert reached(runs) == pytest.approx(1 / 3)
    assert case_grads(runs)[1:3].tolist() == [math.inf, math.inf]
    assert math.isnan(case_grads(runs)[3])


def test_runs_that_all_fail_reach_nothing(make_runs) -> None:
    """Failed runs may have a number in the place of an error: it is no bias of zero."""
    runs = make_runs(np.zeros((2, 2)), failed=np.array([[1.0, 1], [0, 0]]))
    assert reached(runs) == 0.5


def test_order_by_hand(make_runs) -> None:
    """Coefficients 1, 2, 3; estimates 1, 3, 2: two pairs of three, unless tempered reverses one."""
    column = np.array([[1.0], [2.0], [3.0]])
    estimate = np.array([[1.0], [3.0], [2.0]])
    values = {"local": column, "estimate": estimate}
    assert order_kept(make_runs(0 * column, tempered=column, **values)) == pytest.approx(2 / 3)
    # A perfect sampler reverses the last two: they are not asked.
    assert order_kept(make_runs(0 * column, tempered=estimate, **values)) == 1.0
    values["estimate"] = column
    assert order_kept(make_runs(0 * column, tempered=estimate, **values)) == 1.0
    assert order_kept(make_runs(0 * column, tempered=column, **values)) == 1.0
    values["estimate"] = column[::-1]
    assert order_kept(make_runs(0 * column, tempered=column, **values)) == 0.0


def test_means_and_variances_of_what_is_known() -> None:
    assert mean(np.array([1.0, NAN, 5.0])) == 3.0
    assert variance(np.array([1.0, NAN, 5.0])) == 8.0
    assert variance(np.array([1.0, NAN, 5.0]), plug_in=True) == 4.0
    assert variance(np.array([1.0, 5.0, 3.0])) == 4.0
    assert math.isnan(variance(np.array([1.0, NAN])))


def test_the_better_entry_has_the_smaller_loss_in_every_metric(make_runs) -> None:
    """Better in all respects at once: no metric ranks the wrong way round."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((6, 4))
    local = np.arange(1.0, 7)[:, None] * np.ones((1, 4))
    good = make_runs(
        0.01 + 0.01 * noise, local=local, tempered=local, estimate=local, covered=0.9,
        ess_rate=0.5, seconds=1.0,
    )  # fmt: skip
    failed = np.zeros((6, 4))
    failed[:2] = 1.0
    bad = make_runs(
        np.where(failed == 1, NAN, 0.5 + 0.2 * noise), local=local, tempered=local,
        estimate=-local, covered=0.3, ess_rate=0.1, seconds=2.0, failed=failed, flagged=1.0,
    )  # fmt: skip
    assert all(losses(good, bad).values()), losses(good, bad)
    assert not any(losses(bad, good).values())


def test_coverage_above_ninety_percent_is_no_merit(make_runs) -> None:
    """Intervals that are too wide are as wrong as those that are too narrow."""
    zero = np.zeros((10, 10))
    rates = {rate: (np.arange(100).reshape(10, 10) < rate).astype(float) for rate in (80, 90, 100)}
    loss = {
        rate: float(METRICS["coverage"].loss(make_runs(zero, covered=covered)))
        for rate, covered in rates.items()
    }
    assert loss == pytest.approx({80: 0.1, 90: 0.0, 100: 0.1})
    assert METRICS["coverage"].statistic(make_runs(zero, covered=rates[80])) == pytest.approx(0.8)


DISTINCT = {
    "error": np.array([[0.1, 0.2], [0.3, 0.5]]),
    "error_local": np.array([[0.4, 0.7], [0.6, 0.9]]),
    "covered": np.array([[1.0, 1], [1, 0]]),
    "flagged": np.array([[1.0, 1], [0, 0]]),
    "ess_rate": np.array([[0.2, 0.4], [0.5, 0.9]]),
    "seconds": np.array([[2.0, 4], [8, 16]]),
    "peak_bytes": np.array([[7.0, 5], [NAN, 3]]),
    "tuning": np.array([[10.0, 30], [50, 70]]),
    "local": np.array([[1.0, 1], [2, 2]]),
    "tempered": np.array([[1.0, 1], [2, 2]]),
    "estimate": np.array([[1.0, 3], [2, 2]]),
    "grads": np.array([[100.0, 300], [200, 400]]),
}
# Squares 0.01, 0.04, 0.09, 0.25; variances 0.005 and 0.02; means 0.15 and 0.4.
VALUES = {
    "rmse": math.sqrt(0.39 / 4),
    "sd": math.sqrt(0.0125),
    "bias": math.sqrt((0.15**2 - 0.0025 + 0.4**2 - 0.01) / 2),
    "error": 0.25,
    "error_local": 0.65,
    "coverage": 0.75,
    "agreement": 0.5,
    "order": 0.5,
    "ess_per_grad": 0.5,
    "grads5": math.inf,
    "reach5": 0.0,
    "seconds": 7.5,
    "memory": 7.0,
    "tuning": 40.0,
    "failed": 0.0,
    "flagged": 0.5,
}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_its_own_value(make_runs, name: str) -> None:
    """Fields with distinct values: a metric that reads another one shows it."""
    metric = METRICS[name]
    runs = make_runs(**DISTINCT)
    shown = float(metric.shown(np.asarray(metric.statistic(runs))))
    assert shown == pytest.approx(VALUES[name])


# What is compared: logarithms of ratios, or differences that are smaller for the better one.
LOSSES = {
    "rmse": math.log(0.39 / 4) / 2,
    "sd": math.log(0.0125) / 2,
    "bias": math.log((0.15**2 - 0.0025 + 0.4**2 - 0.01) / 2 + 1e-4) / 2,
    "error": math.log(0.25),
    "error_local": math.log(0.65),
    "coverage": 0.15,
    "agreement": -0.5,
    "order": -0.5,
    "ess_per_grad": -(math.log(0.3) + math.log(0.7)) / 2,
    "grads5": math.log(1e12),
    "reach5": 0.0,
    "seconds": (math.log(3) + math.log(12)) / 2,
    "failed": 0.0,
    "flagged": 0.5,
}


@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if m.loss is not None])
def test_every_loss_has_its_own_value(make_runs, name: str) -> None:
    metric = METRICS[name]
    assert float(metric.loss(make_runs(**DISTINCT))) == pytest.approx(LOSSES[name])
    ratios = "rmse sd bias error error_local ess_per_grad grads5 seconds"
    assert metric.ratio == (name in ratios.split())


def test_the_median_error_counts_failed_runs_at_the_cap(make_runs) -> None:
    error = np.array([[0.1, NAN, NAN, 0.2]])
    runs = make_runs(error, failed=np.isnan(error).astype(float))
    for name in ("error", "error_local"):
        assert METRICS[name].statistic(runs) == pytest.approx((0.2 + CAP) / 2)
    assert METRICS["failed"].statistic(runs) == 0.5
