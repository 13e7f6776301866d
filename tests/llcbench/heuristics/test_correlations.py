"""Rank correlations against another implementation, and what their intervals hold."""

import msgspec
import numpy as np
import pytest
from scipy.stats import binom, spearmanr
from synthetic import design, experiment, record

from llcbench.heuristics.correlations import (
    Correlation,
    correlations,
    interval_over_seeds,
    spearman,
)


def found_for(noise: float, seeds: int = 6) -> list[Correlation]:
    chosen, rng, made = experiment(), np.random.default_rng(1), {}
    for seed in range(seeds):
        for arm in chosen.arms:
            llc = rng.standard_normal()
            gc = llc + noise * rng.standard_normal()
            one = record(arm.trial.at_seed(seed), llc, gc=gc, trace=-llc)
            made[one.key] = one
    return correlations(design(chosen), made, draws=200)


def pair(result: list[Correlation], first: str, second: str) -> Correlation:
    return next(c for c in result if (c.experiment, c.first, c.second) == ("lr", first, second))


def test_spearman_is_that_of_scipy() -> None:
    table = np.random.default_rng(2).integers(0, 5, (20, 3)).astype(float)
    np.testing.assert_allclose(spearman(table), spearmanr(table).statistic)
    assert np.isnan(spearman(np.ones((4, 2)))[0, 1])


def test_related_measures_are_seen_and_constant_ones_are_not_ranked() -> None:
    result = found_for(0.3)
    related = pair(result, "llc", "gc")
    assert related.low > 0
    assert (related.runs, related.seeds) == (24, 6)
    exact = pair(result, "llc", "trace")
    assert (exact.value, exact.low, exact.high) == pytest.approx((-1.0, -1.0, -1.0))
    # A value that never varies has no rank.
    assert pair(result, "llc", "train_loss").value is None
    assert not any("norm" in (c.first, c.second) for c in result)


def test_intervals_hold_the_truth_at_the_stated_rate() -> None:
    """Of 150 null groups 10 % are outside, or down to 5 %; passed with probability 0.998."""
    rng, count = np.random.default_rng(3), 150
    owners = np.repeat(np.arange(5), 4)
    held = crude = 0
    for _ in range(count):
        # Seeds have levels of their own: their rows are not independent.
        table = rng.standard_normal((20, 2)) + rng.standard_normal((5, 2))[owners]
        low, high = (ends[0, 1] for ends in interval_over_seeds(table, owners, draws=50))
        held += low < 0 < high
        middle = np.arctanh([low, high]).mean()
        crude += abs(middle) < (np.arctanh(high) - middle) / 2
    least, most = binom.ppf(0.001, count, 0.9), binom.ppf(0.999, count, 0.95)
    assert least <= held <= most
    # The control: intervals of half the length have another rate.
    assert crude < least


@pytest.mark.parametrize(
    ("seeds", "middle", "below", "above", "quantile"),
    [
        # One of each kind: both resamples of a single seed have 1/4, and either is an end.
        ([0.5, -0.5], 0.0, -0.5, 0.5, np.tan(0.45 * np.pi)),
        # Of three resampled seeds k are of the other kind with 8, 12, 6 and 1 in 27: the lower
        # end, at 0.159, has k = 2, and the upper one k = 0.
        ([0.5, 0.5, -0.5], 1 / 6, -1 / 6, 0.5, 0.9 / np.sqrt(0.095)),
    ],
)
def test_an_interval_is_the_one_by_hand(seeds, middle, below, above, quantile) -> None:
    """Ranks are the same in every seed, so that a coefficient is the mean of those of its seeds.

    The quantiles of Student's t with one and two degrees of freedom have closed forms.
    """
    orders = {0.5: [1.0, 3.0, 2.0], -0.5: [3.0, 1.0, 2.0]}
    second = [rank for value in seeds for rank in orders[value]]
    table = np.column_stack([[1.0, 2.0, 3.0] * len(seeds), second])
    low, high = interval_over_seeds(table, np.repeat(np.arange(len(seeds)), 3))
    spread = (np.arctanh(above) - np.arctanh(below)) / 2
    count = len(seeds)
    reach = quantile * spread * np.sqrt(count / (count - 1))
    centre = np.arctanh(middle)
    ends = np.arctanh([low[0, 1], high[0, 1]])
    assert ends == pytest.approx([centre - reach, centre + reach], rel=1e-8)
    assert ends != pytest.approx([centre - 0.99 * reach, centre + 0.99 * reach], rel=1e-3)


def test_a_shared_arm_counts_once_over_experiments() -> None:
    one = experiment()
    two = msgspec.structs.replace(one, name="other")
    made = {}
    for seed in range(3):
        for arm in one.arms:
            new = record(arm.trial.at_seed(seed), seed + arm.level, gc=arm.level)
            made[new.key] = new
    related = correlations(design(one, two), made, draws=100)
    pooled = [c for c in related if c.experiment.startswith("matched 0.1: mlp-8")]
    assert {c.runs for c in pooled} == {12}
    assert {c.runs for c in related} == {12}
    assert pooled[0].value == pytest.approx(pair(related, "llc", "gc").value)
    assert correlations(design(one), {}, draws=100) == []
