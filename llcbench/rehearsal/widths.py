"""From the shapes of layers to a chain of widths of about as many weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from llcbench.rehearsal.layers import DenseLayer

# Layers of the deepest linear networks of the published classes of this size.
DEEPEST = 9
# Most weights of a linear network unless they are given: truth and run take a minute or two.
MAX_DIM = 200_000


@final
@dataclass(frozen=True)
class Chain:
    """The widths of a linear network that stands for some layers.

    Attributes:
        widths: ``(H_0, ..., H_L)``, inputs first.
        notes: How they differ from the shapes of the layers, a sentence each.
    """

    widths: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def dim(self) -> int:
        """Number of weights."""
        return weights_of(self.widths)


def weights_of(widths: Sequence[int]) -> int:
    """Return the number of weights of a linear network."""
    return sum(above * below for below, above in pairwise(widths))


def chain_of(layers: Sequence[DenseLayer], max_dim: int) -> Chain:
    """Return the widths of a linear network with the shapes of some layers.

    Where the outputs of a layer are the inputs of the next one, the shapes are kept. Elsewhere,
    as between convolutions, a hidden width is the geometric mean of the two, and hidden widths are
    scaled so that there are as many weights. Networks of more layers or weights than the limits
    are made shallower, then narrower from the widest layer on.

    Args:
        layers: In the order in which they run.
        max_dim: Most weights.

    Raises:
        ValueError: If no network is that small.
    """
    notes = []
    kept = list(layers)
    if len(kept) > DEEPEST:
        places = [round(k * (len(kept) - 1) / (DEEPEST - 1)) for k in range(DEEPEST)]
        kept = [kept[place] for place in places]
        notes.append(f"{DEEPEST} of {len(layers)} layers, evenly spaced")
    wanted = sum(layer.size for layer in layers)
    ends = (kept[0].columns, kept[-1].rows)
    middle = [math.sqrt(a.rows * b.columns) for a, b in pairwise(kept)]
    whole = all(a.rows == b.columns for a, b in pairwise(kept))
    if not whole or len(kept) < len(layers):
        middle = _scaled(ends, middle, wanted)
        if not whole:
            notes.append("shapes that do not follow each other, as of convolutions and attention,"
                         " became a chain with as many weights")  # fmt: skip
    widths = (ends[0], *(max(1, round(width)) for width in middle), ends[1])
    if weights_of(widths) > max_dim:
        narrow = _narrowed(widths, max_dim)
        notes.append(
            f"widths of at most {max(narrow)} instead of {max(widths)}: {weights_of(narrow)} of"
            f" {weights_of(widths)} weights, for max_dim is {max_dim}"
        )
        widths = narrow
    return Chain(widths, tuple(notes))


def _scaled(ends: tuple[int, int], middle: list[float], wanted: int) -> list[float]:
    """Return hidden widths times the factor at which there are as many weights as wanted."""
    low, high = 0.0, 1.0
    while _count(ends, middle, high) < wanted:
        high *= 2
    for _ in range(60):
        factor = (low + high) / 2
        if _count(ends, middle, factor) < wanted:
            low = factor
        else:
            high = factor
    return [width * high for width in middle]


def _count(ends: tuple[int, int], middle: list[float], factor: float) -> float:
    widths = (ends[0], *(width * factor for width in middle), ends[1])
    return sum(above * below for below, above in pairwise(widths))


def _narrowed(widths: tuple[int, ...], max_dim: int) -> tuple[int, ...]:
    """Return the widths cut off at the largest width at which there are few enough weights.

    Raises:
        ValueError: If one unit a layer is too many.
    """
    fitting = [
        narrow
        for most in range(1, max(widths))
        if weights_of(narrow := tuple(min(width, most) for width in widths)) <= max_dim
    ]
    if not fitting:
        least = len(widths) - 1
        raise ValueError(f"max_dim={max_dim} is too small: {least} layers have {least} weights")
    return fitting[-1]
