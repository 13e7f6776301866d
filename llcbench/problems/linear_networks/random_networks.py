"""The published random classes of deep linear networks, from a thousand to 100 million weights.

Source: Lau, Furman, Wang, Murfet and Wei 2025 (ranges of depths and widths, distributions of the
weights and of the ranks).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from llcbench.problems.linear_networks.points import generator_of

Array = NDArray[np.floating[Any]]
# Normals beyond so many standard deviations are drawn again.
CUT = 2.0


@final
@dataclass(frozen=True)
class RandomClass:
    """Ranges of the published generator; upper ends are exclusive.

    The number of weights of a draw is random: ``sum_k H_k H_{k-1}`` with independent uniform widths
    has mean ``E[L] E[H]^2`` (1k 2e3, 10k 1.4e4, 100k 4.1e5, 1m 3.0e6, 10m 1.6e7, 100m 6.1e7).

    Attributes:
        layers: Range of the number of weight matrices.
        widths: Range of every width, input and output included.
        num_data: Published number of samples; ``nbeta = n / log n``.
        single: Whether weights are kept in single precision.
    """

    layers: tuple[int, int]
    widths: tuple[int, int]
    num_data: int
    single: bool

    @property
    def nbeta(self) -> float:
        """Return the published inverse temperature ``n / log n``."""
        return float(self.num_data / np.log(self.num_data))


CLASSES = {
    "1k": RandomClass((2, 5), (5, 50), 100_000, single=False),
    "10k": RandomClass((2, 10), (5, 100), 100_000, single=False),
    "100k": RandomClass((2, 10), (50, 500), 1_000_000, single=True),
    "1m": RandomClass((2, 20), (100, 1000), 1_000_000, single=True),
    "10m": RandomClass((2, 20), (500, 2000), 1_000_000, single=True),
    "100m": RandomClass((2, 40), (500, 3000), 1_000_000, single=True),
}


@final
@dataclass(frozen=True)
class RandomNetwork:
    """A draw of a class; its weights are drawn on demand.

    Attributes:
        widths: ``(H_0, ..., H_L)``, inputs first.
        ranks: Rank of every layer, known from its construction.
        single: Whether weights are kept in single precision.
        draw: Makes all weights in a row, first layer first.
    """

    widths: tuple[int, ...]
    ranks: tuple[int, ...]
    single: bool
    draw: Callable[[], Array]

    @cached_property
    def point(self) -> Array:
        """All weights in a row, first layer first."""
        return self.draw()

    @property
    def layers(self) -> list[Array]:
        """Return the weight matrices, views of the point."""
        return _layers(self.point, self.widths)


def widths_of_draw(identifier: str, limits: RandomClass) -> tuple[int, ...]:
    """Return the widths of a draw without its weights, in microseconds.

    With them the size of a draw is known: ``sum(a * b for a, b in pairwise(widths))``.
    """
    return _widths(generator_of(identifier), limits)


def draw_network(identifier: str, limits: RandomClass) -> RandomNetwork:
    """Return the draw of an id.

    Weights are normal of standard deviation ``1/sqrt(fan in)``, cut off at two of them without a
    change of scale; each layer, with probability one half, is replaced by its truncated singular
    value decomposition of a rank that is uniform on 1, ..., full. No layer is zero, and a layer of
    full rank f stays at it with probability ``1/2 + 1/(2 f)``. Layers are independent and their
    distributions have densities (on all matrices, or on those of the rank), so their images and
    kernels are in general position with probability 1: every partial product has the least rank of
    its layers.

    In single precision the projection on the leading singular vectors comes from the full
    eigendecomposition of the smaller Gram matrix, which is exact up to rounding: neighbours of
    almost equal singular values at the cut may mix. The id fixes the point up to that rounding.
    """
    rng = generator_of(identifier)
    widths = _widths(rng, limits)
    return _single(widths, rng) if limits.single else _double(widths, rng)


def fresh_layers(widths: tuple[int, ...], rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return layers of full rank from the distribution of the weights, in double precision."""
    return [_normals(rows, columns, rng) for columns, rows in pairwise(widths)]


def _widths(rng: np.random.Generator, limits: RandomClass) -> tuple[int, ...]:
    depth = int(rng.integers(*limits.layers))
    return tuple(int(width) for width in rng.integers(*limits.widths, size=depth + 1))


def _double(widths: tuple[int, ...], rng: np.random.Generator) -> RandomNetwork:
    """Draw layer by layer in double precision."""
    weights, ranks = [], []
    for columns, rows in pairwise(widths):
        weight = _normals(rows, columns, rng)
        rank = min(rows, columns)
        if rng.random() >= 0.5:
            rank = _reduced(rank, rng)
            u, s, v = np.linalg.svd(weight, full_matrices=False)
            weight = (u[:, :rank] * s[:rank]) @ v[:rank]
        weights.append(weight.ravel())
        ranks.append(rank)
    point = np.concatenate(weights)
    return RandomNetwork(widths, tuple(ranks), False, lambda: point)


def _reduced(full: int, rng: np.random.Generator) -> int:
    """Draw the rank of a layer that is reduced: by 0, ..., full - 1, each as likely as the others.

    The published generator draws the reduction, not the rank.
    """
    return full - int(rng.integers(full))


def _normals(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a layer of full rank in double precision."""
    # Half a second to import, in every process of a run.
    from scipy.stats import truncnorm

    drawn = truncnorm.rvs(-CUT, CUT, size=(rows, columns), random_state=rng)
    weight: NDArray[np.float64] = drawn / columns**0.5
    return weight


def _single(widths: tuple[int, ...], rng: np.random.Generator) -> RandomNetwork:
    """Draw all ranks, and later all weights into one array in single precision."""
    full = [min(pair) for pair in pairwise(widths)]
    ranks = [k if rng.random() < 0.5 else _reduced(k, rng) for k in full]

    def draw() -> Array:
        size = sum(rows * columns for columns, rows in pairwise(widths))
        point: Array = np.empty(size, dtype=np.float32)
        for layer, rank in zip(_layers(point, widths), ranks, strict=True):
            _fill(layer, rng)
            if rank < min(layer.shape):
                _truncate(layer, rank)
        return point

    return RandomNetwork(widths, tuple(ranks), True, draw)


def _layers(point: Array, widths: tuple[int, ...]) -> list[Array]:
    views, start = [], 0
    for columns, rows in pairwise(widths):
        stop = start + rows * columns
        views.append(point[start:stop].reshape(rows, columns))
        start = stop
    return views


def _fill(layer: Array, rng: np.random.Generator) -> None:
    """Fill a layer with normals that are drawn again until they are within the cut."""
    rng.standard_normal(out=layer, dtype=np.float32)
    values = layer.reshape(-1)
    outside = np.flatnonzero(np.abs(values) > CUT)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size, dtype=np.float32)
        outside = outside[np.abs(values[outside]) > CUT]
    layer /= np.float32(layer.shape[1] ** 0.5)


def _truncate(layer: Array, rank: int) -> None:
    """Replace a layer by its projection on its leading singular vectors, in place."""
    rows, columns = layer.shape
    wide = columns > rows
    gram = layer @ layer.T if wide else layer.T @ layer
    basis = eigh(gram, driver="evd", overwrite_a=True, check_finite=False)[1]
    leading = basis[:, basis.shape[1] - rank :]
    layer[...] = leading @ (leading.T @ layer) if wide else (layer @ leading) @ leading.T
