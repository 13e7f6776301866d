"""The coefficient of a linear network at given weights: which ranks does the point have?"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import inf, isinf
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.coefficient import RLCT, Scope, Step
from theory.families.deep_linear import deep_linear_global, deep_linear_local

Matrix = NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class LinearPoint:
    """What is known about one parameter of a linear network.

    Attributes:
        local: coefficient at the point itself.
        global_: least coefficient over all parameters with the same product.
        ranks: ``(i, j) -> rank(W_j ... W_{i+1})`` as seen at the tolerance.
        widths: ``H_0 .. H_L``.
        rank: rank of the whole product.
        tolerance: relative size below which a direction counts as killed.
        margin: smallest ratio kept over largest ratio dropped. Near 1 the ranks are doubtful;
            infinite when every dropped ratio is exactly zero or nothing is dropped.
    """

    local: RLCT
    global_: RLCT
    ranks: dict[tuple[int, int], int]
    widths: tuple[int, ...]
    rank: int
    tolerance: float
    margin: float

    @property
    def value(self) -> Fraction:
        """Return the local coefficient."""
        return self.local.value

    @property
    def multiplicity(self) -> int | None:
        """Return the multiplicity at the point."""
        return self.local.multiplicity

    @property
    def exact(self) -> bool:
        """Return whether the local value and multiplicity are known."""
        return self.local.exact

    @property
    def lower(self) -> Fraction:
        """Return the lower bound of the local coefficient."""
        return self.local.lower

    @property
    def upper(self) -> Fraction:
        """Return the upper bound of the local coefficient."""
        return self.local.upper

    @property
    def multiplicity_provisional(self) -> bool:
        """Return whether the local multiplicity rests on one route only."""
        return self.local.multiplicity_provisional

    @property
    def scope(self) -> Scope:
        """Return ``"local"``."""
        return self.local.scope

    @property
    def method(self) -> str:
        """Return how the local coefficient was found."""
        return self.local.method

    @property
    def source(self) -> str:
        """Return the source of the local coefficient."""
        return self.local.source

    @property
    def conditions(self) -> str:
        """Return where and when the local coefficient holds."""
        return self.local.conditions

    @property
    def proof(self) -> tuple[Step, ...]:
        """Return the steps that lead to the local coefficient."""
        return self.local.proof

    def __str__(self) -> str:
        """Return for example ``9/2 (m 1), global 4 (m 1)``."""
        return f"{self.local}, global {self.global_}"

    def to_json(self) -> dict[str, Any]:
        """Return the local coefficient, the global one and the ranks, ready for JSON.

        The keys of the ranks are texts such as ``"0,2"``; an infinite margin is None.
        """
        return {
            **self.local.to_json(),
            "global": self.global_.to_json(),
            "widths": list(self.widths),
            "rank": self.rank,
            "ranks": {f"{i},{j}": rank for (i, j), rank in sorted(self.ranks.items())},
            "tolerance": self.tolerance,
            "margin": None if isinf(self.margin) else self.margin,
        }


def deep_linear_at(weights: Sequence[ArrayLike], tolerance: float | None = None) -> LinearPoint:
    """Return the coefficients at ``w* = weights`` when the truth is their own product.

    Formula: the ranks of all partial products are read from the weights, then
    ``deep_linear_local`` and ``deep_linear_global`` apply. The rule for the ranks: with U an
    orthonormal basis of the image of ``W_{j-1} ... W_{i+1}``, the rank of ``W_j ... W_{i+1}`` is
    the number of singular values of ``W_j U`` above ``tolerance`` times the spectral norm of
    ``W_j``, and their left singular vectors are the next basis. Each decision compares one layer
    with itself, so it stays sound when the spectrum of a long product spans more than the
    precision of the numbers, and a product that cancels has rank 0.

    Args:
        weights: ``W_1 .. W_L``, first layer first, ``W_k`` of shape ``(H_k, H_{k-1})``.
        tolerance: relative, between 0 and 1; None for 1e-8, or 1e-5 when any layer is float32.
            For trained weights choose it above the noise and look at ``margin``.

    Returns:
        The two coefficients, the ranks that were seen and how clear-cut they are.

    Raises:
        ValueError: no layers, a layer that is not a finite real matrix of float64, float32 or
            integers, shapes that do not fit, an inadmissible tolerance, or ranks that no chain of
            matrices has (the tolerance then cuts through the noise).

    Source: as ``deep_linear_local`` and ``deep_linear_global``.
    """
    arrays = [np.asarray(weight) for weight in weights]
    layers = _layers(arrays)
    cut = _tolerance(tolerance, arrays)
    widths = (layers[0].shape[1], *(layer.shape[0] for layer in layers))
    ranks, margin = _rank_array(layers, cut)
    rank = ranks[0, len(layers)]
    try:
        local = deep_linear_local(widths, ranks)
    except ValueError as error:
        raise ValueError(
            f"tolerance {cut:g} gives ranks that no chain of matrices has (margin {margin:.3g}):"
            f" {error}; choose a tolerance further from the noise of the weights"
        ) from error
    return LinearPoint(
        local=local,
        global_=deep_linear_global(widths, rank),
        ranks=ranks,
        widths=widths,
        rank=rank,
        tolerance=cut,
        margin=margin,
    )


def _layers(arrays: Sequence[NDArray[np.generic]]) -> list[Matrix]:
    """Check the arrays and return them in float64."""
    if not arrays:
        raise ValueError("weights must have at least 1 layer, got 0")
    layers: list[Matrix] = []
    for k, array in enumerate(arrays, start=1):
        name = f"weights of layer {k}"
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"{name} must be a nonempty matrix, got shape {array.shape}")
        if array.dtype not in (np.float64, np.float32) and array.dtype.kind not in "iu":
            raise ValueError(f"{name} must be float64, float32 or integer, got {array.dtype}")
        layer = array.astype(np.float64)
        if not np.isfinite(layer).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
        layers.append(layer)
    for k, (before, after) in enumerate(pairwise(layers), start=1):
        if after.shape[1] != before.shape[0]:
            raise ValueError(
                f"weights of layer {k + 1} must have {before.shape[0]} columns, the rows of layer"
                f" {k}, got shape {after.shape}"
            )
    return layers


def _tolerance(tolerance: object, arrays: Sequence[NDArray[np.generic]]) -> float:
    """Return the relative tolerance, by the coarsest data type when none is given."""
    if tolerance is None:
        return 1e-5 if any(array.dtype == np.float32 for array in arrays) else 1e-8
    if not isinstance(tolerance, float | np.floating) or not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be a number between 0 and 1, got {tolerance!r}")
    return float(tolerance)


def _rank_array(
    layers: Sequence[Matrix], tolerance: float
) -> tuple[dict[tuple[int, int], int], float]:
    """Return the ranks of all partial products and the margin of the decisions."""
    depth = len(layers)
    norms = [float(np.linalg.norm(layer, 2)) for layer in layers]
    ranks: dict[tuple[int, int], int] = {}
    kept, dropped = 1.0, 0.0
    # The last start first: a product that begins one layer earlier has a smaller image, and once
    # the two images have the same dimension they are equal, also after every later layer.
    for start in reversed(range(depth)):
        basis = np.eye(layers[start].shape[1])
        for stop in range(start + 1, depth + 1):
            norm = norms[stop - 1]
            image = layers[stop - 1] @ basis
            left, sizes, _ = np.linalg.svd(image, full_matrices=False)
            ratios = sizes / norm if norm > 0 else np.zeros_like(sizes)
            rank = int((ratios > tolerance).sum())
            kept = min(kept, float(ratios[:rank].min(initial=1.0)))
            dropped = max(dropped, float(ratios[rank:].max(initial=0.0)))
            basis = left[:, :rank]
            ranks[start, stop] = rank
            full = layers[start].shape[0] if stop == start + 1 else ranks[start + 1, stop]
            if rank in (0, full):
                for later in range(stop + 1, depth + 1):
                    ranks[start, later] = ranks[start + 1, later] if rank else 0
                break
    return ranks, kept / dropped if dropped > 0 else inf
