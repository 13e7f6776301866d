"""Trials of training heuristics in figures: dots, means, and claims that an effect decides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from matplotlib.axes import Axes

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.readings import Readings, readings, value_of, warnings_of
from llcbench.report.figures.paper_figure import Claim, Verdict
from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Cells
from paper_figures.common.intervals import student

VERDICTS: Mapping[str, Verdict] = {"seen": "reproduced", "reversed": "not reproduced"}


@final
@dataclass(frozen=True)
class Trials:
    """What the trials of a suite say.

    Attributes:
        held: Readings by name of the experiment.
        effects: Effects by names of experiment and measure; without trials there is none.
    """

    held: Mapping[str, Readings]
    effects: Mapping[tuple[str, str], Effect]


def trials(results: Results, suite: str) -> Trials:
    """Return readings and effects of a suite.

    Without results all experiments of the suite are there and have no levels, so that a figure can
    be drawn that says so.
    """
    from llcbench.heuristics.suite import load

    design, records = load(suite), {}
    if results.has_trials(suite):
        contents = results.trials(suite)
        design, records = contents.designs[suite], contents.records
    return Trials(
        {each.name: readings(each, records) for each in design.experiments},
        {(each.experiment, each.measure): each for each in effects(design, records)},
    )


def rows_of(mine: Readings, measure: Measure, level: str) -> list[Cells]:
    """Return a row per seed and level with the value and the guards that warn of it.

    Args:
        mine: Of an experiment.
        measure: What is read.
        level: Name of the column of levels.
    """
    return [
        {"measure": measure, level: each, "seed": seed, "value": value_of(point, measure),
         "guards": " ".join(warnings_of(point, measure))}
        for seed, points in mine.points.items()
        for each, point in zip(mine.levels, points, strict=True)
    ]  # fmt: skip


def dots(
    axis: Axes, rows: Iterable[Cells], x: str, colour: str, *, size: float = 2.6,
    alpha: float = 0.75,
) -> None:  # fmt: skip
    """Draw values against a column: open dots are those that a guard warns of."""
    kept = valued(rows)
    for fill in ("full", "none"):
        shown = [row for row in kept if bool(row["guards"]) == (fill == "none")]
        axis.plot([r[x] for r in shown], [r["value"] for r in shown], "o", color=colour,
                  markersize=size, alpha=alpha, markeredgewidth=0.6, fillstyle=fill)  # fmt: skip


def valued(rows: Iterable[Cells]) -> list[Cells]:
    """Return the rows that have a value."""
    return [row for row in rows if row["value"] is not None]


def groups(rows: Iterable[Cells], column: str, levels: Sequence[float]) -> list[list[float]]:
    """Return the values at each level."""
    kept = valued(rows)
    return [[float(row["value"]) for row in kept if row[column] == level] for level in levels]


def means(groups: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """Return the means of groups with half the width of their 95 % intervals, Student's t."""
    pairs = [student(group) for group in groups]
    return [middle for middle, _ in pairs], [reach for _, reach in pairs]


def nothing(axis: Axes, text: str) -> None:
    """Write into an empty panel why it is empty; its limits suit a logarithmic axis too."""
    axis.set(xlim=(1, 10), ylim=(1, 10))
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center")


def arms(
    axis: Axes, mine: Readings, measure: Measure, colour: str, label: Callable[[float], str]
) -> list[Cells]:
    """Draw trials and means over the arms of an experiment in their order; return the trials."""
    rows: list[Cells] = [
        {"experiment": mine.experiment.name, "measure": measure, "level": level,
         "place": place + 0.3 * (seed + 0.5) / len(mine.points) - 0.15, "seed": seed,
         "value": value_of(points[place], measure),
         "guards": " ".join(warnings_of(points[place], measure))}
        for place, level in enumerate(mine.levels)
        for seed, points in mine.points.items()
    ]  # fmt: skip
    dots(axis, rows, "place", colour)
    grouped = groups(rows, "level", mine.levels)
    axis.errorbar(range(len(grouped)), *means(grouped), color=colour, linewidth=1.1, capsize=2.5)
    if not valued(rows):
        nothing(axis, "no seed has\nall levels")
    axis.set_xticks(range(len(grouped)), [label(level) for level in mine.levels])
    axis.set_xlim(-0.5, max(len(grouped), 1) - 0.5)
    return rows


def short(level: float) -> str:
    """Return a level as a label of few characters."""
    return f"{level:.0e}".replace("e-0", "e-") if 0 < level < 0.01 else f"{level:g}"


def whole(mine: Readings, measure: Measure) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the values of seeds that have one at every level, ``(seeds, levels)``."""
    every = [[value_of(point, measure) for point in points] for points in mine.points.values()]
    kept = [[float(v) for v in seed if v is not None] for seed in every]
    kept = [seed for seed in kept if len(seed) == len(mine.levels)]
    return np.array(kept, dtype=np.float64).reshape(len(kept), len(mine.levels))


def claim_of(
    effect: Effect | None, name: str, text: str, source: str, difference: str,
    told: Callable[[Effect], str],
) -> Claim:  # fmt: skip
    """Return a claim as an effect decides it: 0 inside the interval decides nothing.

    Args:
        effect: Of the experiment; None without trials.
        name: Of the experiment.
        text: The claim.
        source: Who makes it.
        difference: What they did differently.
        told: Returns the statistics of an effect that has an interval.
    """
    if effect is None or effect.low is None or effect.high is None:
        return Claim(text, source, "not decided", lacks(name, effect), difference)
    verdict = VERDICTS.get(effect.verdict, "not decided")
    if verdict == "reproduced" and 2 * effect.flagged > effect.figures:
        verdict = "reproduced with a difference"
        difference = f"{difference} Most estimates are marked as not converged by their guards."
    return Claim(text, source, verdict, told(effect), difference.strip())


def statistics(effect: Effect, *, unit: str | None = None) -> str:
    """Return the effect with its interval and the number of seeds."""
    per = effect.unit if unit is None else unit
    return (
        f"{effect.value:+.3g}{per and ' ' + per}, 90 % interval {effect.low:+.3g} to"
        f" {effect.high:+.3g} over {effect.seeds} seeds"
    )


def changed(effect: Effect) -> str:
    """Return the same with the change over the range of the levels."""
    return f"{statistics(effect)}, {effect.change or 0:+.0%} over the levels"


def marked(effect: Effect) -> str:
    """Return how many estimates guards warn of."""
    return f"{effect.flagged} of {effect.figures} estimates are marked as not converged."


def lacks(name: str, effect: Effect | None) -> str:
    """Return what is missing for an interval."""
    seeds, missing = (0, ()) if effect is None else (effect.seeds, effect.excluded)
    text = f"Seeds with all levels of {name}: {seeds}; two are needed."
    return text + (f" Left out: {', '.join(missing)}." if missing else "")
