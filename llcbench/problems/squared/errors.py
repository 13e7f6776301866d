"""Excess losses and residuals of minibatches, from the errors in their outputs."""

import torch
from torch import Tensor

# From this length on an inner product is worth an operation of its own.
LONG = 2**13


def excess(error: Tensor, noise: Tensor | None, scale: float) -> Tensor:
    """Return ``scale * mean (D x) . (D x - 2 noise)``, ``(chains,)``.

    Args:
        error: ``D x`` with ``D = M(w) - M(w_star)``, ``(chains, batch, out)``.
        noise: Noise of the labels, likewise; None where there is none.
        scale: Factor of the mean squared error.
    """
    squares = _products(error, error)
    if noise is not None:
        squares = squares - 2 * _products(error, noise)
    return (scale / error.shape[1]) * squares


def excess_and_residual(error: Tensor, noise: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """Return the `excess` and ``D x - noise``, which is written over the errors."""
    if noise is None or error[0].numel() < LONG:
        loss = excess(error, noise, scale)
        return loss, error if noise is None else error.sub_(noise)
    # Chain by chain, as long as its errors are in the cache; a view, for in a copy they would stay
    # as they are.
    squares = []
    for one, own in zip(error.view(len(error), -1), noise.flatten(1), strict=True):
        squares.append(torch.dot(one, one).sub_(torch.dot(one, own), alpha=2))
        one.sub_(own)
    return torch.stack(squares).mul_(scale / error.shape[1]), error


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner products of the rows of two arrays, ``(chains,)``."""
    if a[0].numel() < LONG:
        return (a * b).flatten(1).sum(1)
    # Nothing is written: twice as fast as a product and its sum, and their memory is not needed.
    pairs = zip(a.flatten(1), b.flatten(1), strict=True)
    return torch.stack([torch.dot(x, y) for x, y in pairs])
