"""Time and memory against the number of parameters: tables and a figure."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llcbench.compare.scaling import GOAL, MEASURES, Growth, ProblemCost
from llcbench.files import write
from llcbench.report.style import GREY, colours, plain, style, to_svg
from llcbench.report.tables import Cell, Column, Row, Table, to_csv

AXES = {
    "step": "seconds per step of a chain",
    "effective": "seconds per effective draw",
    "goal": f"seconds to {100 * GOAL:.0f} % standard error",
    "memory": "peak memory, MiB",
}
MIB = 2.0**20
# Inches: a panel and the room between two, the margins, and a line of the legend.
PANEL, ROOM, LINE = (3.05, 2.1), (0.6, 0.78), 0.18
LEFT, RIGHT, TOP, BOTTOM = 0.55, 0.1, 0.28, 0.5
COLUMNS = 4


def scaling_table(points: Sequence[ProblemCost]) -> Table:
    """Return one row per entry and problem, smallest first."""
    columns = (
        Column("entry", "sampler and how it was set", ("entry",), numeric=False),
        Column("problem", "id", ("problem",), numeric=False),
        Column("gamma", "localisation", ("gamma",), rank=1),
        Column("parameters", "number of parameters", ("dim",)),
        Column("runs", "runs with an estimate", ("runs", "chains"), rank=3),
        Column("s/step", MEASURES["step"], ("step",)),
        Column("s/draw", MEASURES["effective"], ("effective",)),
        Column("s to 5 %", MEASURES["goal"], ("goal",)),
        Column("MiB", MEASURES["memory"], ("memory",)),
        Column("bias", "relative to the tempered truth", ("bias",), rank=2),
    )
    rows = [
        Row((
            Cell(p.entry, (p.entry,)), Cell(p.problem, (p.problem,)),
            Cell(f"{p.gamma:g}", (p.gamma,)), Cell(f"{p.dim}", (p.dim,)),
            Cell(f"{p.runs}", (p.runs, p.chains)), _number(p.step), _number(p.effective),
            _number(p.goal), Cell(f"{p.memory / MIB:.0f}", (p.memory,)),
            Cell("-" if p.bias is None else f"{100 * p.bias:+.1f} %", (p.bias,)),
        ))
        for p in points
    ]  # fmt: skip
    return Table("Cost against the number of parameters", columns, tuple(rows))


def growth_table(fits: Sequence[Growth]) -> Table:
    """Return the fitted exponents, one row per entry."""
    heads = [Column(m, f"exponent of: {text}", (m, f"{m}_se")) for m, text in MEASURES.items()]
    columns = (Column("entry", "sampler and how it was set", ("entry",), numeric=False), *heads)
    rows = []
    for entry in dict.fromkeys(fit.entry for fit in fits):
        mine = {fit.measure: fit for fit in fits if fit.entry == entry}
        cells = [_exponent(mine.get(measure)) for measure in MEASURES]
        rows.append(Row((Cell(entry, (entry,)), *cells)))
    return Table("Exponents of cost = factor * parameters^exponent", columns, tuple(rows))


def scaling_figure(points: Sequence[ProblemCost]) -> Figure:
    """Return the four costs against the number of parameters, one colour per entry.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not points:
        raise ValueError("no run with an estimate and a known number of parameters")
    palette = colours(list(dict.fromkeys(point.entry for point in points)))
    legend = LINE * (-(-len(palette) // COLUMNS) + 0.5)
    width = LEFT + 2 * PANEL[0] + ROOM[0] + RIGHT
    height = TOP + 2 * PANEL[1] + ROOM[1] + BOTTOM + legend
    with style():
        figure = Figure(figsize=(width, height))
        grid = figure.subplots(2, 2, gridspec_kw={
            "left": LEFT / width, "right": 1 - RIGHT / width, "wspace": ROOM[0] / PANEL[0],
            "top": 1 - TOP / height, "bottom": (legend + BOTTOM) / height,
            "hspace": ROOM[1] / PANEL[1],
        })  # fmt: skip
        for axes, measure in zip(grid.flat, MEASURES, strict=True):
            _panel(axes, points, measure, palette)
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="lower center", ncols=COLUMNS, fontsize=8,
                      labelcolor="linecolor")  # fmt: skip
    return figure


def write_scaling(
    points: Sequence[ProblemCost], fits: Sequence[Growth], folder: Path
) -> list[Path]:
    """Write ``scaling.svg``, ``scaling.csv`` and ``exponents.csv``; return the files."""
    parts = {
        "scaling.svg": to_svg(scaling_figure(points)),
        "scaling.csv": to_csv(scaling_table(points)),
        "exponents.csv": to_csv(growth_table(fits)),
    }
    for name, content in parts.items():
        write(folder / name, content)
    return [folder / name for name in parts]


def _panel(
    axes: Axes, points: Sequence[ProblemCost], measure: str, palette: dict[str, str]
) -> None:
    unit = MIB if measure == "memory" else 1.0
    for entry, colour in palette.items():
        pairs = [
            (point.dim, getattr(point, measure) / unit)
            for point in points
            if point.entry == entry and getattr(point, measure)
        ]
        if pairs:
            axes.plot(*zip(*pairs, strict=True), marker="o", markersize=3.5, linestyle="none",
                      color=colour, label=plain(entry))  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(AXES[measure], y=1.0)
    axes.set_xlabel("parameters")
    axes.grid(color=GREY, alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _number(value: float | None) -> Cell:
    return Cell("-" if value is None else f"{value:.3g}", (value,))


def _exponent(fit: Growth | None) -> Cell:
    if fit is None:
        return Cell("-", (None, None))
    error = "" if fit.stderr is None else f" ± {fit.stderr:.2f}"
    return Cell(f"{fit.exponent:.2f}{error}", (fit.exponent, fit.stderr))
