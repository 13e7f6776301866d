"""Reference points of linear networks with prescribed ranks; NumPy only, seeded by the id."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def generator_of(identifier: str) -> np.random.Generator:
    """Return a generator seeded by the id, so that a problem is the same on every machine."""
    digest = hashlib.sha256(identifier.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def balanced(widths: Sequence[int], rank: int, rng: np.random.Generator) -> list[Array]:
    """Return factors whose partial products all have the given rank: the most singular point.

    ``W_k = F_k diag(s) F_{k-1}^T`` with orthonormal frames ``F_k`` of shape ``(H_k, rank)`` shared
    by neighbours and singular values between 0.8 and 1.25.
    """
    frames = [frame(width, rank, rng) for width in widths]
    return [(above * rng.uniform(0.8, 1.25, rank)) @ below.T for below, above in pairwise(frames)]


def generic(
    widths: Sequence[int], layer_ranks: Sequence[int], rng: np.random.Generator
) -> list[Array]:
    """Return independent factors of the given ranks, in general position to each other."""
    return [
        (frame(rows, rank, rng) * rng.uniform(0.8, 1.25, rank)) @ frame(columns, rank, rng).T
        for (columns, rows), rank in zip(pairwise(widths), layer_ranks, strict=True)
    ]


def two_layers(
    widths: tuple[int, int, int], rank: int, first: int, second: int, rng: np.random.Generator
) -> list[Array]:
    """Return two factors of ranks ``first`` and ``second`` whose product has the given rank.

    In an orthonormal basis of the hidden layer, the first factor reaches the directions
    ``1..first`` and the second one reads ``1..rank`` and the ``second - rank`` next unreached ones.
    """
    inputs, hidden, outputs = widths
    basis = frame(hidden, hidden, rng)
    reached = basis[:, :first]
    read = basis[:, [*range(rank), *range(first, first + second - rank)]]
    lower = (reached * rng.uniform(0.8, 1.25, first)) @ frame(inputs, first, rng).T
    upper = (frame(outputs, second, rng) * rng.uniform(0.8, 1.25, second)) @ read.T
    return [lower, upper]


def frame(rows: int, columns: int, rng: np.random.Generator) -> Array:
    """Return a random matrix with orthonormal columns, ``(rows, columns)``."""
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    # The sign of QR's diagonal is the library's choice; fixing it keeps the point portable.
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0), dtype=np.float64)
