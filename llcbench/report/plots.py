"""Figures of scores; each function returns SVG text that is the same on every run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llcbench.report.labels import fraction, short_labels
from llcbench.report.score_table import failed_runs, short
from llcbench.report.style import GREY, INK, colour_of, markers, plain, style, to_svg
from llcbench.scoring import Score, Uncertain

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
    labels = [plain(line.label) for line in lines]
    left = 0.25 + 0.075 * max(map(len, labels))
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
        axes.set_yticks(range(len(lines)), labels)
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
            label=plain(short_ones[label]),
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


REACH = 1.96
# The inside of a dot with a failed guard.
PALE = "#ffffff"
OVERVIEW_CAPTION = (
    "Estimates divided by the exact local coefficient. Dots: mean over replicates; bars: its 95 %"
    " interval (1.96 standard errors). Solid line: the local coefficient; dashed: what a perfect"
    " sampler returns at the same temperature and localisation; grey triangle: the global"
    " coefficient. An open dot has a guard that failed. On the frame: a hollow marker"
    " is a group with failed runs, a small grey one a combination that the sampler does not"
    " support, an arrow an estimate outside the frame."
)
DECOMPOSITION_CAPTION = (
    "The error of an estimate in three parts, each divided by the exact local coefficient. Left:"
    " setting gap, tempered minus local. Middle: sampler bias, estimate minus tempered, with its"
    " 95 % interval (1.96 standard errors). Right: noise, the standard deviation between"
    " replicates, fresh data included. An open dot has a guard that failed. On the"
    " frame: a hollow marker is a group with failed runs, a small grey one a combination that the"
    " sampler does not support, an arrow a value outside the frame."
)


def overview(scores: Sequence[Score]) -> str:
    """Return all estimates relative to the exact local coefficient, one row per problem.

    Raises:
        ValueError: If there is no score.
    """
    lines = lines_of(scores)
    with style():
        figure, (axes,) = frame(lines, (1.0,), legend(scores, truths=True), titled=False)
        shown = [
            value.value / line.local
            for line in lines
            if line.local
            for score in line.scores
            for value in (score.mean, score.tempered)
            if value
        ]
        axes.set_xlim(*limits(shown, floor=(0.0, 1.3), ceiling=(-0.6, 2.1)))
        axes.axvline(1.0, color=INK, linewidth=1.1, zorder=1)
        for place, line in enumerate(lines):
            _truths(axes, place, line)
            _dots(axes, place, line, scores, lambda score: score.mean)
            _failures(axes, place, line, scores)
        axes.set_xlabel("estimate / local coefficient   (dot: mean, bar: 95 % interval)")
        return to_svg(figure)


def decomposition(scores: Sequence[Score]) -> str:
    """Return setting gap, sampler bias and noise, relative to the exact local coefficient.

    Raises:
        ValueError: If there is no score.
    """
    lines = lines_of(scores)
    with style():
        figure, panels = frame(lines, (1.0, 1.6, 1.0), legend(scores, truths=False), titled=True)
        parts: tuple[Callable[[Score], Uncertain | None], ...] = (
            lambda score: score.gap,
            lambda score: score.bias,
            lambda score: None if score.sd is None else Uncertain(score.sd, 0.0),
        )
        titles = ("setting gap / local", "sampler bias / local", "noise / local")
        ceilings = ((-1.0, 1.0), (-1.0, 1.0), (0.0, 0.6))
        floors = ((-0.1, 0.1), (-0.1, 0.1), (0.0, 0.1))
        for axes, pick, title, top, low in zip(
            panels, parts, titles, ceilings, floors, strict=True
        ):
            values = [
                chosen.value / line.local
                for line in lines
                if line.local
                for score in line.scores
                if (chosen := pick(score))
            ]
            axes.set_xlim(*limits(values, floor=low, ceiling=top))
            axes.axvline(0.0, color=INK, linewidth=1.1, zorder=1)
            axes.set_title(title)
            for place, line in enumerate(lines):
                if axes is panels[0]:
                    _gap(axes, place, line)
                    continue
                _dots(axes, place, line, scores, pick)
                if axes is panels[1]:
                    _failures(axes, place, line, scores)
        return to_svg(figure)


def _truths(axes: Axes, place: int, line: Line) -> None:
    if line.local is None:
        axes.text(1.0, place, "no exact coefficient", color=GREY, fontsize=7.5, va="center")
        return
    tempered = next((s.tempered for s in line.scores if s.tempered), None)
    if tempered:
        at = tempered.value / line.local
        axes.plot(
            [at, at],
            [place - 0.45, place + 0.45],
            color=INK,
            linewidth=1.2,
            linestyle=DASHED,
            zorder=2,
        )
    deepest = next((value for s in line.scores if (value := fraction(s.global_))), None)
    if deepest is not None:
        axes.plot(
            [deepest / line.local], [place + 0.38], color=GREY, marker="^", markersize=4.5, zorder=2
        )


def _gap(axes: Axes, place: int, line: Line) -> None:
    low, high = axes.get_xlim()
    gap = next((s.gap for s in line.scores if s.gap), None)
    if gap is None or line.local is None:
        axes.text(
            low + 0.02 * (high - low), place, "unknown", color=GREY, fontsize=7.5, va="center"
        )
        return
    value = gap.value / line.local
    axes.plot(
        [0.0, value], [place, place], color=GREY, linewidth=3.0, solid_capstyle="butt", alpha=0.6
    )
    axes.plot([value], [place], color=INK, marker="|", markersize=9, markeredgewidth=1.6)


def _dots(
    axes: Axes,
    place: int,
    line: Line,
    scores: Sequence[Score],
    pick: Callable[[Score], Uncertain | None],
) -> None:
    """Draw one statistic of every sampler of a row with its 95 % interval."""
    shapes = markers([score.sampler for score in scores])
    low, high = axes.get_xlim()
    for score, y in _heights(place, line):
        statistic, colour = pick(score), colour_of(score.sampler)
        if statistic is None or line.local is None:
            continue
        value, reach = statistic.value / line.local, REACH * statistic.stderr / line.local
        if not low <= value <= high:
            _outside(axes, y, value, colour)
            continue
        axes.plot(
            [max(low, value - reach), min(high, value + reach)],
            [y, y],
            color=colour,
            linewidth=1.2,
            zorder=3,
            solid_capstyle="butt",
        )
        axes.plot(
            [value],
            [y],
            marker=shapes[score.sampler],
            markersize=4.5,
            color=colour,
            zorder=4,
            markerfacecolor=PALE if score.flagged else colour,
        )


def _failures(axes: Axes, place: int, line: Line, scores: Sequence[Score]) -> None:
    """Draw runs without an estimate as hollow markers on the frame: grey if only skipped."""
    shapes = markers([score.sampler for score in scores])
    low, _ = axes.get_xlim()
    for score, y in _heights(place, line):
        if not score.failures.successes:
            continue
        failed = failed_runs(score) > 0
        axes.plot(
            [low],
            [y],
            color=colour_of(score.sampler) if failed else GREY,
            marker=shapes[score.sampler],
            markersize=5.5 if failed else 3.5,
            markerfacecolor="none",
            clip_on=False,
            zorder=4,
        )


def _heights(place: int, line: Line) -> Iterator[tuple[Score, float]]:
    for index, score in enumerate(line.scores):
        yield score, place + 0.72 * ((index + 0.5) / len(line.scores) - 0.5)


def _outside(axes: Axes, y: float, value: float, colour: str) -> None:
    low, high = axes.get_xlim()
    right = value > high
    axes.plot(
        [high if right else low],
        [y],
        color=colour,
        marker=">" if right else "<",
        markersize=5,
        clip_on=False,
        zorder=4,
    )
    axes.annotate(
        short(value),
        (high if right else low, y),
        (-7 if right else 7, 0),
        fontsize=7,
        textcoords="offset points",
        color=colour,
        va="center",
        ha="right" if right else "left",
    )
