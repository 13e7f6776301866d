"""The map of local coefficients: a plane zero set, coloured by the coefficient along it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from llcbench.report.style import GREY, INK, style, to_svg
from theory.polynomials.grammar import read
from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree
from theory.stratification import Strata, Stratum

Array = NDArray[np.float64]
Range = tuple[float, float]
Frame = tuple[Range, Range]
Value = tuple[Fraction, Fraction, int | None]

# Okabe and Ito (2008), the strongest colour for the deepest value.
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = "osD^vP"
# Odd, so that no grid line runs along an axis of symmetry of a curve.
GRID = 361
FLOOR = 1e-12
# Decades of K, light grey: the darkest next to the zero set.
DECADES = (-6, -5, -4, -3, -2, -1, 0)
GREYS = ("#d4d4d8", "#dadade", "#e0e0e4", "#e6e6e9", "#ececef", "#f2f2f4", "#f8f8f9", "#fdfdfd")
LEAST_HALF_WIDTH = 1.5
MAX_LABELS = 16


def strata_plot(strata: Strata, frame: Frame | None = None) -> str:
    """Return the map of a potential in two variables as SVG; see ``strata_figure``."""
    return to_svg(strata_figure(strata, frame))


def strata_figure(strata: Strata, frame: Frame | None = None) -> Figure:
    """Return the zero set coloured by local coefficient, special points marked and labelled.

    Grey levels are decades of ``log10 K``. Labels are ``lambda, m``.

    Args:
        strata: Strata in two variables; the first name by alphabet is the horizontal axis.
        frame: Ranges of both axes in that order; by default all special points are inside.

    Raises:
        ValueError: If there are not two variables.
    """
    if len(strata.variables) != 2:
        raise ValueError(f"the plot needs two variables, K has {', '.join(strata.variables)}")
    names = sorted(strata.variables)
    (left, right), (bottom, top) = frame or _frame(strata, names)
    x, y = np.linspace(left, right, GRID), np.linspace(bottom, top, GRID)
    grid = dict(zip(names, np.meshgrid(x, y), strict=True))
    logs = np.log10(np.maximum(np.abs(_values(read(strata.potential), grid)), FLOOR))
    with style():
        figure = Figure(figsize=(4.7, 3.7), layout="constrained")
        axes = figure.add_subplot(aspect="equal")
        box = (left, right, bottom, top)
        axes.imshow(
            logs,
            origin="lower",
            extent=box,
            cmap=ListedColormap(GREYS),
            interpolation="none",
            norm=BoundaryNorm(DECADES, len(GREYS), extend="both"),
            zorder=0,
        )
        for stratum in reversed(strata.strata):
            if stratum.dimension == 1:
                curve = _values(read(stratum.equations[0]), grid)
                # Without a change of sign there is nothing to draw, and matplotlib warns.
                if curve.min() < 0 < curve.max():
                    axes.contour(
                        x,
                        y,
                        curve,
                        levels=[0.0],
                        linewidths=1.8,
                        colors=[_colour(strata, stratum)],
                        zorder=2,
                    )
        _points(axes, strata, names, box, logs)
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        axes.set_xlabel(names[0], parse_math=False)
        axes.set_ylabel(names[1], parse_math=False)
        axes.set_title(fill(f"K = {strata.potential}", 52), parse_math=False)
        axes.legend(
            handles=_legend(strata),
            loc="upper left",
            bbox_to_anchor=(1.01, 1.02),
            title="lambda, m",
            alignment="left",
            handlelength=1.4,
        )
        axes.text(
            1.04,
            0.0,
            "grey: decades\nof K",
            transform=axes.transAxes,
            fontsize=7.5,
            color=GREY,
            va="bottom",
        )
        # The layout is settled once: drawing again would move it by a fraction of a pixel.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def _place(stratum: Stratum, names: Sequence[str]) -> tuple[float, float]:
    coordinates = dict(zip(stratum.point.names, stratum.point.floats(), strict=True))
    return coordinates[names[0]], coordinates[names[1]]


def _frame(strata: Strata, names: Sequence[str]) -> Frame:
    """Return a square around the special points, without any around the origin."""
    places = np.array([_place(stratum, names) for stratum in strata if not stratum.dimension])
    if not len(places):
        samples = np.abs([_place(stratum, names) for stratum in strata])
        reach = max(LEAST_HALF_WIDTH, 1.3 * float(samples.max()))
        return (-reach, reach), (-reach, reach)
    low, high = places.min(axis=0), places.max(axis=0)
    half = max(LEAST_HALF_WIDTH, 0.8 * float(np.max(high - low)))
    (a, b) = ((float(c) - half, float(c) + half) for c in (low + high) / 2)
    return a, b


def _value(stratum: Stratum) -> Value:
    return stratum.value.lower, stratum.value.upper, stratum.value.multiplicity


def _rank(strata: Strata, stratum: Stratum) -> int:
    return strata.values.index(_value(stratum))


def _colour(strata: Strata, stratum: Stratum) -> str:
    return PALETTE[_rank(strata, stratum) % len(PALETTE)]


def _label(value: Value) -> str:
    lower, upper, m = value
    number = str(lower) if lower == upper else f"[{lower}, {upper}]"
    return f"{number}, {'?' if m is None else m}"


def _legend(strata: Strata) -> list[Line2D]:
    """Return one entry per value: a line where curves have it, a marker where points have it."""
    entries = []
    for index, value in enumerate(strata.values):
        members = [s for s in strata if _value(s) == value]
        points = any(s.dimension == 0 for s in members)
        curves = any(s.dimension == 1 for s in members)
        entries.append(
            Line2D(
                [],
                [],
                color=PALETTE[index % len(PALETTE)],
                label=_label(value),
                linewidth=1.8,
                linestyle="-" if curves else "none",
                markersize=6,
                markeredgecolor=INK,
                marker=MARKERS[index % len(MARKERS)] if points else "none",
                markeredgewidth=0.7,
            )
        )
    return entries


def _points(
    axes: Axes, strata: Strata, names: Sequence[str], box: tuple[float, ...], logs: Array
) -> None:
    """Draw special points, each with its label where K is large."""
    left, right, bottom, top = box
    special = [(stratum, *_place(stratum, names)) for stratum in strata if stratum.dimension == 0]
    shown = [s for s in special if left <= s[1] <= right and bottom <= s[2] <= top]
    taken = [(x, y) for _, x, y in shown]
    for stratum, x, y in shown:
        axes.plot(
            [x],
            [y],
            marker=MARKERS[_rank(strata, stratum) % len(MARKERS)],
            markersize=7,
            color=_colour(strata, stratum),
            markeredgecolor=INK,
            markeredgewidth=0.7,
            linestyle="none",
            zorder=4,
        )
    for stratum, x, y in shown[:MAX_LABELS]:
        dx, dy = _label_place(x, y, box, logs, taken)
        taken.append((x + dx, y + dy))
        axes.text(
            x + dx,
            y + dy,
            _label(_value(stratum)),
            fontsize=8,
            ha="center",
            va="center",
            zorder=5,
            bbox={"facecolor": "#fdfdfd", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
        )


def _label_place(
    x: float, y: float, box: tuple[float, ...], logs: Array, taken: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the offset of a label: inside the frame, off the curves and off other labels."""
    left, right, bottom, top = box
    width, height = right - left, top - bottom
    best, chosen = -np.inf, (0.0, 0.0)
    for a, b in product((-1, 0, 1), (-1, 0, 1)):
        if not (a or b):
            continue
        dx, dy = 0.085 * width * a, 0.065 * height * b
        across, up = (x + dx - left) / width, (y + dy - bottom) / height
        if not (0.06 < across < 0.94 and 0.04 < up < 0.96):
            continue
        near = logs[
            max(0, int((up - 0.025) * GRID)) : int((up + 0.025) * GRID) + 1,
            max(0, int((across - 0.05) * GRID)) : int((across + 0.05) * GRID) + 1,
        ]
        crowd = sum(
            1
            for u, v in taken
            if (u, v) != (x, y)
            and abs(u - x - dx) < 0.12 * width
            and abs(v - y - dy) < 0.06 * height
        )
        score = float(near.min()) - 6 * crowd
        if score > best:
            best, chosen = score, (dx, dy)
    return chosen


def _values(tree: Tree, grid: Mapping[str, Array]) -> Array:
    """Return the values of an expression at floating-point places."""
    match tree:
        case Number(number):
            return np.full_like(next(iter(grid.values())), float(number))
        case Symbol(name):
            return grid[name]
        case Power(base, exponent):
            return np.asarray(_values(base, grid) ** exponent, dtype=np.float64)
        case Sum(parts):
            return np.asarray(sum(_values(part, grid) for part in parts), dtype=np.float64)
        case Product(parts):
            total = np.ones_like(next(iter(grid.values())))
            for part in parts:
                total = total * _values(part, grid)
            return total
