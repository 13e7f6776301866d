"""Contours of two-parameter potentials around the reference point."""

from collections.abc import Callable, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from llcbench.report.style import style, to_svg

Array = NDArray[np.float64]
# log10 has no floor of its own.
FLOOR = 1e-12
GRID = 121
# Decades that are told apart: chains live where nbeta K is near 1, at K = 1e-3 to 1e-5.
LOWEST, HIGHEST = -6, 1
# Not quite white: a page in dark mode recolours white.
LIGHT = "#fdfdfd"
# Inches: the square, its margins, a line of the title; then the bar of colours between its gaps.
# Fixed ones, since a layout that looks for its own draws everything three times.
SIDE, LEFT, BOTTOM, TOP, LINE = 2.3, 0.68, 0.46, 0.1, 0.16
GAP, BAR, RIGHT = 0.12, 0.11, 0.56


def potential_plot(
    evaluate: Callable[[Array], Array],
    w_star: Sequence[float],
    title: str,
    half_width: float = 1.5,
) -> str:
    """Return the contour plot of a potential as SVG; see ``potential_figure``."""
    return to_svg(potential_figure(evaluate, w_star, title, half_width))


def potential_figure(
    evaluate: Callable[[Array], Array],
    w_star: Sequence[float],
    title: str,
    half_width: float = 1.5,
) -> Figure:
    """Return contours of ``log10 K`` in a square around ``w*``, which is marked by a cross.

    Args:
        evaluate: ``K`` on points ``(2, N)``, returning ``(N,)``.
        w_star: Reference point, two numbers.
        title: Line above the plot.
        half_width: Half the side of the square.

    Raises:
        ValueError: If the point does not have two coordinates.
    """
    if len(w_star) != 2:
        raise ValueError(f"a contour plot needs two parameters, this point has {len(w_star)}")
    x, y = (float(centre) + half_width * np.linspace(-1, 1, GRID) for centre in w_star)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, y)])
    values = np.asarray(evaluate(points), dtype=np.float64).reshape(GRID, GRID)
    logs = np.log10(np.maximum(values, FLOOR))
    top = int(np.clip(np.ceil(logs.max()), LOWEST + 1, HIGHEST))
    box = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    heading = fill(title, 40)
    width = LEFT + SIDE + GAP + BAR + RIGHT
    height = BOTTOM + SIDE + TOP + LINE * (heading.count("\n") + 1)
    with style():
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((LEFT / width, BOTTOM / height, SIDE / width, SIDE / height))
        # An image is a tenth of the size of filled contours and has no seams between them.
        image = axes.imshow(
            logs,
            origin="lower",
            extent=box,
            cmap="cividis",
            vmin=LOWEST,
            vmax=top,
            interpolation="none",
        )
        axes.contour(
            x,
            y,
            logs,
            levels=np.arange(LOWEST, top + 1),
            colors=LIGHT,
            linewidths=0.5,
            linestyles="solid",
            alpha=0.7,
        )
        axes.plot(
            [w_star[0]],
            [w_star[1]],
            marker="P",
            markersize=8,
            color=LIGHT,
            markeredgecolor="#000000",
            linestyle="none",
        )
        # A height of its own: looking for one costs a third of the drawing.
        axes.set_title(heading, y=1.0, parse_math=False)
        axes.set_xlabel("$w_1$")
        axes.set_ylabel("$w_2$")
        place = (LEFT + SIDE + GAP) / width, (BOTTOM + 0.075 * SIDE) / height
        beside = figure.add_axes((*place, BAR / width, 0.85 * SIDE / height))
        bar = figure.colorbar(image, cax=beside, extend="both")
        bar.set_label("$\\log_{10} K$")
    return figure
