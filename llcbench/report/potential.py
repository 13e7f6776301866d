"""Contours of two-parameter potentials around the reference point."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from llcbench.report.style import style, to_svg

Array = NDArray[np.float64]
# Values below this share of the largest one count as zero: log10 has no floor of its own.
FLOOR = 1e-8
GRID = 121


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
    largest = float(np.nanmax(values))
    logs = np.log10(np.maximum(values, FLOOR * largest if largest > 0 else 1.0))
    top = float(np.ceil(logs.max()))
    levels = np.arange(top - 7, top + 1)
    with style():
        figure = Figure(figsize=(3.6, 3.0), layout="constrained")
        axes = figure.add_subplot(aspect="equal")
        filled = axes.contourf(x, y, logs, levels=levels, cmap="cividis", extend="min")
        axes.plot([w_star[0]], [w_star[1]], marker="P", markersize=8, color="#ffffff",
                  markeredgecolor="#000000", linestyle="none")
        axes.set_title(title)
        axes.set_xlabel("$w_1$")
        axes.set_ylabel("$w_2$")
        bar = figure.colorbar(filled, ax=axes, shrink=0.85)
        bar.set_label("$\\log_{10} K$")
    return figure
