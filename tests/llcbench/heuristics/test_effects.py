"""Effects on synthetic records: known ones are seen, none is not, wrong signs are reversed."""

import msgspec
import numpy as np
import pytest
from scipy.stats import binom, spearmanr, ttest_1samp
from synthetic import LEVELS, design, experiment, record, records

from llcbench.heuristics.effects import Effect, effects, interval, slopes, verdict_of
from llcbench.heuristics.readings import readings
from llcbench.heuristics.trial import TrialRecord

Records = dict[str, TrialRecord]


def only(chosen: object, made: Records, measure: str = "llc") -> Effect:
    found = [e for e in effects(design(chosen), made) if e.measure == measure]
    assert len(found) == 1
    return found[0]


def seeds_apart(seed: int) -> float:
    """Return a level of a seed that hides any effect from an unpaired comparison."""
    return 1000.0 * (seed % 3)


@pytest.mark.parametrize(("slope", "verdict"), [(-2.0, "seen"), (2.0, "reversed")])
def test_a_known_effect_has_its_size_and_verdict(slope: float, verdict: str) -> None:
    def value(seed: int, level: float, rng: np.random.Generator) -> float:
        return 50 + slope * np.log2(level) + 0.3 * rng.standard_normal()

    chosen = experiment("down")
    effect = only(chosen, records(chosen, 8, value, np.random.default_rng(1)))
    assert effect.verdict == verdict
    assert effect.low < slope < effect.high
    assert effect.seeds == 8
    assert effect.change == pytest.approx(slope * 3 / 50, rel=0.1)
    assert (effect.unit, effect.levels) == ("per doubling", LEVELS)
    # Without a claim the same interval only names the direction.
    assert verdict_of(None, (effect.low, effect.high)) == ("down" if slope < 0 else "up")


def test_effects_are_paired_by_seed() -> None:
    def value(seed: int, level: float, rng: np.random.Generator) -> float:
        return seeds_apart(seed) - np.log2(level) + 0.1 * rng.standard_normal()

    chosen = experiment("down")
    made = records(chosen, 6, value, np.random.default_rng(2))
    assert only(chosen, made).verdict == "seen"
    # The control: with the seeds of every arm in another order the pairs are gone.
    broken = {}
    for result in made.values():
        shift = LEVELS.index(result.trial.training.lr)
        moved = result.trial.at_seed((result.trial.seed + shift) % 6)
        broken[moved.key] = msgspec.structs.replace(result, key=moved.key, trial=moved)
    assert only(chosen, broken).verdict == "not seen"


def test_no_effect_is_not_seen_at_the_stated_rate() -> None:
    """Of 400 null experiments 10 % are outside; the gate is passed with probability 0.998."""
    chosen, rng, count = experiment("down"), np.random.default_rng(3), 400
    values = rng.standard_normal((count, 5, len(LEVELS))) + 10 * rng.standard_normal((1, 5, 1))
    verdicts = []
    for table in values:
        ends = interval(list(slopes(np.log2(LEVELS), table)))
        verdicts.append(verdict_of("down", ends))
    gate = binom.ppf([0.001, 0.999], count, 0.1)
    outside = count - verdicts.count("not seen")
    assert gate[0] <= outside <= gate[1]
    assert min(verdicts.count("seen"), verdicts.count("reversed")) > 0
    # The control: an interval of one standard error has other rates.
    short = [slopes(np.log2(LEVELS), table) for table in values]
    crude = sum(abs(s.mean()) > s.std(ddof=1) / 5**0.5 for s in short)
    assert crude > gate[1]
    made = records(chosen, 5, lambda seed, level, rng: rng.standard_normal(), rng)
    assert only(chosen, made).verdict == "not seen"


def test_slopes_and_intervals_are_those_of_other_routes() -> None:
    rng = np.random.default_rng(4)
    table = rng.standard_normal((7, 4))
    by_fit = np.polyfit(np.log2(LEVELS), table.T, 1)[0]
    np.testing.assert_allclose(slopes(np.log2(LEVELS), table), by_fit)
    ends = ttest_1samp(by_fit, 0.0).confidence_interval(0.9)
    np.testing.assert_allclose(interval(list(by_fit)), (ends.low, ends.high))
    assert interval([1.0]) is None


def test_arms_that_missed_the_loss_are_excluded_and_counted() -> None:
    def value(seed: int, level: float, rng: np.random.Generator) -> float:
        return 10 - np.log2(level) + 0.01 * rng.standard_normal()

    chosen = experiment("down")
    made = records(chosen, 4, value, np.random.default_rng(5))
    top = chosen.arms[-1]
    for seed in range(3):
        # Were these counted, the effect would be reversed.
        missed = record(top.trial.at_seed(seed), 1e6, status="not_reached")
        made[missed.key] = missed
    lost = chosen.arms[0].trial.at_seed(3)
    gone = TrialRecord(key=lost.key, trial=lost, digest="x", status="not_finite", environment="e")
    made[lost.key] = gone
    effect = only(chosen, made)
    assert effect.verdict == "seen"
    assert effect.levels == LEVELS[:-1]
    assert effect.excluded == ("2",)
    assert (effect.found, effect.missed, effect.failed, effect.seeds) == (16, 3, 1, 3)


def test_failed_and_negative_estimates() -> None:
    chosen = experiment("down")
    made = records(chosen, 4, lambda s, level, rng: -level, np.random.default_rng(6))
    first = chosen.arms[0].trial.at_seed(0)
    made[first.key] = record(first, None)
    effect = only(chosen, made)
    assert (effect.seeds, effect.lost, effect.figures) == (3, 1, 12)
    assert effect.value < 0
    assert only(chosen, made, "train_loss").seeds == 4


def test_estimates_with_warnings_are_marked() -> None:
    chosen = experiment()
    made = records(chosen, 2, lambda s, level, rng: rng.standard_normal(), np.random.default_rng(7))
    key, old = next(iter(made.items()))
    point = old.measured[0]
    local = msgspec.structs.replace(point.llc, warnings=("rhat 1.2 (< 1.05)",))
    marked = msgspec.structs.replace(point, llc=local)
    made[key] = msgspec.structs.replace(old, measured=[marked])
    effect = only(chosen, made)
    assert (effect.flagged, effect.figures, effect.warnings) == (1, 8, {"rhat": 1})


def test_against_another_measure_it_is_a_rank_correlation() -> None:
    chosen = msgspec.structs.replace(experiment(), against="test_loss")
    rng, rows, made = np.random.default_rng(8), [], {}
    for seed in range(5):
        losses = rng.standard_normal(len(LEVELS)) ** 2
        values = losses + rng.standard_normal(len(LEVELS))
        rows.append(spearmanr(losses, values).statistic)
        for arm, loss, value in zip(chosen.arms, losses, values, strict=True):
            one = record(arm.trial.at_seed(seed), value, test_loss=loss)
            made[one.key] = one
    assert only(chosen, made).value == pytest.approx(np.mean(rows))


def test_different_data_of_one_name_are_refused() -> None:
    chosen = experiment()
    made = records(chosen, 2, lambda s, level, rng: 1.0, np.random.default_rng(9))
    key, old = next(iter(made.items()))
    made[key] = msgspec.structs.replace(old, digest="y")
    with pytest.raises(ValueError, match="different data"):
        readings(chosen, made)
