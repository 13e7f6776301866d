"""Calls of the caller's module and loss: what they raise becomes one line with the way out."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

LONGEST = 200

_PRECISION = (
    "give inputs, targets and constants in the precision of the module, for example inputs.float(),"
    " and class labels as whole numbers, targets.long()"
)
_RANGE = "labels lie in 0 ... classes - 1, and numbers of tokens below the size of the embedding"
_AXES = "samples are along the first axis; compare the other axes with what the module expects"
_ONE = (
    "the module is called with the inputs: a tensor, several in a tuple, or by name in a dict; data"
    " without targets are one dict"
)
_PADDED = "give a DataLoader with a collate function that pads samples to one length"
_CHECKPOINTS = "switch checkpointing of activations off: it runs the module again at other weights"
_DEVICES = (
    "make constants of module and loss where their inputs are, with device=inputs.device, or"
    " register them as buffers"
)
_WAYS_OUT = (
    (r"same device|at least two devices|[Dd]evice type", _DEVICES),
    (r"takes? .*positional|missing .*argument|unexpected keyword", _ONE),
    (r"does not require grad", "the loss must be differentiable in the parameters"),
    (r"[Cc]heckpoint", _CHECKPOINTS),
    (r"stack expects each tensor to be equal size", _PADDED),
    (r"out of (bounds|range)|device-side assert", _RANGE),
    (r"same dtype|scalar type|[Dd]type|[Ff]ound (Float|Double|Half|Long)|_cpu.* not implemented|"
     r"to be of type|type .* should be the same|to have one of the following", _PRECISION),
    (r"shape|size|dimension|[Ee]xpected .*D |channels|must match", _AXES),
    (r"has no attribute|object is not|indices must be|unsupported operand|must be Tensor",
     "the loss is called with what the module returns and the targets, in this order"),
)  # fmt: skip


class OwnCodeError(ValueError):
    """The caller's module or loss raised an exception, or returned what it must not."""


@contextmanager
def explained(what: str, hint: str = "") -> Iterator[None]:
    """Turn an exception of the caller's code into one line.

    Args:
        what: What failed, such as ``the module on inputs (4, 3)``.
        hint: Ends the message; None of the usual ways out is guessed then.

    Raises:
        OwnCodeError: If the body raises anything but an error of memory.
    """
    try:
        yield
    except (OwnCodeError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # code of the caller's may raise anything
        text = first_line(error)
        way_out = hint or _way_out(f"{type(error).__name__}: {error}")
        raise OwnCodeError(f"{what}: {text}" + (f"; {way_out}" if way_out else "")) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error with its kind, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join((lines[0] if lines else "no message").split())
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return text if type(error) is RuntimeError else f"{type(error).__name__}: {text}"


def described(value: Any) -> str:
    """Return kind and shape of a value in a few words."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} in {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {described(part)}" for key, part in value.items())
    if type(value) in (tuple, list):
        return " and ".join(map(described, value))
    return type(value).__name__


def _way_out(text: str) -> str:
    return next((way for pattern, way in _WAYS_OUT if re.search(pattern, text)), "")
