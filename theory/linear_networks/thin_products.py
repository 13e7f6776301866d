"""Products of matrices kept as thin factors: what a narrow layer lets through, and no more."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr

Array = NDArray[np.floating[Any]]


class Thin(NamedTuple):
    """A product ``outer @ inner.T`` of rank at most the narrowest width on its way.

    Attributes:
        outer: Shape ``(end, rank)``.
        inner: Orthonormal columns, ``(width, rank)``; None is the identity, with rank = width.
    """

    outer: Array
    inner: Array | None


class Axes(NamedTuple):
    """A product in the eigenbasis of its Gram matrix: ``product = outer @ inner.T``.

    Attributes:
        values: Squared singular values, ``(rank,)``.
        outer: Orthogonal columns of these squared lengths, ``(end, rank)``; None is the identity.
        inner: Orthonormal columns, ``(width, rank)``; None is the identity.
    """

    values: Array
    outer: Array | None
    inner: Array | None


def extended(product: Thin | None, layer: Array) -> Thin:
    """Return ``product @ layer.T`` for a layer ``(next width, width)``; None is the identity."""
    carried = layer if product is None or product.inner is None else layer @ product.inner
    outer = None if product is None else product.outer
    if carried.shape[0] <= carried.shape[1]:
        return Thin(times(outer, carried.T), None)
    inner, small = qr(carried, mode="economic", check_finite=False)
    return Thin(times(outer, small.T), inner)


def squared_size(product: Thin | None) -> float:
    """Return the sum of the squared singular values, a bound on the largest; 1 for the identity."""
    return 1.0 if product is None else float(np.vdot(product.outer, product.outer))


def axes(product: Thin | None, width: int, dtype: np.dtype[Any], careful: bool) -> Axes:
    """Return the product in its eigenbasis.

    Args:
        product: The product, None for the identity.
        width: Its inner width.
        dtype: Of the identity's values.
        careful: Form and diagonalise the Gram matrix in double precision.
    """
    if product is None:
        return Axes(np.ones(width, dtype=dtype), None, None)
    outer = product.outer.astype(np.float64) if careful else product.outer
    gram = outer.T @ outer
    vectors = eigh(gram, driver="evd", overwrite_a=True, check_finite=False)[1]
    basis = vectors.astype(product.outer.dtype, copy=False)
    turned = product.outer @ basis
    inner = basis if product.inner is None else product.inner @ basis
    return Axes(np.einsum("ij,ij->j", turned, turned), turned, inner)


def times(left: Array | None, right: Array) -> Array:
    """Return ``left @ right``; None is the identity."""
    return right if left is None else left @ right


def between(left: Array | None, middle: Array, right: Array | None) -> Array:
    """Return ``left.T @ middle @ right``, the narrower side first; None is the identity."""
    if left is None:
        return middle if right is None else middle @ right
    if right is None:
        return left.T @ middle
    if left.shape[1] <= right.shape[1]:
        return (left.T @ middle) @ right
    return left.T @ (middle @ right)


def outside(left: Array | None, middle: Array, right: Array | None) -> Array:
    """Return ``left @ middle @ right.T``; None is the identity."""
    if right is None:
        return times(left, middle)
    if left is None:
        return middle @ right.T
    if middle.shape[0] <= middle.shape[1]:
        return left @ (middle @ right.T)
    return (left @ middle) @ right.T
