"""Intervals against scipy.stats, and coverage with a control."""

import numpy as np
import pytest
from scipy import stats

from llcbench.intervals import (
    chain_quantile,
    clopper_pearson,
    normal_quantile,
    run_freedom,
    run_quantile,
    student_quantile,
    wilson,
)

SHARES = [(0, 5), (1, 5), (3, 7), (20, 40), (40, 40)]


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize(("hits", "trials"), SHARES)
def test_shares_have_the_intervals_of_scipy(hits: int, trials: int, level: float) -> None:
    outcome = stats.binomtest(hits, trials)
    wanted = outcome.proportion_ci(level, "wilson")
    assert wilson(hits / trials, trials, level) == pytest.approx(tuple(wanted), abs=1e-6)
    exact = outcome.proportion_ci(level, "exact")
    assert clopper_pearson(hits, trials, level) == pytest.approx(tuple(exact), abs=1e-9)


def test_a_fraction_of_a_trial_lies_between_whole_ones() -> None:
    low, high = (np.subtract(*wilson(0.3, trials)[::-1]) for trials in (8, 7))
    assert low < np.subtract(*wilson(0.3, 7.5)[::-1]) < high
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_intervals_cover_what_they_say_and_half_as_wide_ones_do_not() -> None:
    # Exact coverage, summed over all outcomes: no draw, hence no false alarm.
    trials, truth = 40, 0.3
    outcomes = stats.binom.pmf(np.arange(trials + 1), trials, truth)

    def coverage(interval, shrink: float = 1.0) -> float:
        ends = [interval(hits) for hits in range(trials + 1)]
        held = [abs(truth - (low + high) / 2) <= shrink * (high - low) / 2 for low, high in ends]
        return float(outcomes @ held)

    def score(hits: int) -> tuple[float, float]:
        return wilson(hits / trials, trials)

    assert 0.87 < coverage(score) < 0.93
    assert coverage(lambda hits: clopper_pearson(hits, trials)) >= 0.95
    assert coverage(score, 0.5) < 0.7


@pytest.mark.parametrize("freedom", [1, 2.5, 31])
def test_quantiles_are_those_of_student_and_of_the_normal_distribution(freedom: float) -> None:
    assert student_quantile(0.9, freedom) == pytest.approx(stats.t.ppf(0.95, freedom), rel=1e-9)
    assert normal_quantile(0.9) == pytest.approx(stats.norm.ppf(0.95), rel=1e-12)
    assert student_quantile(0.9, 1e12) == pytest.approx(normal_quantile(0.9), rel=1e-6)


def test_few_chains_have_a_normal_error_and_four_that_of_their_spread() -> None:
    assert chain_quantile(0.9, 3) == normal_quantile(0.9)
    assert chain_quantile(0.9, 4) == student_quantile(0.9, 3)


def test_ninety_percent_quantiles_by_tables() -> None:
    """Printed in every table of Student's t; 95 % ones are 3.182, 2.131 and 1.960."""
    assert chain_quantile(0.9, 4) == pytest.approx(2.353, abs=5e-4)
    assert chain_quantile(0.9, 16) == pytest.approx(1.753, abs=5e-4)
    assert normal_quantile(0.9) == pytest.approx(1.645, abs=5e-4)


@pytest.mark.parametrize("freedom", [1.0, 2.5, 9.0, 400.0])
@pytest.mark.parametrize("chains", [1, 2, 3])
def test_few_chains_have_the_quantile_of_their_own_interval(chains: int, freedom: float) -> None:
    reach = 0.3 * student_quantile(0.9, freedom)
    interval = (5 - reach, 5 + reach)
    assert run_quantile(chains, interval, 0.3) == pytest.approx(student_quantile(0.9, freedom))
    assert run_freedom(chains, interval, 0.3) == pytest.approx(freedom, rel=1e-6)


def test_four_chains_have_that_of_their_number() -> None:
    assert run_quantile(4, (0.0, 100.0), 1.0) == chain_quantile(0.9, 4)
    assert run_freedom(4, (0.0, 100.0), 1.0) == 3
    assert run_freedom(16, None, None) == 15


def test_few_chains_without_an_interval_have_no_freedom() -> None:
    for interval, stderr in ((None, 1.0), ((1.0, 1.0), 0.0), ((1.0, 2.0), None)):
        assert run_freedom(2, interval, stderr) is None
        assert run_quantile(2, interval, stderr) == normal_quantile(0.9)
