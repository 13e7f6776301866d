"""Moves along the fibre of a linear network: the product stays, the factors change.

An invertible ``G`` acting on a hidden space, ``W_k -> G W_k`` and ``W_{k+1} -> W_{k+1} G^-1``,
leaves the network's map and so its loss unchanged. Layer-wise Gibbs sampling creeps along such an
orbit in steps of ``1/sqrt(nbeta)`` and never crosses to another component of it (a sign flip of a
hidden unit); these moves see the localisation only and take steps of its size. They are
generalised Gibbs moves: a draw from the target restricted to the orbit of a group, weighted by
the Jacobian of its action and the invariant measure of the group.

Source:
    J. S. Liu and C. Sabatti, Generalised Gibbs sampler and multigrid Monte Carlo for Bayesian
    computation, Biometrika 87 (2000), 353-369.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


def fibre_move(
    first: Array,
    second: Array,
    first_star: Array,
    second_star: Array,
    gamma: float,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Move two consecutive layers along their fibre.

    The stationary density is ``exp(-gamma/2 (|W - W*|^2 + |V - V*|^2))`` times any function of
    the product ``V W``. The hidden space is rotated by an orthogonal matrix that does not depend
    on the state; in these coordinates every hidden unit is scaled (and its sign changed), and
    then one half of the units is sheared by the other.

    Args:
        first: ``W``, shape ``(chains, hidden, inputs)``.
        second: ``V``, shape ``(chains, outputs, hidden)``.
        first_star: ``W*``, shape ``(hidden, inputs)``.
        second_star: ``V*``, shape ``(outputs, hidden)``.
        gamma: localisation, positive.
        rng: source of randomness.

    Returns:
        The new pair. Its product is the same up to rounding.
    """
    basis = _basis(first_star, second_star, rng)
    w: Array = basis.T @ first
    v: Array = second @ basis
    w_star, v_star = basis.T @ first_star, second_star @ basis
    w, v = _scale(w, v, w_star, v_star, gamma, rng)
    if w_star.shape[0] > 1:
        w, v = _shear(w, v, w_star, v_star, gamma, rng)
    return basis @ w, v @ basis.T


def _basis(first_star: Array, second_star: Array, rng: np.random.Generator) -> Array:
    """Return a random orthogonal matrix, or the principal axes of the reference weights.

    The axes are where the reference is weakest, so that a change of sign is cheapest.
    """
    hidden = first_star.shape[0]
    if rng.random() < 0.5:
        _, basis = np.linalg.eigh(first_star @ first_star.T + second_star.T @ second_star)
        basis = basis[:, rng.permutation(hidden)]
    else:
        basis, _ = np.linalg.qr(rng.standard_normal((hidden, hidden)))
    turned: Array = basis.astype(first_star.dtype, copy=False)
    return turned


def _scale(
    w: Array, v: Array, w_star: Array, v_star: Array, gamma: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Scale every hidden unit by ``c`` and its outgoing weights by ``1/c``, by Metropolis.

    Proposals ``c = +-exp(N(0, sigma^2))`` are symmetric under inversion, as the invariant measure
    ``dc/|c|`` is; the Jacobian is ``|c|^(inputs - outputs)``. Units are independent here.
    """
    chains, hidden, inputs = w.shape
    shape = (chains, hidden)
    sigma = 0.05 * 40.0 ** rng.random(shape)
    log_c = sigma * rng.standard_normal(shape)
    sign = np.where(rng.random(shape) < 0.25, -1.0, 1.0)
    c = (sign * np.exp(log_c)).astype(w.dtype, copy=False)
    ww, wr = np.einsum("chi,chi->ch", w, w), np.einsum("chi,hi->ch", w, w_star)
    vv, vr = np.einsum("coh,coh->ch", v, v), np.einsum("coh,oh->ch", v, v_star)
    change = 0.5 * (c * c - 1.0) * ww - (c - 1.0) * wr
    change = change + 0.5 * (1.0 / (c * c) - 1.0) * vv - (1.0 / c - 1.0) * vr
    log_ratio = (inputs - v.shape[1]) * log_c - gamma * change
    accept = np.log1p(-rng.random(shape)) < log_ratio
    c = np.where(accept, c, np.ones_like(c))
    return w * c[:, :, None], v / c[:, None, :]


def _shear(
    w: Array, v: Array, w_star: Array, v_star: Array, gamma: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Add ``A`` times one half of the units to the other, with ``A`` drawn exactly.

    ``W_p -> W_p + A W_q`` and ``V_q -> V_q - V_p A`` preserve volume and form a commutative group,
    on which the localisation is Gaussian with precision ``gamma (V_p^T V_p (x) I + I (x) W_q
    W_q^T)``: diagonal in the eigenbases of two small matrices.
    """
    half = w.shape[1] // 2
    w_p, w_q, v_p, v_q = w[:, :half], w[:, half:], v[:, :, :half], v[:, :, half:]
    v_pt, w_qt = np.swapaxes(v_p, -1, -2), np.swapaxes(w_q, -1, -2)
    a, a_basis = np.linalg.eigh(v_pt @ v_p)
    b, b_basis = np.linalg.eigh(w_q @ w_qt)
    pull = (w_p - w_star[:half]) @ w_qt - v_pt @ (v_q - v_star[:, half:])
    pull = np.swapaxes(a_basis, -1, -2) @ pull @ b_basis
    weight = np.maximum(a, 0)[:, :, None] + np.maximum(b, 0)[:, None, :]
    # Where neither factor sees a direction, moving it changes nothing but rounding errors. The
    # test looks at parts that the move leaves alone, so it does not disturb the target.
    floor = np.sqrt(np.finfo(w.dtype).eps) * 1e-2 * weight.max(axis=(1, 2), keepdims=True)
    seen = weight > floor
    weight = np.where(seen, weight, np.ones_like(weight))
    noise = rng.standard_normal(weight.shape).astype(w.dtype, copy=False)
    draw = np.where(seen, noise / np.sqrt(gamma * weight) - pull / weight, np.zeros_like(weight))
    shear = a_basis @ draw @ np.swapaxes(b_basis, -1, -2)
    return (
        np.concatenate([w_p + shear @ w_q, w_q], axis=1),
        np.concatenate([v_p, v_q - v_p @ shear], axis=2),
    )
