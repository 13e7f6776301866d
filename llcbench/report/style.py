"""How every figure looks: one colour per sampler, the same bytes on every run."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from llcbench.checks import printable, shortened
from llcbench.files import replacing, write
from llcbench.report.labels import name_of

# Okabe and Ito (2008), without yellow, which is too light for dots; then the muted colours of Tol.
# Samplers of one kind are near each other, no two are equal.
_COLOURS = {
    "sgld": "#d55e00",
    "leimkuhler_matthews": "#a63603",
    "mala": "#0072b2",
    "exact": "#009e73",
    "gibbs": "#cc79a7",
    "hmc": "#56b4e9",
    "ghmc": "#1f4e79",
    "nuts": "#332288",
    "sghmc": "#e69f00",
    "sgnht": "#8c6d31",
    "baoab": "#7a68c9",
    "mclmc": "#44aa99",
    "adjusted_mclmc": "#117733",
    "rmsprop_sgld": "#aa4466",
    "adam_sgld": "#882255",
    "kfac_sgld": "#999933",
}
# Samplers that are not ours draw from these by name, so that a sampler keeps its colour.
_OTHERS = ("#e69f00", "#56b4e9", "#7a68c9", "#8c6d31", "#44aa99", "#aa4466")
# Okabe and Ito (2008) without yellow, and two darker ones, for figures with a colour per entry.
_SPARE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7a68c9", "#8c6d31")
_MARKERS = "osD^vPhX"

# Figures set in these two colours can be recoloured by a page in dark mode.
INK = "#1c1c1e"
GREY = "#8a8a8e"

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "llcbench",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def style() -> Iterator[None]:
    """Apply the style of llcbench, whatever the user's own matplotlib settings are."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


def colour_of(label: str) -> str:
    """Return the colour of a sampler; hyper-parameters do not change it."""
    name = name_of(label)
    place = int(sha256(name.encode()).hexdigest(), 16) % len(_OTHERS)
    return _COLOURS.get(name, _OTHERS[place])


def colours(entries: Sequence[str]) -> dict[str, str]:
    """Return a colour per entry: one per sampler, grey for more samplers than colours.

    A sampler keeps the colour that it has in other figures unless another sampler of this figure
    has it already. The first entries choose first.
    """
    taken: dict[str, str] = {}
    for sampler in dict.fromkeys(map(name_of, entries)):
        wanted = [colour_of(sampler), *_SPARE]
        free = [colour for colour in wanted if colour not in taken.values()]
        taken[sampler] = free[0] if free else GREY
    return {entry: taken[name_of(entry)] for entry in entries}


def markers(labels: list[str]) -> dict[str, str]:
    """Return a marker per label that tells the settings of one sampler apart."""
    count: dict[str, int] = {}
    markers = {}
    for label in sorted(set(labels)):
        place = count.get(name_of(label), 0)
        count[name_of(label)] = place + 1
        markers[label] = _MARKERS[place % len(_MARKERS)]
    return markers


def plain(text: str) -> str:
    """Return a name from a record as a label: short, on one line, and no formula of matplotlib."""
    label = shortened(printable(text)).replace("$", r"\$")
    return f" {label}" if label.startswith("_") else label  # else it is in no legend


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG without date and program name: equal figures are equal bytes."""
    handle = io.StringIO()
    with style():
        blank = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(handle, format="svg", metadata=blank)
    return handle.getvalue()


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG or PNG, by suffix.

    Raises:
        ValueError: If the suffix is neither.
    """
    if path.suffix == ".svg":
        write(path, to_svg(figure))
    elif path.suffix == ".png":
        with style(), replacing(path) as temporary:
            figure.savefig(
                temporary,
                format="png",
                dpi=160,
                facecolor="white",
                metadata={"Software": None},
            )
    else:
        raise ValueError(f"cannot write a figure to {path.name!r}: use .svg or .png")
    return path
