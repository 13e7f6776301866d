"""What a gradient costs, in floating point operations: counted, not timed."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from llcbench.sampling.surroundings import neutral

# Samples that are counted together: some modules fail on a single one.
COUNTED = 4
# The backward pass makes two products for each one of the forward pass.
PASSES = 3
# Least per weight and pass: recurrent layers run in kernels that nobody counts.
PER_WEIGHT = 2


def flops_of(module: nn.Module, losses: Callable[[Tensor], Tensor], numbers: Tensor) -> float:
    """Return the floating point operations of loss and gradient on one sample.

    Three times those of the matrix products and convolutions of the forward pass, and at least
    those of a network that uses each weight once. A count is the same on every machine, where a
    choice by seconds would give other numbers each time.

    Args:
        module: The network.
        losses: From numbers of samples to their losses.
        numbers: Some samples.

    Raises:
        OwnCodeError: If the module or the loss fails.
    """
    with neutral(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        losses(numbers)
    weights = sum(weight.numel() for weight in module.parameters())
    counted = PASSES * counter.get_total_flops() / len(numbers)
    return float(max(counted, PASSES * PER_WEIGHT * weights))
