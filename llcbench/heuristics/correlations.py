"""Rank correlations between measures over the trials of an experiment."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit
from scipy.stats import rankdata

from llcbench.heuristics.design import Design, Measure
from llcbench.heuristics.readings import readings, value_of
from llcbench.heuristics.trial import Measured, TrialRecord

RELATED: tuple[Measure, ...] = (
    "llc",
    "llc_normed",
    "gc",
    "trace",
    "top",
    "norm",
    "train_loss",
    "test_loss",
)
DRAWS = 1000
LEVEL = 0.9
# Largest share of resamples without a coefficient.
LOST = 0.05
# Fisher's transform of 1 is infinite.
LARGEST = 1 - 1e-12
Array = NDArray[np.float64]
# A name for the trials of all experiments with one network on one data set.
POOLED = "matched"


class Correlation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spearman's rank correlation of two measures.

    Attributes:
        design: Name of the suite.
        experiment: Name of the experiment; ``matched`` and the network for all trials at a matched
            loss on it.
        first: One measure.
        second: The other.
        value: The coefficient; None if one of them does not vary.
        low: Lower end of its 90 % interval, see `interval_over_seeds`; None for fewer than two
            seeds, or if one in 20 resamples has no coefficient.
        high: Upper end.
        runs: Checkpoints.
        seeds: Seeds.
    """

    design: str
    experiment: str
    first: Measure
    second: Measure
    value: float | None
    low: float | None
    high: float | None
    runs: int
    seeds: int


def correlations(
    design: Design, records: Mapping[str, TrialRecord], *, draws: int = DRAWS, seed: int = 0
) -> list[Correlation]:
    """Return the correlations within every experiment, and over all of one network and loss.

    Trials of an experiment are arms of a design and no random sample; the interval is about other
    seeds on these arms.

    Args:
        design: What the trials are for.
        records: The trials.
        draws: Resamples of the seeds.
        seed: Of the resampling.
    """
    groups: dict[str, dict[str, tuple[int, Measured]]] = {}
    for experiment in design.experiments:
        mine = readings(experiment, records)
        trial = experiment.arms[0].trial
        loss = trial.training.stop_loss
        pooled = (
            f"{POOLED} {loss:g}: {trial.network}, {trial.data}"
            if experiment.matched and loss
            else ""
        )
        for number, points in mine.points.items():
            for level, point in zip(mine.levels, points, strict=True):
                groups.setdefault(experiment.name, {})[f"{number} {level}"] = (number, point)
                if pooled:
                    # An arm that experiments share counts once.
                    place = str(id(point))
                    groups.setdefault(pooled, {})[place] = (number, point)
    return [
        pair
        for name, points in groups.items()
        for pair in _of_group(design.name, name, list(points.values()), draws, seed)
    ]


def spearman(values: Array) -> Array:
    """Return the rank correlations of columns, ``(k, k)``; NaN for one that does not vary."""
    ranks = rankdata(values, axis=0)
    centred: Array = ranks - ranks.mean(axis=0)
    products: Array = centred.T @ centred
    size = np.sqrt(np.diag(products))
    scale = np.outer(size, size)
    coefficients: Array = np.full_like(products, np.nan)
    np.divide(products, scale, out=coefficients, where=scale > 0)
    return coefficients


def _of_group(
    design: str, name: str, points: Sequence[tuple[int, Measured]], draws: int, seed: int
) -> list[Correlation]:
    table = np.asarray(
        [[value_of(point, measure) for measure in RELATED] for _, point in points],
        dtype=np.float64,
    )
    there = np.logical_not(np.isnan(table).all(axis=0))
    measures = [measure for measure, held in zip(RELATED, there.tolist(), strict=True) if held]
    whole = ~np.isnan(table[:, there]).any(axis=1)
    table = table[whole][:, there]
    owners = np.asarray([number for number, _ in points])[whole]
    numbers = np.unique(owners)
    if len(table) < 3:
        return []
    value = spearman(table)
    ends = interval_over_seeds(table, owners, draws, seed) if len(numbers) > 1 else None
    related = []
    for i, j in combinations(range(len(measures)), 2):
        pair = None if ends is None else (ends[0][i, j], ends[1][i, j])
        usable = pair is not None and bool(np.isfinite(pair).all())
        related.append(
            Correlation(
                design=design,
                experiment=name,
                first=measures[i],
                second=measures[j],
                value=float(value[i, j]) if np.isfinite(value[i, j]) else None,
                low=float(pair[0]) if usable and pair else None,
                high=float(pair[1]) if usable and pair else None,
                runs=len(table),
                seeds=len(numbers),
            )
        )
    return related


def interval_over_seeds(
    table: Array, owners: NDArray[np.int64], draws: int = DRAWS, seed: int = 0
) -> tuple[Array, Array]:
    """Return the ends of the 90 % intervals of all rank correlations, by resampling seeds.

    Few seeds make resamples too narrow: their variance lacks the factor ``n / (n - 1)``, and it is
    itself uncertain, which Student's t allows for. Fisher's transform keeps the ends inside.

    Args:
        table: One column per measure.
        owners: Seed of every row; at least two.
        draws: Resamples.
        seed: Of the resampling.

    Returns:
        Lower and upper ends, ``(k, k)``; NaN where resamples have no coefficient.
    """
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(owners == number) for number in np.unique(owners)]
    count = len(rows)
    resampled = np.empty((draws, table.shape[1], table.shape[1]))
    for draw in range(draws):
        chosen = rng.integers(count, size=count)
        resampled[draw] = spearman(table[np.concatenate([rows[k] for k in chosen])])
    lost = np.isnan(resampled).mean(axis=0) > LOST
    middle = _fisher(spearman(table))
    kept = np.where(np.isnan(resampled), middle, _fisher(resampled))
    # Not the standard deviation: a resample of one seed alone may have a coefficient of 1.
    below, above = np.quantile(kept, [ndtr(-1.0), ndtr(1.0)], axis=0)
    reach = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * (above - below) / 2
    reach *= np.sqrt(count / (count - 1))
    low, high = np.tanh(middle - reach), np.tanh(middle + reach)
    return np.where(lost, np.nan, low), np.where(lost, np.nan, high)


def _fisher(values: Array) -> Array:
    transformed: Array = np.arctanh(np.clip(values, -LARGEST, LARGEST))
    return transformed
