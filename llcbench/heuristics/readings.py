"""What records say on an experiment: which count, and the values of every seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from llcbench.heuristics.design import Experiment, Measure
from llcbench.heuristics.trial import Local, Measured, TrialRecord

# An arm is not compared if fewer than this share of its seeds can be used.
SHARE = 0.5


@final
@dataclass(frozen=True)
class Readings:
    """The trials of an experiment, sorted by what became of them.

    Attributes:
        experiment: What they are for.
        levels: Of the arms, or checkpoints, that are compared.
        points: One checkpoint for each level, by seed; only seeds that have all of them.
        found: Trials in the records.
        missed: Trials that did not reach the matched loss; they are no part of the comparison.
        failed: Trials without an end for another reason, such as weights that are not finite.
        excluded: Arms that were not run or of which too few seeds can be used, or checkpoints that
            some seed lacks.
        incomplete: Seeds that are left out because one of the compared arms lacks them.
    """

    experiment: Experiment
    levels: tuple[float, ...]
    points: dict[int, tuple[Measured, ...]]
    found: int
    missed: int
    failed: int
    excluded: tuple[str, ...]
    incomplete: int


def readings(experiment: Experiment, records: Mapping[str, TrialRecord]) -> Readings:
    """Sort the records that belong to an experiment.

    Raises:
        ValueError: If they are on different data under one name.
    """
    by_arm = trials_of(experiment, records)
    mine = [record for held in by_arm.values() for record in held.values()]
    digests = {(record.trial.data, record.digest) for record in mine if record.digest}
    if len(digests) > len({record.trial.data for record in mine if record.digest}):
        raise ValueError(
            f"experiment {experiment.name}: its trials were made on different data of one name,"
            " which cannot be compared: run it again in an empty store"
        )
    table, excluded = (
        _checkpoints(by_arm) if experiment.at == "checkpoints" else _ends(experiment, by_arm)
    )
    levels = tuple(table)
    seeds = sorted({seed for points in table.values() for seed in points})
    whole = [seed for seed in seeds if all(seed in points for points in table.values())]
    return Readings(
        experiment=experiment,
        levels=levels,
        points={seed: tuple(table[level][seed] for level in levels) for seed in whole},
        found=len(mine),
        missed=sum(record.status == "not_reached" for record in mine),
        failed=sum(record.status not in ("ok", "not_reached") for record in mine),
        excluded=excluded,
        incomplete=len(seeds) - len(whole),
    )


def value_of(measured: Measured, measure: Measure) -> float | None:
    """Return a value of a checkpoint, None if there is none."""
    value = getattr(measured, measure)
    if isinstance(value, Local):
        value = value.value
    return float(value) if value is not None and math.isfinite(value) else None


def warnings_of(measured: Measured, measure: Measure) -> tuple[str, ...]:
    """Return the names of the guards that warn of a value."""
    value = getattr(measured, measure)
    if isinstance(value, Local):
        return tuple(warning.partition(" ")[0] for warning in value.warnings)
    if measure == "top" and measured.top_converged is False:
        return ("residual",)
    return ()


def trials_of(
    experiment: Experiment, records: Mapping[str, TrialRecord]
) -> dict[str, dict[int, TrialRecord]]:
    """Return records by name of the arm and seed: they share all with the arm but the seed."""
    arms = {arm.trial.key: arm.name for arm in experiment.arms}
    by_arm: dict[str, dict[int, TrialRecord]] = {arm.name: {} for arm in experiment.arms}
    for record in records.values():
        name = arms.get(record.trial.at_seed(0).key)
        if name is not None:
            by_arm[name][record.trial.seed] = record
    return by_arm


Table = dict[float, dict[int, Measured]]


def _ends(
    experiment: Experiment, by_arm: Mapping[str, Mapping[int, TrialRecord]]
) -> tuple[Table, tuple[str, ...]]:
    """Return the ends of trainings by level and seed, and the arms that are not compared."""
    table: Table = {}
    excluded = []
    for arm in sorted(experiment.arms, key=lambda arm: arm.level):
        held = by_arm[arm.name]
        usable = {s: r.measured[-1] for s, r in held.items() if r.status == "ok" and r.measured}
        if usable and len(usable) >= SHARE * len(held):
            table[arm.level] = usable
        else:
            excluded.append(arm.name if held else f"{arm.name} (not run)")
    return table, tuple(excluded)


def _checkpoints(
    by_arm: Mapping[str, Mapping[int, TrialRecord]],
) -> tuple[Table, tuple[str, ...]]:
    """Return checkpoints after the start by gradients and seed."""
    table: Table = {}
    for held in by_arm.values():
        for seed, record in held.items():
            for measured in record.measured if record.status == "ok" else []:
                if measured.gradients > 0:
                    table.setdefault(float(measured.gradients), {})[seed] = measured
    seeds = max((len(points) for points in table.values()), default=0)
    kept = {level: table[level] for level in sorted(table) if len(table[level]) == seeds}
    return kept, tuple(f"{level:g}" for level in sorted(table) if level not in kept)
