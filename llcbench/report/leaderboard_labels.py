"""Colours of entries and labels at the ends of their curves."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.text import Annotation

from llcbench.report.style import GREY, colour_of

# Okabe and Ito (2008) without yellow, and two darker ones; a sampler keeps the colour that it has
# in other figures unless another sampler of this figure has it already.
_SPARE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a68c9", "#8c6d31")
# Points between the base lines of two labels.
LEADING = 10.5
# Points between the frame and a label.
OFFSET = 14.0


# Height in data units, text and colour of the label of a curve.
End = tuple[float, str, str]


def sampler_of(entry: str) -> str:
    """Return the sampler of an entry's name."""
    return entry.partition("@")[0].partition("[")[0].partition(":")[0]


def colours(entries: Sequence[str]) -> dict[str, str]:
    """Return a colour per entry: one per sampler, grey for more samplers than colours.

    The first entries choose first.
    """
    taken: dict[str, str] = {}
    for sampler in dict.fromkeys(map(sampler_of, entries)):
        wanted = [colour_of(sampler), *_SPARE]
        free = [colour for colour in wanted if colour not in taken.values()]
        taken[sampler] = free[0] if free else GREY
    return {entry: taken[sampler_of(entry)] for entry in entries}


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
