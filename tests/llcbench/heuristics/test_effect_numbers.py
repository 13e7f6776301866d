"""Every number of an effect and of a correlation, computed by hand or by another package."""

import math

import msgspec
import numpy as np
import pytest
from scipy.stats import norm, spearmanr, t
from synthetic import LEVELS, design, experiment, record

from llcbench.heuristics.correlations import correlations, interval_over_seeds
from llcbench.heuristics.design import Experiment
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.readings import readings
from llcbench.heuristics.trial import TrialRecord

SLOPES = (1.0, 2.0, 4.0)


def lines(chosen: Experiment, numbers: list[float]) -> dict[str, TrialRecord]:
    """Return records of three seeds with values ``10 + slope x``, x a number of every arm."""
    made = {}
    for seed, slope in enumerate(SLOPES):
        for arm, x in zip(chosen.arms, numbers, strict=True):
            one = record(arm.trial.at_seed(seed), 10 + slope * x)
            made[one.key] = one
    return made


def of_llc(chosen: Experiment, made: dict[str, TrialRecord]) -> Effect:
    return next(e for e in effects(design(chosen), made) if e.measure == "llc")


def test_value_interval_size_and_change():
    chosen = experiment("up")
    effect = of_llc(chosen, lines(chosen, [math.log2(level) for level in LEVELS]))
    deviation = math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2)
    # Student's t with two degrees of freedom at 95 % from below: 2.9200.
    reach = 2.919985580355516 * deviation / math.sqrt(3)
    assert effect.value == pytest.approx(7 / 3)
    assert (effect.low, effect.high) == pytest.approx((7 / 3 - reach, 7 / 3 + reach))
    assert effect.size == pytest.approx(7 / 3 / deviation)
    # Three doublings; the mean value is 10 + 7/3 times the mean logarithm, -1/2.
    assert effect.change == pytest.approx(7 / 3 * 3 / (10 - 7 / 6))
    assert (effect.seeds, effect.lost, effect.figures, effect.found) == (3, 0, 12, 12)
    assert (effect.flagged, effect.missed, effect.failed) == (0, 0, 0)
    assert effect.verdict == "not seen"


@pytest.mark.parametrize(
    ("scale", "numbers", "unit"),
    [
        ("log", [-2.0, -1.0, 0.0, 1.0], "per doubling"),
        ("linear", list(LEVELS), "per unit"),
        ("order", [0.0, 1.0, 2.0, 3.0], "per level"),
        ("order", [5.0, 6.0, 7.0, 8.0], "per level"),
    ],
)
def test_a_line_in_the_scale_of_the_levels_has_its_slope(scale, numbers, unit):
    chosen = msgspec.structs.replace(experiment(), scale=scale)
    effect = of_llc(chosen, lines(chosen, numbers))
    assert effect.unit == unit
    assert effect.value == pytest.approx(7 / 3)
    other = msgspec.structs.replace(chosen, scale="linear" if scale == "order" else "order")
    assert of_llc(other, lines(chosen, [x**2 for x in numbers])).value != pytest.approx(7 / 3)


def test_missed_and_failed_trials_are_counted_apart():
    chosen = experiment()
    made = lines(chosen, [0.0, 1.0, 2.0, 3.0])
    for seed, status in enumerate(("not_reached", "not_reached", "not_finite")):
        trial = chosen.arms[0].trial.at_seed(seed + 10)
        made[trial.key] = record(trial, 1.0, status=status)
    effect = of_llc(chosen, made)
    assert (effect.found, effect.missed, effect.failed) == (15, 2, 1)
    assert effect.value == pytest.approx(7 / 3)


def test_ties_against_another_measure_are_those_of_scipy():
    chosen = msgspec.structs.replace(experiment(), against="test_loss")
    losses = ([1.0, 1.0, 2.0, 3.0], [4.0, 3.0, 3.0, 3.0], [1.0, 2.0, 3.0, 4.0])
    values = ([1.0, 2.0, 2.0, 5.0], [1.0, 2.0, 4.0, 4.0], [7.0, 7.0, 7.0, 8.0])
    made = {}
    for seed in range(3):
        for arm, loss, value in zip(chosen.arms, losses[seed], values[seed], strict=True):
            one = record(arm.trial.at_seed(seed), value, test_loss=loss)
            made[one.key] = one
    expected = [spearmanr(a, b).statistic for a, b in zip(losses, values, strict=True)]
    effect = of_llc(chosen, made)
    assert effect.value == pytest.approx(np.mean(expected))
    assert effect.unit == "rank correlation with test_loss"
    assert effect.change is None


def at(one: TrialRecord, *points: tuple[int, float]) -> TrialRecord:
    """Return a record with checkpoints after some gradients, with their coefficients."""
    (point,) = one.measured
    measured = [
        msgspec.structs.replace(
            point, gradients=gradients, llc=msgspec.structs.replace(point.llc, value=value)
        )
        for gradients, value in points
    ]
    return msgspec.structs.replace(one, measured=measured)


def test_the_end_of_a_training_is_its_last_checkpoint():
    chosen = experiment()
    made = {
        key: at(one, (1, 99.0), (2, one.measured[0].llc.value))
        for key, one in lines(chosen, [0.0, 1.0, 2.0, 3.0]).items()
    }
    values = {point.llc.value for points in readings(chosen, made).points.values()
              for point in points}  # fmt: skip
    assert 99.0 not in values
    assert of_llc(chosen, made).value == pytest.approx(7 / 3)


def test_checkpoints_are_levels_but_for_the_start():
    (arm, *_) = experiment().arms
    chosen = msgspec.structs.replace(experiment(), at="checkpoints", arms=(arm,))
    made = {}
    for seed, slope in enumerate(SLOPES):
        one = record(arm.trial.at_seed(seed), 0.0)
        points = [(0, 77.0), (8, 10.0), (16, 10 + slope), (64, 10 + 3 * slope)]
        # The last seed lacks a checkpoint, which is then not compared.
        made[one.key] = at(one, *points, *([(128, 5.0)] if seed < 2 else []))
    result = readings(chosen, made)
    assert result.levels == (8.0, 16.0, 64.0)
    assert result.excluded == ("128",)
    effect = of_llc(chosen, made)
    assert effect.value == pytest.approx(7 / 3)
    assert (effect.levels, effect.unit) == ((8.0, 16.0, 64.0), "per doubling")


@pytest.mark.parametrize(("kept", "compared"), [(2, True), (1, False)])
def test_an_arm_needs_half_of_its_seeds(kept, compared):
    chosen = experiment()
    made = {}
    for seed in range(4):
        for arm in chosen.arms:
            status = "ok" if arm is not chosen.arms[0] or seed < kept else "not_reached"
            one = record(arm.trial.at_seed(seed), arm.level, status=status)
            made[one.key] = one
    result = readings(chosen, made)
    assert (LEVELS[0] in result.levels) is compared
    assert result.excluded == (() if compared else ("0.25",))
    assert set(result.points) == (set(range(kept)) if compared else set(range(4)))
    assert result.incomplete == (4 - kept if compared else 0)


# --- Correlations ------------------------------------------------------------------------------


def test_intervals_are_those_of_seeds_drawn_again_by_hand():
    """Half the distance of the 16 % and 84 % quantiles, times t and ``sqrt(n / (n - 1))``."""
    rng = np.random.default_rng(5)
    owners = np.repeat([3, 7, 9, 11], 5)
    x = rng.standard_normal(20) + rng.standard_normal(4).repeat(5)
    table = np.column_stack([x, x + rng.standard_normal(20)])
    low, high = (ends[0, 1] for ends in interval_over_seeds(table, owners, draws=200, seed=4))
    again, drawn = np.random.default_rng(4), []
    for _ in range(200):
        rows = np.concatenate([np.arange(5 * k, 5 * k + 5) for k in again.integers(4, size=4)])
        drawn.append(np.arctanh(spearmanr(table[rows]).statistic))
    below, above = np.quantile(drawn, [norm.cdf(-1), norm.cdf(1)])
    reach = t.ppf(0.95, 3) * (above - below) / 2 * math.sqrt(4 / 3)
    middle = np.arctanh(spearmanr(table).statistic)
    assert (low, high) == pytest.approx((np.tanh(middle - reach), np.tanh(middle + reach)))


@pytest.mark.parametrize(
    # All of three draws hit a seed that does not vary with probability 1/27, or 8/27.
    ("constant", "shown"), [(1, True), (2, False)],
)  # fmt: skip
def test_an_interval_needs_nineteen_of_twenty_resamples(constant, shown):
    chosen, rng, made = experiment(), np.random.default_rng(6), {}
    for seed in range(3):
        for arm in chosen.arms:
            value = 1.0 if seed < constant else rng.standard_normal()
            one = record(arm.trial.at_seed(seed), value, gc=rng.standard_normal())
            made[one.key] = one
    related = correlations(design(chosen), made, draws=2000)
    pair = next(c for c in related if (c.first, c.second) == ("llc", "gc"))
    assert (pair.low is not None) is (pair.high is not None) is shown
    assert pair.value is not None
    assert (pair.runs, pair.seeds) == (12, 3)
