"""Multilayer perceptrons."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn


@final
class MLP(nn.Module):
    """Dense layers with ReLU between them: ``f(x) = A_L relu(... relu(A_1 x))``, ``A`` affine.

    Inputs of any shape are flattened. Widths ``h`` give ``sum (h_{l-1} + 1) h_l`` parameters.

    Attributes:
        layers: The dense layers with the activations between them.
    """

    def __init__(self, inputs: int, widths: Sequence[int], outputs: int) -> None:
        """Build the layers.

        Args:
            inputs: Numbers of one input.
            widths: Of the hidden layers; none makes a linear model.
            outputs: Classes, or numbers of one output.

        Raises:
            ValueError: If a width is not positive.
        """
        super().__init__()
        if any(width < 1 for width in (inputs, *widths, outputs)):
            raise ValueError(f"mlp: widths must be positive, got {(inputs, *widths, outputs)}")
        self.layers = nn.Sequential()
        for below, above in pairwise((inputs, *widths, outputs)):
            if len(self.layers):
                self.layers.append(nn.ReLU())
            self.layers.append(nn.Linear(below, above))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs before any softmax, ``(batch, outputs)``."""
        outputs: Tensor = self.layers(inputs.flatten(1))
        return outputs
