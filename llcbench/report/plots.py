"""Figures of scores; each function returns SVG text that is the same on every run."""

from collections.abc import Callable, Iterator, Sequence

from matplotlib.axes import Axes

from llcbench.report.labels import fraction
from llcbench.report.potential import potential_figure as potential_figure
from llcbench.report.potential import potential_plot as potential_plot
from llcbench.report.rows import DASHED, Line, frame, legend, limits, lines_of
from llcbench.report.score_table import failed_runs, short
from llcbench.report.style import GREY, INK, colour_of, markers, style, to_svg
from llcbench.report.style import save as save
from llcbench.scoring import Score, Uncertain

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
        figures: tuple[Callable[[Score], Uncertain | None], ...] = (
            lambda score: score.gap,
            lambda score: score.bias,
            lambda score: None if score.sd is None else Uncertain(score.sd, 0.0),
        )
        titles = ("setting gap / local", "sampler bias / local", "noise / local")
        ceilings = ((-1.0, 1.0), (-1.0, 1.0), (0.0, 0.6))
        floors = ((-0.1, 0.1), (-0.1, 0.1), (0.0, 0.1))
        for axes, pick, title, top, low in zip(
            panels, figures, titles, ceilings, floors, strict=True
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
    """Draw one figure of every sampler of a row with its 95 % interval."""
    shapes = markers([score.sampler for score in scores])
    low, high = axes.get_xlim()
    for score, y in _heights(place, line):
        figure, colour = pick(score), colour_of(score.sampler)
        if figure is None or line.local is None:
            continue
        value, reach = figure.value / line.local, REACH * figure.stderr / line.local
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
