"""The frame of a figure with one row per problem: rows, panels, limits, legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llcbench.report.labels import fraction, short_labels
from llcbench.report.score_table import short
from llcbench.report.style import GREY, INK, colour_of, markers
from llcbench.scoring import Score

DASHED = (0, (2.5, 1.5))
# Inches.
WIDTH = 9.2


@final
@dataclass(frozen=True)
class Line:
    """One problem at one temperature and localisation: a row of a figure.

    Attributes:
        label: Text beside the row.
        scores: What the samplers did there.
        local: The exact local coefficient; None if unknown or zero.
    """

    label: str
    scores: tuple[Score, ...]
    local: float | None


def lines_of(scores: Sequence[Score]) -> list[Line]:
    """Group scores by problem, temperature and localisation; families stay together.

    Raises:
        ValueError: If there is no score.
    """
    if not scores:
        raise ValueError("no scores to draw: run a suite first")
    groups: dict[tuple[str, float, float], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.problem, score.nbeta, score.settings.gamma), []).append(score)
    ids = [key[0] for key in groups]
    lines = []
    for problem, nbeta, gamma in sorted(groups):
        group = groups[problem, nbeta, gamma]
        several = ids.count(problem) > 1
        suffix = f"  (nbeta {short(nbeta, 4)}, gamma {short(gamma, 4)})" if several else ""
        local = next((value for s in group if (value := fraction(s.local))), None)
        lines.append(Line(problem + suffix, tuple(group), local))
    return lines


def frame(
    lines: list[Line], widths: tuple[float, ...], handles: list[Line2D], *, titled: bool
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one row per problem, shared by panels of the given relative widths."""
    most = max(len(line.scores) for line in lines)
    legend_rows = -(-len(handles) // 4)
    top, bottom = 0.12 + 0.2 * titled + 0.18 * legend_rows, 0.5
    height = (0.12 + 0.07 * most) * len(lines) + top + bottom
    left = 0.25 + 0.075 * max(len(line.label) for line in lines)
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(
        1,
        len(widths),
        width_ratios=widths,
        wspace=0.06,
        left=left / WIDTH,
        right=0.985,
        top=1 - top / height,
        bottom=bottom / height,
    )
    panels = [figure.add_subplot(grid[0, place]) for place in range(len(widths))]
    for axes in panels:
        axes.set_ylim(len(lines) - 0.5, -0.5)
        axes.set_yticks(range(len(lines)), [line.label for line in lines])
        axes.tick_params(labelleft=axes is panels[0])
        axes.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.5)
        for place, line in enumerate(lines):
            if place % 2 == 0:
                axes.axhspan(place - 0.5, place + 0.5, color=GREY, alpha=0.09, linewidth=0)
            family = line.label.partition("/")[0]
            if place and lines[place - 1].label.partition("/")[0] != family:
                axes.axhline(place - 0.5, color=GREY, linewidth=0.8)
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=4,
        fontsize=8.5,
        handletextpad=0.5,
        columnspacing=1.4,
        bbox_to_anchor=(0.005, 1 - 0.04 / height),
        borderaxespad=0.0,
    )
    return figure, panels


def legend(scores: Sequence[Score], *, truths: bool) -> list[Line2D]:
    """Return one handle per sampler, and those of the truths or of the setting gap."""
    labels = sorted({score.sampler for score in scores})
    short_ones, shapes = short_labels(labels), markers(labels)
    handles = [
        Line2D(
            [],
            [],
            color=colour_of(label),
            marker=shapes[label],
            markersize=5,
            linewidth=1.2,
            label=short_ones[label],
        )
        for label in labels
    ]
    if truths:
        handles += [
            Line2D([], [], color=INK, linewidth=1.2, label="local coefficient"),
            Line2D(
                [],
                [],
                color=INK,
                linewidth=1.2,
                linestyle=DASHED,
                label="tempered (perfect sampler)",
            ),
            Line2D(
                [],
                [],
                color=GREY,
                linestyle="none",
                marker="^",
                markersize=4.5,
                label="global coefficient",
            ),
        ]
    else:
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                marker="|",
                markersize=9,
                linewidth=0,
                markeredgewidth=1.6,
                label="setting gap",
            )
        )
    return handles


def limits(
    values: list[float], floor: tuple[float, float], ceiling: tuple[float, float]
) -> tuple[float, float]:
    """Return limits that hold the values, but at least ``floor`` and at most ``ceiling``."""
    low = max(ceiling[0], min([floor[0], *values]))
    high = min(ceiling[1], max([floor[1], *values]))
    margin = 0.05 * (high - low)
    return low - margin, high + margin
