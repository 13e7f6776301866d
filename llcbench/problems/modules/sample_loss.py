"""Losses of single samples, by the caller's function."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from llcbench.problems.modules.data import size_of
from llcbench.problems.modules.intake import copied
from llcbench.problems.modules.user_code import OwnCodeError, described, explained

LossFunction = Callable[[Any, Any], Tensor]


def per_sample(loss: LossFunction, outputs: Any, targets: Any, count: int | None = None) -> Tensor:
    """Return one loss per sample.

    Args:
        loss: From outputs and targets to losses.
        outputs: What the module returns.
        targets: What they are compared with.
        count: Number of samples; None for that of the targets.

    Raises:
        ValueError: If the function raises or returns anything else.
    """
    shown = f"{described(outputs)} and targets {described(targets)}"
    with explained(f"per_sample_loss on outputs {shown}"):
        losses = loss(outputs, targets)
    if not isinstance(losses, Tensor):
        raise OwnCodeError(
            f"per_sample_loss returned {described(losses)}: it must be a tensor with one number per"
            " sample"
        )
    count = size_of(targets) if count is None else count
    if losses.shape != (count,):
        raise OwnCodeError(
            f"per_sample_loss returned the shape {tuple(losses.shape)} for {count} samples:"
            " it must be one number per sample, so ask for reduction='none' (and average over"
            " tokens yourself)"
        )
    if not losses.is_floating_point():
        raise OwnCodeError(
            f"per_sample_loss returned {described(losses)}: it must be real and differentiable,"
            " such as a cross entropy; the share of errors is no loss"
        )
    return losses


def moved_to(loss: LossFunction, device: str) -> LossFunction:
    """Return a loss whose constants are on a device, where they can be reached."""
    if not isinstance(loss, nn.Module):
        return loss
    twin: LossFunction = copied(loss).to(device)
    return twin


def widened(value: Any) -> Any:
    """Return tensors in single precision as ones in double, inside of tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(widened, value))
    if type(value) in (tuple, list):
        return type(value)(map(widened, value))
    if type(value) is dict:
        return {key: widened(part) for key, part in value.items()}
    return value
