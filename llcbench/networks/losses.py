"""Losses with one number per sample: what training averages and what an estimator needs."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def class_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross entropies of logits ``(batch, classes)`` with labels ``(batch,)``."""
    return cross_entropy(outputs, targets, reduction="none")


def token_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy over the tokens of every sequence, ``(batch,)``.

    Args:
        outputs: Logits ``(batch, context, tokens)``.
        targets: Next tokens, ``(batch, context)``.
    """
    return cross_entropy(outputs.transpose(1, 2), targets, reduction="none").mean(1)


def squared_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared distances of outputs and targets, summed over the outputs, ``(batch,)``.

    Raises:
        ValueError: If they differ in shape, which would be broadcast in silence.
    """
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} differ in shape:"
            " give targets one axis for the outputs"
        )
    return (outputs - targets).square().flatten(1).sum(1)


def shares_wrong(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of wrong predictions in every sample, ``(batch,)``.

    Args:
        outputs: Logits, classes or tokens along the last axis.
        targets: Labels ``(batch,)``, or next tokens ``(batch, context)``.
    """
    return (outputs.argmax(-1) != targets).double().view(len(targets), -1).mean(1)
