"""Block Gibbs for linear networks up to 100 million weights: thin factors, one chain at a time."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from theory.linear_networks.density import Array, LinearDensity, State
from theory.linear_networks.thin_products import (
    Axes,
    Thin,
    axes,
    between,
    extended,
    outside,
    squared_size,
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class WidePosterior(LinearDensity):
    """Draws every layer from the conditionals of `LinearPosterior`, one chain at a time.

    ``K`` depends on ``W_k`` only through ``U W_k V``. A narrow layer above or below bounds the
    rank of U or V, so with orthonormal bases Q of the rows of U and R of the columns of V the block
    ``Q^T W_k R`` alone meets the data: it is drawn in the eigenbases, with precision
    ``2 nbeta scale a_i b_j + gamma``; all else of ``W_k`` is drawn from the localisation,
    ``N(W_k*, 1/gamma)``. Eigendecompositions and products are as large as the narrowest layers on
    the way, not as the layer itself. One chain needs, beside reference and state, the bases
    above (less than the parameters) and a few matrices.
    """

    _inputs: Thin | None = field(init=False, repr=False)
    _product: Array = field(init=False, repr=False)
    _cross: Array | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        LinearDensity.__post_init__(self)
        root, _, white_cross = self.whitened_moments()
        layers = self.weights
        dtype = layers[0].dtype
        start = None if root is None else Thin(root.T.astype(dtype), None)
        object.__setattr__(self, "_inputs", start)
        object.__setattr__(self, "_product", self._map(layers))
        object.__setattr__(
            self, "_cross", None if white_cross is None else white_cross.astype(dtype)
        )

    def excess_loss(self, state: Sequence[Array]) -> Array:
        """Return ``K`` of every chain, shape ``(chains,)``."""
        return np.array([self._energy(self._map(one) - self._product) for one in _chains(state)])

    def sweep(self, state: State, rng: np.random.Generator) -> tuple[State, Array]:
        """Draw every layer once, as `LinearDensity.sweep`; the state given is overwritten."""
        return state, np.array([self._sweep_chain(one, rng) for one in _chains(state)])

    def _sweep_chain(self, layers: State, rng: np.random.Generator) -> float:
        depth = len(layers)
        above: list[Thin | None] = [None] * depth
        for k in range(depth - 1, 0, -1):
            above[k - 1] = extended(above[k], layers[k].T)
        below, total = self._inputs, 0.0
        for k in range(depth):
            total += self._draw_layer(k, layers[k], above[k], below, rng)
            above[k] = None
            below = extended(below, layers[k])
        return total / depth

    def _draw_layer(
        self,
        k: int,
        weight: Array,
        above: Thin | None,
        below: Thin | None,
        rng: np.random.Generator,
    ) -> float:
        """Overwrite one layer by a draw given the others; return its conditional mean of K."""
        left, right = self._axes(weight, above, below)
        star, dtype = self.weights[k], weight.dtype
        inner = between(left.inner, weight, right.inner)
        gap = outside(left.outer, inner, right.outer) - self._product
        force = between(left.outer, gap if self._cross is None else gap - self._cross, right.outer)
        anchor = between(left.inner, weight - star, right.inner)

        strength, root = 2.0 * self.nbeta * self.scale, math.sqrt(self.gamma)
        curvature = np.multiply.outer(left.values, right.values)
        precision = strength * curvature + self.gamma
        mean = -(strength * force + self.gamma * anchor) / precision
        added = _sum(curvature * (mean * mean + 1.0 / precision) + 2.0 * force * mean)
        conditional = self._energy(gap) + self.scale * added

        rng.standard_normal(out=weight, dtype=dtype.type)
        noise = between(left.inner, weight, right.inner)
        if noise is weight:  # of a single layer without data, which is about to be overwritten
            noise = weight.copy()
        weight *= dtype.type(1.0 / root)
        weight += star
        # What the block is to be, less what the localisation made of it.
        block = anchor + mean + noise * (1.0 / np.sqrt(precision) - dtype.type(1.0 / root))
        weight += outside(left.inner, block, right.inner)
        return conditional

    def _axes(self, weight: Array, above: Thin | None, below: Thin | None) -> tuple[Axes, Axes]:
        """Return both products in their eigenbases.

        Rounding in a Gram matrix makes eigenvalues wrong by its largest one times the precision;
        where the localisation would notice, the work is done in double precision.
        """
        eps = float(np.finfo(weight.dtype).eps)
        size = squared_size(above) * squared_size(below)
        careful = 2.0 * self.nbeta * self.scale * eps * size > 1e-2 * self.gamma
        rows, columns = weight.shape
        return (
            axes(above, rows, weight.dtype, careful),
            axes(below, columns, weight.dtype, careful),
        )

    def _map(self, layers: Sequence[Array]) -> Array:
        """Return the product of the layers in whitened inputs, ``(H_L, rank of S)``."""
        product = self._inputs
        for layer in layers:
            product = extended(product, layer)
        assert product is not None
        return outside(product.inner, product.outer.T, None)

    def _energy(self, gap: Array) -> float:
        """Return ``K`` given the whitened ``D``."""
        if self._cross is None:
            return self.scale * _sum(gap * gap)
        return self.scale * _sum(gap * (gap - 2.0 * self._cross))


def _chains(state: Sequence[Array]) -> Iterable[State]:
    """Yield the layers of each chain, as views."""
    for chain in range(state[0].shape[0]):
        yield [layer[chain] for layer in state]


def _sum(values: Array) -> float:
    return float(np.sum(values, dtype=np.float64))
