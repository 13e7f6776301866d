"""Figures of a leaderboard: performance profiles and sensitivity to the step size."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, NullLocator

from llcbench.compare.board import Board
from llcbench.compare.profile import FLOOR, Profile
from llcbench.compare.window import GOOD, Ladder
from llcbench.files import write
from llcbench.foreign.cells import Cell, to_csv
from llcbench.report.style import GREY, INK, colours, plain, style, to_svg

# Factors beyond this are not told apart in the figure; the CSV has them.
MOST = 100.0
COLUMNS = 3
# Entries beyond the best ones are thin and grey; the CSV names them.
NAMED = 12
# Points between the base lines of two labels.
LEADING = 10.5
# Points between the frame and a label.
OFFSET = 14.0
# Height in data units, text and colour of the label of a curve.
End = tuple[float, str, str]
PROFILE_CAPTION = (
    "Performance profiles: share of problems on which an entry's root mean squared relative error"
    f" is within a factor of the best one's; errors below {100 * FLOOR:.0f} % count as equal,"
    " failed runs as infinite. Solid: tuned, or no variant; dashed: default hyper-parameters. In"
    " brackets: problems, where an entry does not support all."
)
SENSITIVITY_CAPTION = (
    "Bias relative to the tempered truth against the step size, with 1.96 standard errors. The"
    f" band is {100 * GOOD:.0f} %; a cross on the frame is the first step size at which runs"
    " failed. The vertical axis is linear within 10 % and logarithmic beyond."
)


def write_plots(board: Board, folder: Path) -> list[Path]:
    """Write ``profile.svg``, ``profile.csv`` and, with ladders, ``sensitivity.svg`` and ``.csv``.

    Returns:
        The files.
    """
    parts = {"profile.csv": profile_csv(board.profiles)}
    if any(profile.problems for profile in board.profiles):
        parts["profile.svg"] = to_svg(profile_figure(board.profiles))
    if board.ladders:
        parts["sensitivity.csv"] = sensitivity_csv(board.ladders)
        parts["sensitivity.svg"] = to_svg(sensitivity_figure(board.ladders))
    paths = []
    for name, content in sorted(parts.items()):
        path = folder / name
        write(path, content)
        paths.append(path)
    return paths


def profile_figure(profiles: Sequence[Profile]) -> Figure:
    """Return performance profiles; names stand beside them in the order of the curves.

    Raises:
        ValueError: If no problem was tried by two entries.
    """
    shown = [profile for profile in profiles if profile.problems]
    if not shown:
        raise ValueError("no problem was tried by two entries: there is nothing to compare")
    last = max((p.ratios[-1] for p in shown if p.ratios), default=1.0)
    right = min(MOST, max(2.0, 1.15 * last))
    named, others = shown[:NAMED], shown[NAMED:]
    palette = colours([profile.entry for profile in named])
    with style():
        height = max(3.2, 0.9 + 0.19 * len(named))
        figure = Figure(figsize=(7.4, height))
        axes = figure.add_axes((0.085, 0.55 / height, 0.62, 1 - 0.7 / height))
        handles = [
            _steps(axes, profile, right, palette[profile.entry])
            for profile in sorted(named, key=lambda p: -_area(p, right))
        ]
        rest = [_steps(axes, profile, right, GREY) for profile in others]
        if rest:
            rest[0].set_label(f"{len(rest)} more")
        axes.set_xscale("log")
        axes.set_xlim(1.0, right)
        axes.set_ylim(0.0, 1.0)
        ticks = [t for t in (1, 1.5, 2, 3, 5, 10, 20, 50, 100) if t <= right]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
        axes.grid(color=GREY, alpha=0.25, linewidth=0.5)
        axes.set_xlabel("error / error of the best entry")
        axes.set_ylabel("share of problems")
        _bare(axes)
        axes.legend(
            handles=[*handles, *rest[:1]], loc="upper left", bbox_to_anchor=(1.03, 1.02),
            labelcolor="linecolor", fontsize=8, handlelength=2.2, borderaxespad=0.0,
        )  # fmt: skip
    return figure


def sensitivity_figure(ladders: Sequence[Ladder]) -> Figure:
    """Return bias against step size, one panel per problem.

    Raises:
        ValueError: If there is no ladder.
    """
    if not ladders:
        raise ValueError("no sampler was run at three step sizes on one problem")
    panels: dict[tuple[str, str], list[Ladder]] = {}
    for ladder in ladders:
        panels.setdefault((ladder.problem, ladder.nbeta), []).append(ladder)
    palette = colours(sorted({ladder.name for ladder in ladders}))
    several = len({problem for problem, _ in panels}) < len(panels)
    columns = min(COLUMNS, len(panels) if len(panels) < 4 else math.ceil(len(panels) ** 0.5))
    rows = -(-len(panels) // columns)
    steps = [rung.step_size for ladder in ladders for rung in ladder.rungs]
    # Inches: a panel, the room for its labels, the margins.
    panel, room, left, top, bottom = (2.05, 1.75), 0.95, 0.7, 0.25, 0.5
    size = (left + columns * (panel[0] + room), rows * (panel[1] + 0.45) + bottom)
    with style():
        figure = Figure(figsize=size)
        grid = figure.subplots(
            rows, columns, squeeze=False, sharex=True, sharey=True,
            gridspec_kw={
                "left": left / size[0], "right": 1 - room / size[0], "wspace": room / panel[0],
                "top": 1 - top / size[1], "bottom": bottom / size[1], "hspace": 0.2,
            },
        )  # fmt: skip
        for axes, (problem, nbeta) in zip(grid.flat, panels, strict=False):
            axes.set_xscale("log")
            axes.set_yscale("symlog", linthresh=GOOD, linscale=1.0)
            axes.set_xlim(min(steps) / 1.5, max(steps) * 1.5)
            axes.set_ylim(-1.3, 1.3)
            axes.axhspan(-GOOD, GOOD, color=GREY, alpha=0.13, linewidth=0)
            axes.axhline(0.0, color=INK, linewidth=0.8)
            # A height of its own: looking for one costs a third of the drawing.
            title = f"{problem}, nbeta {nbeta}" if several else problem
            axes.set_title(plain(title), y=1.0)
            ends = [_line(axes, ladder, palette[ladder.name]) for ladder in panels[problem, nbeta]]
            label_ends(axes, [end for end in ends if end], max(steps) * 1.5)
            axes.set_yticks([-1, -0.1, 0, 0.1, 1], ["−100 %", "−10 %", "0", "10 %", "100 %"])
            axes.yaxis.set_minor_locator(NullLocator())
            _bare(axes)
        for place in range(len(panels), rows * columns):
            grid.flat[place].set_visible(False)
            # The panel above has no axis below it to share.
            grid.flat[place - columns].tick_params(labelbottom=True)
        figure.text(0.5, 0.03 / size[1], "step size", ha="center", va="bottom")
        figure.text(0.03 / size[0], 0.5, "relative bias", rotation=90, ha="left", va="center")
    return figure


def profile_csv(profiles: Sequence[Profile]) -> str:
    """Return the steps of all profiles."""
    rows: list[tuple[Cell, ...]] = [("entry", "problems", "asked", "ratio", "share")]
    for profile in profiles:
        rows += [
            (profile.entry, profile.problems, profile.asked, ratio, share)
            for ratio, share in zip(profile.ratios, profile.shares, strict=True)
        ]
    return to_csv(rows)


def sensitivity_csv(ladders: Sequence[Ladder]) -> str:
    """Return all rungs of all ladders, with the window that they show."""
    rows: list[tuple[Cell, ...]] = [(
        "sampler", "problem", "nbeta", "step_size", "bias", "bias_se", "failed", "good",
        "window_decades", "window_open",
    )]  # fmt: skip
    for ladder in ladders:
        window = ladder.window
        rows += [
            (
                ladder.name, ladder.problem, ladder.nbeta, rung.step_size, rung.bias, rung.stderr,
                rung.failed, int(rung.good), window.decades, int(window.open),
            )
            for rung in ladder.rungs
        ]  # fmt: skip
    return to_csv(rows)


def _steps(axes: Axes, profile: Profile, right: float, colour: str) -> Line2D:
    """Draw a profile; one over fewer problems says so."""
    x = [1.0, *[ratio for ratio in profile.ratios if ratio <= right], right]
    limited = profile.problems < profile.asked
    suffix = f"  ({profile.problems}/{profile.asked})" if limited else ""
    (line,) = axes.step(
        x, [profile.at(ratio) for ratio in x], where="post", color=colour, clip_on=False,
        linewidth=0.8 if colour == GREY else 1.7, zorder=2 if colour == GREY else 3,
        linestyle=(0, (4, 1.5)) if "@default" in profile.entry else "-",
        label=plain(profile.entry) + suffix,
    )  # fmt: skip
    return line


def _area(profile: Profile, right: float) -> float:
    """Return the mean height of a profile over the logarithm of the factor."""
    return float(np.mean([profile.at(ratio) for ratio in np.geomspace(1.0, right, 100)]))


def _line(axes: Axes, ladder: Ladder, colour: str) -> End | None:
    """Draw a ladder and return where its label belongs."""
    known = [(rung.step_size, rung.bias, rung.stderr) for rung in ladder.rungs
             if rung.bias is not None]  # fmt: skip
    crosses = [rung.step_size for rung in ladder.rungs if rung.failed][:1]
    axes.plot(crosses, [1.3] * len(crosses), marker="x", color=colour, markersize=5,
              markeredgewidth=1.4, linestyle="none", clip_on=False, zorder=4)  # fmt: skip
    if not known:
        return None
    steps, biases, errors = zip(*known, strict=True)
    bars = [1.96 * error if error is not None and math.isfinite(error) else 0 for error in errors]
    axes.errorbar(
        steps, np.clip(biases, -1.3, 1.3), yerr=bars, color=colour, marker="o", markersize=3.5,
        linewidth=1.4, elinewidth=0.9, zorder=3,
    )  # fmt: skip
    return float(biases[-1]), plain(ladder.name), colour


def label_ends(axes: Axes, ends: Sequence[End], right: float) -> list[Annotation]:
    """Write labels beside the right edge, moved apart, with a line to where each belongs.

    Args:
        axes: Where the curves are; its limits and size are final.
        ends: Where the curves end.
        right: The right edge in data units.

    Returns:
        The labels.
    """
    figure = axes.get_figure(root=True)
    if figure is None or not ends:
        return []
    box = axes.get_position()
    points = box.height * figure.get_figheight() * 72
    beside = 1 + OFFSET / (box.width * figure.get_figwidth() * 72)
    to_axes = axes.transData + axes.transAxes.inverted()
    # Equal heights keep their order: better entries come first, hence on top.
    ordered = sorted(enumerate(ends), key=lambda item: (-item[1][0], item[0]))
    heights = [float(to_axes.transform((right, end[0]))[1]) * points for _, end in ordered]
    places = _apart(heights, points)
    return [
        axes.annotate(
            text, xy=(1.0, height / points), xycoords="axes fraction",
            xytext=(beside, place / points), textcoords="axes fraction",
            color=colour, fontsize=8, va="center", annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0,
                "relpos": (0.0, 0.5),
            },
        )
        for (_, (_, text, colour)), height, place in zip(ordered, heights, places, strict=True)
    ]  # fmt: skip


def _apart(heights: list[float], most: float) -> list[float]:
    """Return heights in descending order, at least a line apart, as near as may be."""
    places: list[float] = []
    for height in heights:
        top = places[-1] - LEADING if places else most
        places.append(min(height, top))
    # What sank below the frame is lifted, from the last one on.
    floor = 0.0
    for index in reversed(range(len(places))):
        places[index] = max(places[index], floor)
        floor = places[index] + LEADING
    return places


def _bare(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
