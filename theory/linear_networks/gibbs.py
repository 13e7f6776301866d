"""Exact block Gibbs kernel for the localised posterior of a linear network, batched over chains."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from theory.linear_networks.density import Array, LinearDensity, State
from theory.linear_networks.fibres import fibre_move


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinearPosterior(LinearDensity):
    """Draws every layer from its conditional, all chains at once.

    Every layer is Gaussian given the others. With ``U`` the product above, ``V`` the product
    below and ``R`` the current ``D``, a change ``X`` of layer ``k`` adds
    ``scale * [<X, U^T U X V S V^T> + 2 <X, U^T (R S - C) V^T>]`` to ``K``: its precision is
    ``2 nbeta scale (U^T U) (x) (V S V^T) + gamma I``. A root of ``S`` is absorbed into ``V``.
    Both small factors are diagonalised, the change is drawn in the eigenbasis and rotated back;
    no Kronecker product is formed. Writing the step as a change about the current weights keeps
    every term of the size of ``K`` itself.
    """

    _root: Array | None = field(init=False, repr=False)
    _root_basis: Array | None = field(init=False, repr=False)
    _product: Array = field(init=False, repr=False)
    _cross: Array | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        LinearDensity.__post_init__(self)
        root, basis, white_cross = self.whitened_moments()
        layers = self.weights
        product: NDArray[np.floating[Any]] = layers[0] if root is None else layers[0] @ root
        for weight in layers[1:]:
            product = weight @ product
        dtype = layers[0].dtype
        object.__setattr__(self, "_product", product.astype(dtype))
        for name, item in (("_root", root), ("_root_basis", basis), ("_cross", white_cross)):
            object.__setattr__(self, name, None if item is None else item.astype(dtype))

    def start(self, num_chains: int) -> State:
        """Return chains that all start at the reference weights."""
        return [np.repeat(weight[None], num_chains, axis=0) for weight in self.weights]

    def excess_loss(self, state: Sequence[Array]) -> Array:
        """Return ``K`` of every chain, shape ``(chains,)``."""
        product: Array = state[0] if self._root is None else state[0] @ self._root
        for weight in state[1:]:
            product = weight @ product
        return self._energy(product - self._product)

    def sweep(self, state: Sequence[Array], rng: np.random.Generator) -> tuple[State, Array]:
        """Draw every layer once, as `LinearDensity.sweep`; the state given is not changed."""
        layers = list(state)
        depth = len(layers)
        # above[k] is the product of the layers over k; the last is the identity, left out.
        above: list[Array | None] = [None] * depth
        for k in range(depth - 1, 0, -1):
            upper = above[k]
            above[k - 1] = layers[k] if upper is None else upper @ layers[k]
        below = self._root
        conditional = np.zeros(layers[0].shape[0], dtype=layers[0].dtype)
        for k in range(depth):
            layers[k], mean_energy = self._draw_layer(k, layers[k], above[k], below, rng)
            conditional += mean_energy
            below = layers[k] if below is None else layers[k] @ below
        return layers, conditional / depth

    def fibre_move(self, state: Sequence[Array], rng: np.random.Generator) -> State:
        """Move every pair of layers along its fibre; the loss does not change.

        A sweep alone moves along the fibre in steps of ``1/sqrt(nbeta)``: alternate the two.
        """
        layers = list(state)
        for k in range(len(layers) - 1):
            layers[k], layers[k + 1] = fibre_move(
                layers[k], layers[k + 1], self.weights[k], self.weights[k + 1], self.gamma, rng
            )
        return layers

    def _draw_layer(
        self,
        k: int,
        weight: Array,
        above: Array | None,
        below: Array | None,
        rng: np.random.Generator,
    ) -> tuple[Array, Array]:
        """Draw one layer given the product above and below it (None is the identity)."""
        inner: Array = weight if below is None else weight @ below
        gap: Array = (inner if above is None else above @ inner) - self._product
        force = gap if self._cross is None else gap - self._cross
        left_basis, right_basis = self._bases(k, above, below)
        # Rotating the factors before they meet the force keeps the force small wherever the
        # curvature is small, whatever the rounding.
        left, force = _project(above, left_basis, force)
        right, force = _project(
            None if below is None else np.swapaxes(below, -1, -2),
            right_basis,
            np.swapaxes(force, -1, -2),
        )
        force = np.swapaxes(force, -1, -2)
        anchor = weight - self.weights[k]
        if left_basis is not None:
            anchor = np.swapaxes(left_basis, -1, -2) @ anchor
        if right_basis is not None:
            anchor = anchor @ right_basis

        curvature = left[..., :, None] * right[..., None, :]
        strength = 2.0 * self.nbeta * self.scale
        precision = strength * curvature + self.gamma
        mean = -(strength * force + self.gamma * anchor) / precision
        noise = rng.standard_normal(weight.shape, dtype=np.float64).astype(weight.dtype, copy=False)
        step = mean + noise / np.sqrt(precision)
        added = np.sum(
            curvature * (mean * mean + 1.0 / precision) + 2.0 * force * mean, axis=(-2, -1)
        )
        conditional = self._energy(gap) + self.scale * added
        if left_basis is not None:
            step = left_basis @ step
        if right_basis is not None:
            step = step @ np.swapaxes(right_basis, -1, -2)
        return weight + step, conditional

    def _energy(self, gap: Array) -> Array:
        """Return ``K`` given the whitened ``D``, shape ``(chains, H_L, rank of S)``."""
        image = gap if self._cross is None else gap - 2.0 * self._cross
        total: Array = self.scale * np.einsum("cij,cij->c", gap, image)
        return total

    def _bases(
        self, k: int, above: Array | None, below: Array | None
    ) -> tuple[Array | None, Array | None]:
        """Return eigenbases of ``U^T U`` and of ``V V^T`` (None where the factor is None).

        An eigendecomposition of the small matrix is wrong for eigenvalues below rounding times
        the largest. Where such a direction matters (deep networks, huge ``nbeta``, single
        precision) singular vectors are used instead, at several times the cost.
        """
        eps = float(np.finfo(self.weights[0].dtype).eps)
        sizes = [1.0 if x is None else _largest_square(x) for x in (above, below)]
        careful = 2.0 * self.nbeta * self.scale * eps * sizes[0] * sizes[1] > 1e-2 * self.gamma
        left = None if above is None else _right_vectors(above, careful)
        if k == 0 or below is None:
            return left, self._root_basis
        return left, _right_vectors(np.swapaxes(below, -1, -2), careful)


def _largest_square(matrices: Array) -> float:
    """Return a bound on the largest squared singular value in a batch."""
    return float(np.max(np.sum(matrices * matrices, axis=(-2, -1))))


def _right_vectors(matrices: Array, careful: bool) -> Array:
    """Return a full orthonormal basis of right singular vectors, as columns."""
    if careful:
        return np.swapaxes(np.linalg.svd(matrices, full_matrices=True)[2], -1, -2)
    basis: Array = np.linalg.eigh(np.swapaxes(matrices, -1, -2) @ matrices)[1]
    return basis


def _project(factor: Array | None, basis: Array | None, force: Array) -> tuple[Array, Array]:
    """Return squared singular values of a factor, and ``(factor basis)^T force``."""
    if factor is None or basis is None:
        return np.ones(force.shape[-2], dtype=force.dtype), force
    turned = factor @ basis
    return np.sum(turned * turned, axis=-2), np.swapaxes(turned, -1, -2) @ force
