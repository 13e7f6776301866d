"""Effective dimension of the Gauss-Newton matrix of a linear network, up to 100 million weights."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.checks import require_positive
from theory.linear_networks.density import checked_layers
from theory.linear_networks.thin_products import (
    Array,
    Thin,
    between,
    extended,
    outside,
    squared_size,
)
from theory.linear_networks.whitening import checked_matrix, whitened
from theory.tempered.gaussian import regular
from theory.tempered.lanczos_bounds import Sides, quadratic_form
from theory.tempered.result import Tempered

_EXACT = 1200  # entries of the product up to which the output-side matrix is diagonalised
_MOST_STEPS = 300


class Term(NamedTuple):
    """What a layer adds to the output-side matrix: ``G -> A A^T G B B^T``; None is the identity.

    Attributes:
        above: A, ``(H_L, rank)``.
        below: B, ``(rank of S, rank)``.
    """

    above: Array | None
    below: Array | None


def gauss_newton_dimension(
    weights: Sequence[Array],
    nbeta: float,
    gamma: float,
    scale: float = 0.5,
    *,
    second_moment: ArrayLike | None = None,
    probes: int = 1,
    rtol: float = 2e-3,
    seed: int = 0,
) -> Tempered:
    """Return ``1/2 tr H (H + gamma)^-1``, ``H = 2 nbeta scale J^T J`` at the weights.

    J is the Jacobian of the whitened map ``W_L ... W_1 S^(1/2)``. On the output side ``J J^T``
    takes a matrix G to ``sum_k U_k U_k^T G V_k^T V_k`` with the products above and below layer k;
    it has the same positive eigenvalues and no array of the parameters' size. Products of up to
    1200 entries: all eigenvalues. Larger ones: stochastic Lanczos quadrature, with Rademacher
    probes and both Gauss bounds.

    This is the mean energy of the tempered density with the map replaced by its linearisation at
    ``w*``. It is the leading order of the tempered value where the fibre is smooth at ``w*`` (every
    hidden node has an injective layer before it or a surjective one after it, once the rank of the
    product is split off: `theory.families.rank_array.collapse` then leaves a single layer) and
    the localisation holds the chain where the map is linear. At other points the tempered value
    has a further part, from directions along which the loss starts at fourth order.

    Args:
        weights: first layer first, ``(H_k, H_{k-1})``; their dtype is that of the work.
        nbeta: inverse temperature, positive.
        gamma: localisation, positive.
        scale: positive factor of the loss.
        second_moment: ``S``, ``(H_0, H_0)``; None is the identity.
        probes: random vectors; one has a relative error below ``1/sqrt(value)``.
        rtol: relative distance of the Gauss bounds at which a probe ends.
        seed: of the probes.

    Returns:
        The value; the standard error is that of the probes joined with half the distance of the
        bounds. Certified if the bounds met.

    Raises:
        ValueError: if a parameter is out of range or shapes do not match.

    Source: MacKay 1992 (effective number of parameters); Ubaru, Chen and Saad 2017 (quadrature).
    """
    for name, value in (("nbeta", nbeta), ("gamma", gamma), ("scale", scale), ("rtol", rtol)):
        require_positive(name, value)
    if probes < 1:
        raise ValueError(f"probes = {probes!r} is not allowed: give a whole number >= 1")
    layers = checked_layers(weights)
    inputs = layers[0].shape[1]
    root = whitened(checked_matrix("second_moment", second_moment, (inputs, inputs)), None)[0]
    start = None if root is None else Thin(root.T.astype(layers[0].dtype), None)
    terms = _terms(layers, start)
    shape = (layers[-1].shape[0], inputs if root is None else root.shape[1])
    strength = 2.0 * nbeta * scale
    if math.prod(shape) <= _EXACT:
        values = np.linalg.eigvalsh(_dense(terms, shape))
        return regular(np.maximum(values, 0.0) * strength, 1.0, gamma)
    rng = np.random.default_rng(seed)
    sides = [_probe(terms, shape, strength, gamma, rtol, rng) for _ in range(probes)]
    return _summary(sides, math.prod(shape), rtol)


def local_gamma(weights: Sequence[Array], share: float = 0.5) -> float:
    """Return a localisation at which the posterior of a linear network stays local.

    Formula: ``gamma = sum_k H_k H_{k-1} / |W_k|^2 / share``. A direction that the data do not see
    has standard deviation ``gamma^(-1/2)`` a weight. Noise of that size in layer k changes the
    product by ``H_k H_{k-1} / (gamma |W_k|^2)`` of its mean square where the other layers are
    isotropic; to leading order the layers add, and ``share`` bounds the sum. Above it powers of
    the noise dominate: at gamma 1 and widths of a thousand the noise of one layer is tens of times
    as large as its weights. How much the data constrain at this gamma is another
    question, which `gauss_newton_dimension` answers.

    Args:
        weights: first layer first; at least one layer and none of them zero.
        share: bound, positive.

    Raises:
        ValueError: if a layer is zero, so that no localisation is tight enough.
    """
    require_positive("share", share)
    layers = checked_layers(weights)
    sizes = [float(np.vdot(layer, layer)) for layer in layers]
    if min(sizes) == 0.0:
        raise ValueError(f"weights[{sizes.index(0.0)}] is zero: give gamma yourself")
    total = sum(layer.size / size for layer, size in zip(layers, sizes, strict=True))
    return total / share


def _terms(layers: Sequence[Array], start: Thin | None) -> list[Term]:
    """Return the outer factors of the products above and below every layer."""
    above: list[Thin | None] = [None] * len(layers)
    for k in range(len(layers) - 1, 0, -1):
        above[k - 1] = extended(above[k], layers[k].T)
    terms, below = [], start
    for upper, layer in zip(above, layers, strict=True):
        terms.append(Term(_outer(upper), _outer(below)))
        below = extended(below, layer)
    return terms


def _outer(product: Thin | None) -> Array | None:
    """Return F with ``F F^T = product product^T``, without directions that are rounding."""
    if product is None:
        return None
    gram = product.outer.astype(np.float64)
    values, basis = np.linalg.eigh(gram.T @ gram)
    eps = float(np.finfo(product.outer.dtype).eps)
    kept = values > max(eps * eps * max(product.outer.shape), 1e-15) * squared_size(product)
    factor: Array = product.outer @ basis[:, kept].astype(product.outer.dtype)
    return factor


def _dense(terms: Sequence[Term], shape: tuple[int, int]) -> Array:
    """Return ``J J^T`` as a matrix on the entries of the product."""
    eyes = [np.eye(size) for size in shape]
    total = np.zeros((math.prod(shape),) * 2)
    for above, below in terms:
        left, right = (
            eye if factor is None else factor.astype(np.float64) @ factor.T
            for eye, factor in zip(eyes, (above, below), strict=True)
        )
        total += np.kron(left, right)
    return total


def _probe(
    terms: Sequence[Term],
    shape: tuple[int, int],
    strength: float,
    gamma: float,
    rtol: float,
    rng: np.random.Generator,
) -> Sides:
    """Bound the quadratic form of one random vector of signs."""
    dtype = next(f.dtype for term in terms for f in term if f is not None)

    def multiply(matrix: Array) -> Array:
        total = np.zeros_like(matrix)
        for above, below in terms:
            total += outside(above, between(above, matrix, below), below)
        total *= dtype.type(strength)
        return total

    signs = rng.integers(0, 2, size=shape, dtype=np.int8).astype(dtype) * 2 - 1
    return quadratic_form(multiply, signs, gamma, rtol, _MOST_STEPS)


def _summary(sides: Sequence[Sides], size: int, rtol: float) -> Tempered:
    """Return the mean over probes with its error.

    The variance of a Rademacher probe of M is at most ``2 tr M^2``, which is estimated as well.
    """
    half = 0.5 * size
    middle = half * float(np.mean([(s.lower + s.upper) / 2 for s in sides]))
    bracket = half * max(s.upper - s.lower for s in sides) / 2
    noise = math.sqrt(half * float(np.mean([s.square for s in sides])) / len(sides))
    return Tempered(
        value=middle,
        stderr=math.hypot(noise, bracket),
        method="stochastic Lanczos quadrature",
        certified=all(s.upper - s.lower <= rtol * s.upper for s in sides),
        details={
            "probes": float(len(sides)),
            "steps": float(max(s.steps for s in sides)),
            "bracket": bracket,
        },
    )
