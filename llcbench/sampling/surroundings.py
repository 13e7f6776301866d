"""Modes of torch that belong to the caller and must not change a number."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def neutral() -> Iterator[None]:
    """Suspend inference mode, autocast and a default device other than the CPU.

    Whether gradients are recorded is left as it is: whoever needs them asks for them. The default
    precision is left too, since it is one for all threads; nothing here depends on it.
    """
    with ExitStack() as modes:
        if torch.is_inference_mode_enabled():
            modes.enter_context(torch.inference_mode(False))
            modes.enter_context(torch.no_grad())
        if torch.is_autocast_enabled("cpu"):
            modes.enter_context(torch.autocast("cpu", enabled=False))
        if torch.get_default_device().type != "cpu":
            # A mode that looks at every call of torch: entered only where it is needed.
            modes.enter_context(torch.device("cpu"))
        yield
