"""The picture of a study over checkpoints, parts of the weights and slices of the data."""

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from llcbench.records import RefinedRow
from llcbench.report.refined_table import failed
from llcbench.report.style import GREY, INK, plain, style

Axis = Literal["part", "slice"]
# Okabe and Ito (2008) without yellow.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_MARKERS = "osD^vP"
# Inches, and the place between two checkpoints that lines share.
PANEL, HEIGHT, SPREAD = 2.35, 1.95, 0.22
MOST_COLUMNS = 4


def refined_figure(rows: Sequence[RefinedRow], panels: Axis = "part") -> Figure:
    """Return estimates along the checkpoints, a panel per part and a line per slice.

    Panels with as many parameters have one scale. Bars are 90 % intervals, hollow marks estimates
    of which a guard on the sampler warns, and crosses below the axis runs that failed. A single
    checkpoint has one panel, along the parts.

    Args:
        rows: The estimates.
        panels: ``part``, or ``slice`` for a panel per slice and a line per part.

    Raises:
        ValueError: If there are no rows.
    """
    if not rows:
        raise ValueError("no estimates to draw: the study is empty")
    along = _names(rows, "checkpoint")
    lines: Axis = "slice" if panels == "part" else "part"
    if len(along) == 1:
        grouped = {"": list(rows)}
        horizontal: str = panels
    else:
        grouped = {
            name: [row for row in rows if _name(row, panels) == name]
            for name in _names(rows, panels)
        }
        horizontal = "checkpoint"
    ticks, labels = _names(rows, horizontal), _names(rows, lines)
    high = math.ceil(len(grouped) / MOST_COLUMNS)
    columns = math.ceil(len(grouped) / high)
    longest = max(len(tick) for tick in ticks)
    slanted = longest * len(ticks) > 30
    width = max(columns * PANEL, 4.2 if len(grouped) > 1 else 1.2 + 0.9 * len(ticks))
    handles = _legend(rows, labels)
    widest = max((len(str(each.get_label())) for each in handles), default=1)
    beside = max(1, min(len(handles), int(width / (0.5 + 0.075 * widest))))
    height = high * (HEIGHT + 0.05 * longest * slanted) + 0.3 + 0.2 * len(handles) / beside
    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
        grid = figure.subplots(high, columns, squeeze=False)
        for place, (name, group) in enumerate(grouped.items()):
            axes = grid[place // columns][place % columns]
            _draw(axes, group, horizontal, ticks, lines, labels)
            axes.set_title(_title(name, group), fontsize=8.5)
            axes.tick_params(axis="x", rotation=40 if slanted else 0)
            if place % columns == 0:
                axes.set_ylabel(r"$\hat\lambda$", rotation=0, labelpad=10)
            if place + columns >= len(grouped) and horizontal == "checkpoint":
                axes.set_xlabel("checkpoint")
        _share([(grid[place // columns][place % columns], group)
                for place, group in enumerate(grouped.values())])  # fmt: skip
        for place in range(len(grouped), high * columns):
            grid[place // columns][place % columns].set_visible(False)
        if handles:
            figure.legend(
                handles=handles, loc="outside upper left", ncols=beside, fontsize=8.5,
                handletextpad=0.5, columnspacing=1.4,
            )  # fmt: skip
    return figure


def _draw(
    axes: Axes, rows: list[RefinedRow], horizontal: str, ticks: list[str], by: Axis,
    lines: list[str],
) -> None:  # fmt: skip
    """Draw the lines of one panel."""
    for number, line in enumerate(lines):
        shift = SPREAD * (number - (len(lines) - 1) / 2) / max(len(lines) - 1, 1)
        colour, marker = _look(number)
        own = {_name(row, horizontal): row for row in rows if _name(row, by) == line}
        places = [(place + shift, own[tick]) for place, tick in enumerate(ticks) if tick in own]
        good = [(x, row) for x, row in places if not failed(row)]
        if horizontal == "checkpoint":
            values = [math.nan if failed(row) else row.estimate.llc or 0.0 for _, row in places]
            axes.plot([x for x, _ in places], values, color=colour, linewidth=1.0, alpha=0.65)
        for x, row in good:
            value, (low, high) = row.estimate.llc or 0.0, _interval(row)
            axes.plot([x, x], [low, high], color=colour, linewidth=1.1)
            fill = colour if row.estimate.converged else "white"
            axes.plot(x, value, marker, color=colour, markerfacecolor=fill, markersize=4.5)
        for x, row in places:
            if failed(row):
                axes.plot(x, -0.04, "x", color=colour, markersize=5, clip_on=False,
                          transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xticks(range(len(ticks)), [plain(tick) for tick in ticks])
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.5)
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0.0, color=GREY, linewidth=0.8)
    elif 0 < low < 0.6 * high:
        axes.set_ylim(0.0, high)


def _share(panels: list[tuple[Axes, list[RefinedRow]]]) -> None:
    """Give panels with the same numbers of parameters one scale, so that they are compared."""
    kinds: dict[tuple[int, ...], list[Axes]] = {}
    for axes, rows in panels:
        kinds.setdefault(tuple(sorted({row.dim for row in rows})), []).append(axes)
    for alike in kinds.values():
        limits = [axes.get_ylim() for axes in alike]
        for axes in alike:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _interval(row: RefinedRow) -> tuple[float, float]:
    estimate = row.estimate
    value = estimate.llc or 0.0
    return estimate.interval or (value, value)


def _title(name: str, rows: list[RefinedRow]) -> str:
    """Return the name of a panel, with the number of parameters where all rows share it."""
    dims = {row.dim for row in rows}
    size = f"d = {dims.pop()}" if len(dims) == 1 else ""
    return ", ".join(text for text in (plain(name) if name else "", size) if text)


def _legend(rows: Sequence[RefinedRow], lines: list[str]) -> list[Line2D]:
    """Return the handles of the lines, and of the marks that occur."""
    handles = []
    if len(lines) > 1:
        for number, line in enumerate(lines):
            colour, marker = _look(number)
            handles.append(Line2D([], [], color=colour, marker=marker, markersize=4.5,
                                  linewidth=1.0, label=plain(line)))  # fmt: skip
    if any(not failed(row) and not row.estimate.converged for row in rows):
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor="white",
                              markersize=4.5, linewidth=0, label="a guard warns"))  # fmt: skip
    if any(map(failed, rows)):
        handles.append(Line2D([], [], color=INK, marker="x", markersize=5, linewidth=0,
                              label="failed"))  # fmt: skip
    return handles


def _look(number: int) -> tuple[str, str]:
    return _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]


def _names(rows: Sequence[RefinedRow], axis: str) -> list[str]:
    """Return the names along an axis of the study, in the order of the rows."""
    return list(dict.fromkeys(_name(row, axis) for row in rows))


def _name(row: RefinedRow, axis: str) -> str:
    names = {"checkpoint": row.checkpoint, "part": row.part, "slice": row.slice}
    return names[axis] or "all"
