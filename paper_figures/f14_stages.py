"""Small transformers on text: the coefficient over their training."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.special import stdtrit

from llcbench.figures import Claim, Drawing, PaperFigure, Results, Row, Verdict
from llcbench.figures.style import PALETTE, panels
from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect, effects
from llcbench.heuristics.readings import Readings, readings, value_of, warnings_of
from llcbench.report.style import colour_of

Array = NDArray[np.float64]
NETWORKS = {"stages-attention": "two attention layers", "stages-gpt": "with perceptrons"}
LAU = "Lau et al. 2025 (arXiv 2308.12108), language model"
HOOGLAND = "Hoogland et al. 2024 (arXiv 2402.02364), two attention layers of width 256"
DIFFERENCE = (
    "Theirs: 3 million parameters, 50 000 steps on a part of the Pile; ours: width 64, 1600 steps"
    " on 4096 sequences of 32 characters, six checkpoints, n beta 100."
)


def draw(results: Results) -> Drawing:
    """Draw losses and coefficients against the gradients of the training."""
    contents = results.trials("text")
    design = contents.designs["text"]
    held = {e.name: readings(e, contents.records) for e in design.experiments}
    found = {e.experiment: e for e in effects(design, contents.records) if e.measure == "llc"}
    figure, axes = panels(1, 3)
    rows: list[Row] = []
    for (name, label), colour in zip(NETWORKS.items(), PALETTE, strict=False):
        rows += _curve(axes[0], held[name], name, "train_loss", colour, label)
        rows += _curve(axes[0], held[name], name, "test_loss", colour, "", line="--")
    for axis, (name, label) in zip(axes[1:], NETWORKS.items(), strict=True):
        rows += _curve(axis, held[name], name, "llc", colour_of("sgld"), "")
        axis.set(title=label, ylabel="estimated coefficient")
        axis.set_ylim(min(0.0, axis.get_ylim()[0]))
    axes[0].set(title="training (line) and test loss (dashed)", ylabel="loss")
    axes[0].legend()
    for axis in axes:
        axis.set(xscale="log", xlabel="gradients")
    attention = held["stages-attention"]
    return Drawing(
        figure, rows, (_slope(found.get("stages-attention")), _steps(attention), _turns()),
        "Transformers of width 64 on characters, AdamW. Dots are checkpoints of single trainings,"
        " open ones estimates that a guard marks as not converged; lines join means with 95 %"
        " intervals (Student's t over seeds).",
        "Training loss falls and the estimated coefficient changes over six checkpoints of a"
        " transformer with two attention layers, and over three of one with perceptrons.",
    )  # fmt: skip


def _curve(
    axis: Axes, mine: Readings, name: str, measure: Measure, colour: str, label: str,
    *, line: str = "-",
) -> list[Row]:  # fmt: skip
    """Draw a measure at the checkpoints that all seeds have, and its means; return the points."""
    rows: list[Row] = [
        {"experiment": name, "measure": measure, "gradients": level, "seed": seed,
         "value": value_of(point, measure), "guards": " ".join(warnings_of(point, measure))}
        for seed, points in mine.points.items()
        for level, point in zip(mine.levels, points, strict=True)
    ]  # fmt: skip
    kept = [row for row in rows if row["value"] is not None]
    for fill in ("full", "none") if measure == "llc" else ():
        dots = [row for row in kept if bool(row["guards"]) == (fill == "none")]
        axis.plot([r["gradients"] for r in dots], [r["value"] for r in dots], "o", color=colour,
                  markersize=2.6, alpha=0.75, markeredgewidth=0.6, fillstyle=fill)  # fmt: skip
    groups = [[float(r["value"]) for r in kept if r["gradients"] == x] for x in mine.levels]
    if kept:
        middle, reach = np.array([_interval(np.array(group)) for group in groups]).T
        axis.errorbar(mine.levels, middle, reach, color=colour, linewidth=1.1, capsize=2.5,
                      label=label or None, linestyle=line)  # fmt: skip
    else:
        axis.text(0.5, 0.5, "no trials", transform=axis.transAxes, ha="center")
    return rows


def _interval(values: Array) -> tuple[float, float]:
    """Return the mean with half the width of its 95 % interval, 0 for a single value."""
    if len(values) < 2:
        return float(np.mean(values)) if len(values) else np.nan, 0.0
    reach = float(stdtrit(len(values) - 1, 0.975)) * float(values.std(ddof=1))
    return float(values.mean()), reach / len(values) ** 0.5


def _slope(effect: Effect | None) -> Claim:
    text = "The coefficient rises with training."
    if effect is None or effect.low is None:
        seeds = 0 if effect is None else effect.seeds
        lacks = f"Trainings with all checkpoints: {seeds}; two are needed."
        return Claim(text, HOOGLAND, "not decided", lacks, DIFFERENCE)
    verdicts: dict[str, Verdict] = {"seen": "reproduced", "reversed": "not reproduced"}
    return Claim(
        text,
        HOOGLAND,
        verdicts.get(effect.verdict, "not decided"),
        f"{effect.value:+.3g} {effect.unit} of the gradients, 90 % interval {effect.low:+.3g} to"
        f" {effect.high:+.3g} over {effect.seeds} seeds; {effect.flagged} of {effect.figures}"
        " estimates are marked as not converged.",
        DIFFERENCE,
    )


def _steps(mine: Readings) -> Claim:
    """Decide by the steps between checkpoints whose 95 % intervals lie on one side of 0."""
    text = "The coefficient rises over most stages."
    values = [[value_of(point, "llc") for point in points] for points in mine.points.values()]
    whole = [seed for seed in values if None not in seed]
    if len(whole) < 2:
        lacks = f"Trainings with all checkpoints: {len(whole)}; two are needed."
        return Claim(text, HOOGLAND, "not decided", lacks, DIFFERENCE)
    steps = np.diff(np.array(whole, dtype=float), axis=1)
    found = [_interval(column) for column in steps.T]
    up = sum(middle - reach > 0 for middle, reach in found)
    down = sum(middle + reach < 0 for middle, reach in found)
    most = len(found) / 2
    return Claim(
        text,
        HOOGLAND,
        "reproduced" if up > most else "not reproduced" if down > most else "not decided",
        f"Up in {up}, down in {down} of {len(found)} steps by 95 % intervals over {len(whole)}"
        f" seeds: {_listed(mine.levels, found)}.",
        DIFFERENCE,
    )  # fmt: skip


def _listed(levels: Sequence[float], found: Sequence[tuple[float, float]]) -> str:
    return ", ".join(
        f"{a:g} to {b:g}: {middle:+.3g} ± {reach:.2g}"
        for (a, b), (middle, reach) in zip(pairwise(levels), found, strict=True)
    )


def _turns() -> Claim:
    return Claim(
        "Stages of training show as plateaus and turns of the estimate.",
        LAU,
        "not made here",
        "Six checkpoints cannot tell a plateau from a slow rise.",
        "The settings of that figure are not published in a form that could be read; stages are"
        " those of a network of 3 million parameters over 50 000 steps.",
    )


FIGURE = PaperFigure(
    id="f14",
    name="stages",
    title="Small transformers on text: the coefficient over their training",
    paper="Lau et al. 2025, language model",
    draw=draw,
    inputs=("heuristics-text",),
    needs="A transformer of 3 million parameters, 50 000 steps on the Pile: days of a GPU.",
)
