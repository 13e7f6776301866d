"""How figures of papers look, and the few marks that all of them share."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llcbench.report.style import GREY, INK, style

# Okabe and Ito (2008): told apart by colour-blind readers; the first is for ours by default.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a68c9", "#8c6d31")
# Columns of text: one column, one and a half, the full width of a page, in inches.
WIDTHS = (3.4, 5.0, 7.2)


@contextmanager
def paper_style() -> Iterator[None]:
    """Apply the style with the one font that matplotlib itself brings.

    Legends and margins are as wide as their text: with a font of the machine the bytes of a figure
    would be those of that machine.
    """
    with style(), matplotlib.style.context(
        {"font.sans-serif": ["DejaVu Sans"], "font.size": 8.0, "axes.titlesize": 8.5,
         "legend.fontsize": 7.5, "pdf.fonttype": 42, "savefig.facecolor": "white"}
    ):  # fmt: skip
        yield


def panels(
    rows: int, columns: int, *, height: float = 2.1, width: float = WIDTHS[2]
) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes row by row, frames open at the top and right, and a light grid."""
    figure = Figure(figsize=(width, rows * height), layout="constrained")
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]
    for each in axes:
        bare(each)
    return figure, axes


def bare(axes: Axes) -> None:
    """Open the frame and draw a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GREY, alpha=0.22, linewidth=0.5)
    axes.set_axisbelow(True)


def truth_line(axes: Axes, value: float, label: str = "local", *, vertical: bool = False) -> None:
    """Draw an exact coefficient as a black line."""
    draw = axes.axvline if vertical else axes.axhline
    draw(value, color=INK, linewidth=1.1, label=label, zorder=1.5)


def tempered_line(
    axes: Axes, value: float, label: str = "tempered", *, vertical: bool = False
) -> None:
    """Draw what a perfect sampler returns as a dashed line."""
    draw = axes.axvline if vertical else axes.axhline
    draw(value, color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label=label, zorder=1.5)


def diagonal(axes: Axes, low: float, high: float, label: str = "estimate = truth") -> None:
    """Draw where estimate and truth are equal."""
    axes.plot([low, high], [low, high], color=INK, linewidth=1.0, label=label, zorder=1.5)


def published(axes: Axes, x: Sequence[float], y: Sequence[float], label: str = "published") -> None:
    """Draw values that a paper gives as open grey diamonds."""
    axes.plot(
        x, y, linestyle="none", marker="D", markersize=5, markerfacecolor="none",
        markeredgecolor=GREY, markeredgewidth=1.2, label=label, zorder=3,
    )  # fmt: skip


def failed(axes: Axes, x: Sequence[float], label: str = "failed") -> None:
    """Draw runs without an estimate as hollow triangles on the upper frame."""
    axes.plot(
        x, [1.0] * len(x), transform=axes.get_xaxis_transform(), linestyle="none", marker="^",
        markerfacecolor="none", markeredgecolor="#aa3333", clip_on=False, label=label, zorder=4,
    )  # fmt: skip


def to_pdf(figure: Figure) -> bytes:
    """Return a figure as PDF without date and program name: equal figures are equal bytes."""
    handle = io.BytesIO()
    with paper_style():
        blank = dict.fromkeys(("CreationDate", "Creator", "Producer"))
        figure.savefig(handle, format="pdf", metadata=blank)
    return handle.getvalue()


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG without date and program name: equal figures are equal bytes."""
    handle = io.StringIO()
    with paper_style():
        blank = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(handle, format="svg", metadata=blank)
    return handle.getvalue()
