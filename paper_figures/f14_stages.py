"""Small transformers on text: the coefficient over their training."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect
from llcbench.heuristics.readings import Readings
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.rows import Cells
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import colour_of
from paper_figures.common.intervals import student
from paper_figures.common.trials import (
    claim_of,
    dots,
    groups,
    marked,
    means,
    nothing,
    rows_of,
    statistics,
    trials,
    valued,
    whole,
)
from paper_figures.common.verdicts import decided

ATTENTION = "stages-attention"
NETWORKS = {ATTENTION: "two attention layers", "stages-gpt": "with perceptrons"}
LAU = "Lau et al. 2025 (arXiv 2308.12108), language model"
HOOGLAND = "Hoogland et al. 2024 (arXiv 2402.02364), two attention layers of width 256"
DIFFERENCE = (
    "Theirs: 3 million parameters, 50 000 steps on a part of the Pile; ours: width 64, 1600 steps"
    " on 4096 sequences of 32 characters, six checkpoints, n beta 100."
)


def draw(results: Results) -> Drawing:
    """Draw losses and coefficients against the gradients of the training."""
    suite = trials(results, "text")
    held = suite.held
    figure, axes = panels(1, 3)
    rows: list[Cells] = []
    for (name, label), colour in zip(NETWORKS.items(), PALETTE, strict=False):
        rows += _curve(axes[0], held[name], name, "train_loss", colour, label)
        rows += _curve(axes[0], held[name], name, "test_loss", colour, "", line="--")
    for axis, (name, label) in zip(axes[1:], NETWORKS.items(), strict=True):
        rows += _curve(axis, held[name], name, "llc", colour_of("sgld"), "")
        axis.set(title=label, ylabel="estimated coefficient")
        axis.set_ylim(min(0.0, axis.get_ylim()[0]))
    axes[0].set(title="training (line) and test loss (dashed)", ylabel="loss")
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend()
    for axis in axes:
        axis.set(xscale="log", xlabel="gradients")
    attention = suite.effects.get((ATTENTION, "llc"))
    return Drawing(
        figure, rows, (_slope(attention), _steps(held[ATTENTION]), _turns()),
        "Transformers of width 64 on characters, AdamW. Dots are checkpoints of single trainings,"
        " open ones estimates that a guard marks as not converged; lines join means with 95 %"
        " intervals (Student's t over seeds).",
        "Training loss falls and the estimated coefficient changes over six checkpoints of a"
        " transformer with two attention layers, and over three of one with perceptrons.",
    )  # fmt: skip


def _curve(
    axis: Axes, mine: Readings, name: str, measure: Measure, colour: str, label: str,
    *, line: str = "-",
) -> list[Cells]:  # fmt: skip
    """Draw a measure at the checkpoints that all seeds have, and its means; return the points."""
    rows = rows_of(mine, measure, "gradients")
    if measure == "llc":
        dots(axis, rows, "gradients", colour)
    if valued(rows):
        middle, reach = means(groups(rows, "gradients", mine.levels))
        axis.errorbar(mine.levels, middle, reach, color=colour, linewidth=1.1, capsize=2.5,
                      label=label or None, linestyle=line)  # fmt: skip
    else:
        nothing(axis, "no trials")
    return [{"experiment": name, **row} for row in rows]


def _slope(effect: Effect | None) -> Claim:
    text = "The coefficient rises with training."
    return claim_of(effect, ATTENTION, text, HOOGLAND, DIFFERENCE, _told)


def _told(effect: Effect) -> str:
    return f"{statistics(effect, unit=f'{effect.unit} of the gradients')}; {marked(effect)}"


def _steps(mine: Readings) -> Claim:
    """Decide by the steps between checkpoints whose 95 % intervals lie on one side of 0."""
    text = "The coefficient rises over most stages."
    values = whole(mine, "llc")
    if len(values) < 2:
        lack = f"Trainings with all checkpoints: {len(values)}; two are needed."
        return Claim(text, HOOGLAND, "not decided", lack, DIFFERENCE)
    steps = [student(column) for column in np.diff(values, axis=1).T]
    up = sum(middle - reach > 0 for middle, reach in steps)
    down = sum(middle + reach < 0 for middle, reach in steps)
    return Claim(
        text, HOOGLAND, decided(up > len(steps) / 2, down > len(steps) / 2),
        f"Up in {up}, down in {down} of {len(steps)} steps by 95 % intervals over {len(values)}"
        f" seeds: {_listed(mine.levels, steps)}.",
        DIFFERENCE,
    )  # fmt: skip


def _listed(levels: Sequence[float], steps: Sequence[tuple[float, float]]) -> str:
    return ", ".join(
        f"{a:g} to {b:g}: {middle:+.3g} ± {reach:.2g}"
        for (a, b), (middle, reach) in zip(pairwise(levels), steps, strict=True)
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
