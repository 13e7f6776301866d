"""The effect of a factor on a measure, paired by seed, with an interval that decides."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import rankdata

from llcbench.heuristics.design import MEASURES, Design, Experiment, Measure
from llcbench.heuristics.readings import Readings, readings, value_of, warnings_of
from llcbench.heuristics.trial import Measured, TrialRecord

LEVEL = 0.9
UNITS = {"log": "per doubling", "linear": "per unit", "order": "per level"}
Verdict = Literal["seen", "not seen", "reversed", "up", "down", "unclear", "too few seeds"]
Array = NDArray[np.float64]


class Effect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a measure moves with a factor.

    Attributes:
        design: Name of the suite.
        experiment: Name of the experiment.
        factor: What is varied.
        measure: What was measured.
        unit: Of the effect: ``per doubling`` of the level, ``per unit``, ``per level`` in their
            order, or ``rank correlation`` with another measure.
        matched: Whether trainings ended at one loss; if not, an effect may be that of the stage.
        levels: Levels that are compared.
        seeds: Seeds of the mean, each with all levels.
        value: Mean over seeds of the slope within a seed; None without seeds.
        low: Lower end of its 90 % interval, Student's t over seeds; None for fewer than two.
        high: Upper end.
        size: The mean over the standard deviation between seeds.
        change: Slope times the range of the levels, relative to the mean of the measure.
        claimed: Published direction; None if there is none.
        verdict: ``seen`` if the interval is on the claimed side of 0, ``reversed`` if on the other,
            ``not seen`` if it holds 0; without a claim ``up``, ``down`` or ``unclear``.
        source: Of the claim.
        found: Trials in the records.
        missed: Trials that did not reach the matched loss.
        failed: Trials without an end.
        lost: Complete seeds that are not used because the measure failed at some level.
        excluded: Arms that are not compared.
        figures: Values that were used.
        flagged: Those that a guard warns of.
        warnings: Names of these guards with counts.
    """

    design: str
    experiment: str
    factor: str
    measure: Measure
    unit: str
    matched: bool
    levels: tuple[float, ...]
    seeds: int
    value: float | None
    low: float | None
    high: float | None
    size: float | None
    change: float | None
    claimed: Literal["up", "down"] | None
    verdict: Verdict
    source: str
    found: int
    missed: int
    failed: int
    lost: int
    excluded: tuple[str, ...]
    figures: int
    flagged: int
    warnings: dict[str, int]


def effects(design: Design, records: Mapping[str, TrialRecord]) -> list[Effect]:
    """Return the effects on all measures that an experiment's records hold.

    Raises:
        ValueError: If trials of one experiment were made on different data.
    """
    made = []
    for experiment in design.experiments:
        mine = readings(experiment, records)
        for measure in MEASURES:
            if mine.found and measure != experiment.against and _measures(mine, measure):
                made.append(_effect(design.name, mine, measure))
    return made


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 90 % interval of a mean by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=np.float64)
    reach = float(stdtrit(len(array) - 1, (1 + LEVEL) / 2)) * _deviation(array)
    reach /= math.sqrt(len(array))
    middle = float(array.mean())
    return middle - reach, middle + reach


def verdict_of(claimed: str | None, ends: tuple[float, float] | None) -> Verdict:
    """Return what an interval says on a claim, or on the direction where there is none."""
    if ends is None:
        return "too few seeds"
    low, high = ends
    side = "up" if low > 0 else "down" if high < 0 else ""
    if claimed is None:
        return "up" if side == "up" else "down" if side == "down" else "unclear"
    return "not seen" if not side else "seen" if side == claimed else "reversed"


def slopes(levels: Array, values: Array) -> Array:
    """Return the least-squares slopes of rows of values, ``(seeds,)``.

    Args:
        levels: Abscissae, ``(levels,)`` or one row for each seed.
        values: Ordinates, ``(seeds, levels)``.
    """
    centred = levels - levels.mean(axis=-1, keepdims=True)
    moved = values - values.mean(axis=1, keepdims=True)
    ratio: Array = (centred * moved).sum(axis=1) / (centred**2).sum(axis=-1)
    return ratio


def _effect(design: str, mine: Readings, measure: Measure) -> Effect:
    experiment = mine.experiment
    wanted = (measure,) if experiment.against is None else (measure, experiment.against)
    kept = {
        seed: points
        for seed, points in mine.points.items()
        if all(value_of(point, name) is not None for point in points for name in wanted)
    }
    per_seed, change = _per_seed(mine, list(kept.values()), measure)
    ends = interval(per_seed)
    used = [point for points in kept.values() for point in points]
    alarms = [warnings_of(point, measure) for point in used]
    claim = next((c for c in experiment.claims if c.measure == measure), None)
    spread = _deviation(np.asarray(per_seed)) if len(per_seed) > 1 else 0.0
    middle = float(np.mean(per_seed)) if per_seed else None
    return Effect(
        design=design,
        experiment=experiment.name,
        factor=experiment.factor,
        measure=measure,
        unit=_unit(experiment),
        matched=experiment.matched,
        levels=mine.levels,
        seeds=len(per_seed),
        value=middle,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        size=middle / spread if middle is not None and spread > 0 else None,
        change=change,
        claimed=None if claim is None else claim.direction,
        verdict=verdict_of(None if claim is None else claim.direction, ends),
        source="" if claim is None else claim.source,
        found=mine.found,
        missed=mine.missed,
        failed=mine.failed,
        lost=len(mine.points) - len(kept),
        excluded=mine.excluded,
        figures=len(used),
        flagged=sum(bool(names) for names in alarms),
        warnings=dict(sorted(Counter(_flat(alarms)).items())),
    )


def _per_seed(
    mine: Readings, kept: Sequence[Sequence[Measured]], measure: Measure
) -> tuple[list[float], float | None]:
    """Return the effect within every seed, and the relative change over the range of levels."""
    experiment = mine.experiment
    if not kept or len(mine.levels) < 2:
        return [], None
    values = _matrix(kept, measure)
    if experiment.against is not None:
        ranks, others = (
            rankdata(values, axis=1),
            rankdata(_matrix(kept, experiment.against), axis=1),
        )
        varied = (np.ptp(ranks, axis=1) > 0) & (np.ptp(others, axis=1) > 0)
        ranks, others = ranks[varied], others[varied]
        spread = others.std(axis=1) / ranks.std(axis=1)
        return list(map(float, slopes(others, ranks) * spread)), None
    levels = abscissae(experiment, mine.levels)
    fitted = slopes(levels, values)
    scale = float(np.abs(values).mean())
    change = float(fitted.mean()) * float(np.ptp(levels)) / scale if scale > 0 else None
    return list(map(float, fitted)), change


def abscissae(experiment: Experiment, levels: Sequence[float]) -> Array:
    """Return levels as the numbers that a slope is taken in."""
    if experiment.scale == "log":
        return np.log2(np.asarray(levels, dtype=np.float64))
    if experiment.scale == "order":
        return np.arange(len(levels), dtype=np.float64)
    return np.asarray(levels, dtype=np.float64)


def _unit(experiment: Experiment) -> str:
    if experiment.against is not None:
        return f"rank correlation with {experiment.against}"
    return UNITS[experiment.scale]


def _measures(mine: Readings, measure: Measure) -> bool:
    """Return whether any checkpoint has a measure, or should have it."""
    points = [point for points in mine.points.values() for point in points]
    return any(getattr(point, measure) is not None for point in points)


def _matrix(kept: Sequence[Sequence[Measured]], measure: Measure) -> Array:
    rows = [[value_of(point, measure) for point in points] for points in kept]
    return np.asarray(rows, dtype=np.float64)


def _deviation(values: Array) -> float:
    return float(values.std(ddof=1))


def _flat(lists: Iterable[Iterable[str]]) -> Iterable[str]:
    return (name for names in lists for name in names)
