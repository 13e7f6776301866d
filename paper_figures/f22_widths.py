"""Double descent over widths: test loss, geometric complexity and coefficient."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from llcbench.heuristics.design import Measure
from llcbench.heuristics.effects import Effect
from llcbench.heuristics.readings import Readings, value_of
from llcbench.report.figures import Claim, Drawing, PaperFigure, Results
from llcbench.report.figures.rows import Cells
from llcbench.report.figures.style import PALETTE, panels
from llcbench.report.style import colour_of
from paper_figures.common.intervals import student
from paper_figures.common.trials import (
    claim_of,
    dots,
    groups,
    nothing,
    rows_of,
    statistics,
    trials,
    valued,
)
from paper_figures.common.verdicts import decided

Array = NDArray[np.float64]
DHERIN = "Dherin et al. 2022 (arXiv 2209.13083), ResNet18 of different widths on CIFAR-10"
BELKIN = "Belkin et al. 2019, double descent"
OURS = (
    "Ours: one hidden layer on 500 digits with 20 % wrong labels, 3000 steps at every width, so"
    " that losses are not matched, which is the point of this sweep."
)
CLAIMS = (
    ("gc-width", "gc", "Over widths the geometric complexity follows the test loss.", DHERIN),
    ("gc-wide", "gc", "Where the training set is fitted, wider networks have a lower geometric"
     " complexity.", DHERIN),
    ("gc-wide", "test_loss", "Where the training set is fitted, the test loss falls with width.",
     BELKIN),
)  # fmt: skip


def draw(results: Results) -> Drawing:
    """Draw losses, complexity and coefficient against the width."""
    suite = trials(results, "gc")
    mine, effects = suite.held["gc-width"], suite.effects
    figure, axes = panels(1, 3)
    rows = [
        *_curve(axes[0], mine, "test_loss", PALETTE[1], "test loss"),
        *_curve(axes[0], mine, "train_loss", PALETTE[2], "training loss"),
        *_curve(axes[1], mine, "gc", PALETTE[0], "geometric complexity"),
        *_curve(axes[2], mine, "llc", colour_of("sgld"), "estimated coefficient"),
    ]
    fitted = _fitted(mine)
    for axis, label in zip(axes, ("loss", "geometric complexity", "estimated coefficient"),
                           strict=True):  # fmt: skip
        axis.set(xlabel="width of the hidden layer", ylabel=label, xscale="log")
        axis.set_xticks(mine.levels, [f"{level:g}" for level in mine.levels], minor=False)
        axis.minorticks_off()
        axis.tick_params(axis="x", labelsize=7)
        if fitted:
            middle = float(np.exp2(np.mean(np.log2(fitted))))
            axis.axvline(middle, color="0.5", linewidth=0.8, linestyle=":", label="fitted")
    axes[0].set_yscale("log")
    axes[1].set_yscale("log")
    axes[2].set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    claims = [_claim(effects.get((name, what)), name, *rest) for name, what, *rest in CLAIMS]
    return Drawing(
        figure, rows, (*claims, _peak(mine, fitted)),
        "Perceptrons with one hidden layer on 500 digits, a fifth of them with wrong labels, after"
        " 3000 steps. Dots are trials, open ones estimates that a guard marks as not converged;"
        " lines join means, geometric ones on logarithmic axes, with 95 % intervals (Student's t"
        " over seeds). Dotted: the smallest"
        " width without a training error, geometric mean over seeds.",
        "Test loss and geometric complexity rise to a peak near the width at which the training"
        " set is first fitted, and fall beyond it.",
    )  # fmt: skip


def _curve(axis: Axes, mine: Readings, measure: Measure, colour: str, label: str) -> list[Cells]:
    """Draw trials of seeds with all widths, and their means; return the trials."""
    rows = rows_of(mine, measure, "width")
    dots(axis, rows, "width", colour, size=2.4, alpha=0.6)
    if valued(rows):
        middle, ends = _means(groups(rows, "width", mine.levels), logarithms=measure != "llc")
        axis.errorbar(mine.levels, middle, ends, color=colour, linewidth=1.1, capsize=2.5,
                      label=label)  # fmt: skip
    else:
        nothing(axis, "no seed has\nall widths")
    return rows


def _means(groups: Sequence[Sequence[float]], logarithms: bool) -> tuple[Array, Array]:
    """Return means and what 95 % intervals by Student's t reach below and above them.

    Those of the logarithm give geometric means; a single value has no interval.
    """
    middle, reach = np.array([student(np.log(g) if logarithms else g) for g in groups]).T
    if not logarithms:
        return middle, np.array([reach, reach])
    ends = [np.exp(middle) - np.exp(middle - reach), np.exp(middle + reach) - np.exp(middle)]
    return np.exp(middle), np.array(ends)


def _fitted(mine: Readings) -> list[float]:
    """Return the smallest width without a training error of every seed that has one."""
    widths = [
        [level for level, point in zip(mine.levels, points, strict=True) if point.train_error == 0]
        for points in mine.points.values()
    ]
    return [min(chosen) for chosen in widths if chosen]


def _peak(mine: Readings, fitted: Sequence[float]) -> Claim:
    """Decide by the mean of log2 over seeds: within an octave, about one step of the widths."""
    text = "The geometric complexity peaks where the training set is first fitted."
    if len(fitted) < 2 or len(fitted) < len(mine.points):
        lacks = f"Seeds with all widths: {len(mine.points)}, fitted at some width: {len(fitted)}."
        return Claim(text, DHERIN, "not decided", lacks, OURS)
    complexity = [[value_of(point, "gc") or 0.0 for point in p] for p in mine.points.values()]
    peaks = [mine.levels[int(np.argmax(values))] for values in complexity]
    middle, reach = student(np.log2(peaks) - np.log2(fitted))
    low, high = middle - reach, middle + reach
    return Claim(
        text, DHERIN,
        decided(-1 < low and high < 1, low > 1 or high < -1),
        f"Peak at width {_several(peaks)}, first fitted at {_several(fitted)}: {middle:+.2f}"
        f" octaves, 95 % interval {low:+.2f} to {high:+.2f} over {len(peaks)} seeds; asked for:"
        " within one octave.",
        OURS,
    )  # fmt: skip


def _several(widths: Sequence[float]) -> str:
    return " or ".join(f"{width:g}" for width in sorted(set(widths)))


def _claim(effect: Effect | None, name: str, text: str, source: str) -> Claim:
    return claim_of(effect, name, text, source, OURS, lambda e: f"{statistics(e)}.")


FIGURE = PaperFigure(
    id="f22",
    name="widths",
    title="Double descent: test loss and geometric complexity over widths",
    paper="Dherin et al. 2022, double descent",
    draw=draw,
    inputs=("heuristics-gc",),
    needs="ResNet18 at about ten widths on CIFAR-10: days of a GPU; settings are not published.",
)
