"""Scalars that a step knows anyway, and from which bias and stationarity are measured."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from llcbench.sampling import loss_abilities
from llcbench.types import LayerGradient, LayerwiseGradient, Loss, VirialMoments

# Numbers that are reduced together: they stay in the cache.
BLOCK = 2**17


class BatchPair(NamedTuple):
    """What two independent batches of one size say at one place, ``(chains,)`` each.

    Attributes:
        first: Excess loss on the one.
        second: On the other.
        noise: Variance of the gradient on a batch, summed over coordinates.
    """

    first: Tensor
    second: Tensor
    noise: Tensor


def moments(theta: Tensor, star: Tensor, grad: Tensor, loss: Tensor) -> VirialMoments:
    """Return the moments of all chains, in blocks and without a copy of the parameters.

    Three operations in a small step; all conversions wait for the end of the run.

    Args:
        theta: Parameters, ``(chains, dim)``.
        star: Reference point, ``(dim,)``.
        grad: Gradient of the loss, ``(chains, dim)``.
        loss: Excess loss, ``(chains,)``.
    """
    columns = max(BLOCK // theta.shape[0], 1)
    if theta.shape[1] <= columns:
        return VirialMoments(loss, _gram(theta - star, grad))
    parts = zip(
        torch.split(theta, columns, 1),
        torch.split(star, columns),
        torch.split(grad, columns, 1),
        strict=True,
    )
    grams = (_gram(rows - point, slope).double() for rows, point, slope in parts)
    return VirialMoments(loss, sum(grams, _none(theta)))


class LayerMoments:
    """Sums over the layers of a gradient that is handed out layer by layer."""

    def __init__(self, theta: Tensor, star: Tensor) -> None:
        """Start with nothing summed."""
        self._theta, self._star, self._gram = theta, star, _none(theta)

    def add(self, gradient: LayerGradient) -> None:
        """Add a layer before it moves; rows of its gradient are formed a block at a time."""
        slopes, inputs = gradient.slopes, gradient.inputs
        width = inputs.shape[2]
        rows = max(BLOCK // (width * len(slopes)), 1)
        for low in range(0, slopes.shape[1], rows):
            part = torch.bmm(slopes[:, low : low + rows], inputs).mul_(gradient.weight).flatten(1)
            start = gradient.start + low * width
            columns = slice(start, start + part.shape[1])
            self._gram += _gram(self._theta[:, columns] - self._star[columns], part).double()

    def total(self, loss: Tensor) -> VirialMoments:
        """Return the moments once every layer has been added."""
        return VirialMoments(loss, self._gram)


def gradient_noise(loss: Loss, theta: Tensor, one: Any, two: Any) -> BatchPair:
    """Return what two independent batches of one size say about their gradients.

    ``|g_1 - g_2|^2 / 2`` has the variance of either as its mean. Where the gradient can be had
    layer by layer none is formed: with ``g = c sum_i s_i x_i^T`` over samples,
    ``g_1 . g_2 = c_1 c_2 sum_ij (s_i . s_j) (x_i . x_j)``.

    Args:
        loss: The loss.
        theta: Parameters, ``(chains, dim)``.
        one: A batch.
        two: Another.
    """
    visited = loss_abilities.layerwise(loss)
    if visited is None or min(visited.num_parts(one), visited.num_parts(two)) == 0:
        first, grad = loss.excess_and_grad(theta, one)
        second, other = loss.excess_and_grad(theta, two)
        return BatchPair(first, second, _square(grad.sub_(other)) / 2)
    (first, ones), (second, twos) = (_factors(visited, theta, batch) for batch in (one, two))
    noise = sum(
        (_dot(g, g) + _dot(h, h) - 2 * _dot(g, h) for g, h in zip(ones, twos, strict=True)),
        torch.zeros(len(theta), dtype=torch.float64, device=theta.device),
    )
    return BatchPair(first, second, noise / 2)


def _factors(
    loss: LayerwiseGradient, theta: Tensor, batch: Any
) -> tuple[Tensor, list[LayerGradient]]:
    """Return the excess and the factors of the gradient in every layer."""
    layers: list[LayerGradient] = []

    def keep(gradient: LayerGradient) -> None:
        # Their memory may be written over by the next layer or call.
        slopes, inputs = gradient.slopes.clone(), gradient.inputs.clone()
        layers.append(gradient._replace(slopes=slopes, inputs=inputs))

    return loss.excess_and_visit(theta, batch, keep), layers


def _dot(one: LayerGradient, two: LayerGradient) -> Tensor:
    """Return the product of two gradients of a layer, ``(chains,)``."""
    slopes = torch.bmm(one.slopes.mT, two.slopes).double()
    inputs = torch.bmm(one.inputs, two.inputs.mT).double()
    return (slopes * inputs).sum((1, 2)) * (one.weight * two.weight)


def distance(theta: Tensor, star: Tensor) -> Tensor:
    """Return ``|r|^2``, ``(chains,)`` in double precision, without a copy of the parameters."""
    columns = max(BLOCK // theta.shape[0], 1)
    pairs = zip(torch.split(theta, columns, 1), torch.split(star, columns), strict=True)
    return torch.stack([_square(rows - point) for rows, point in pairs]).sum(0)


def _square(rows: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(rows, dim=1).double()
    return length.square()


def _gram(offset: Tensor, grad: Tensor) -> Tensor:
    """Return all products of the two, ``(chains, 2, 2)``."""
    both = torch.stack([offset, grad], 1)
    return torch.bmm(both, both.mT)


def _none(like: Tensor) -> Tensor:
    return torch.zeros(like.shape[0], 2, 2, dtype=torch.float64, device=like.device)
