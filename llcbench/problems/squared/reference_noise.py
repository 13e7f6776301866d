"""Gradients at the reference point, where a squared loss has the label noise for its errors."""

import torch
from torch import Tensor

from llcbench.problems.squared.batches import ChainMoments, Moments, Population, Samples
from llcbench.problems.squared.streams import StreamMoments


def unit_crosses(reference: Tensor) -> ChainMoments:
    """Return a batch for every entry of the cross moment, which is 1 there, and no inputs.

    Args:
        reference: ``M(w_star)``, ``(1, out, in)``.
    """
    _, outputs, inputs = reference.shape
    unit = torch.eye(outputs * inputs, dtype=reference.dtype, device=reference.device)
    cross = unit.view(-1, outputs, inputs)
    return ChainMoments(
        cross.new_zeros(len(unit), inputs, inputs), cross, unit.new_zeros(len(unit))
    )


def cross_moment(
    batch: Population | Moments | StreamMoments | ChainMoments | Samples,
    reference: Tensor,
    scale: float,
) -> Tensor:
    """Return ``scale`` times the mean of ``noise x^T``, ``(chains, out, in)``.

    Args:
        batch: What it is of.
        reference: ``M(w_star)``, for shape and precision where there is no noise.
        scale: Factor of the mean squared error.
    """
    if isinstance(batch, ChainMoments):
        return batch.cross
    if isinstance(batch, Population):
        return torch.zeros_like(reference)
    if not isinstance(batch, Samples):
        return scale * batch.cross.unsqueeze(0)
    if batch.noise is None:
        return reference.new_zeros(len(batch.inputs), *reference.shape[1:])
    return torch.bmm(batch.noise.mT, batch.inputs) * (scale / batch.inputs.shape[1])
