"""Products of weight matrices as a map, batched over chains."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from llcbench.problems.regression import Pullback


@final
@dataclass(frozen=True)
class LinearNetwork:
    """``M(w) = W_L ... W_1`` with ``W_k`` of shape ``(H_k, H_{k-1})``, first layer first in ``w``.

    The loss is quadratic in the product, so no input passes through the layers: with widths below
    the batch size, forming the product costs less than one forward pass.

    Attributes:
        widths: ``(H_0, ..., H_L)``, inputs first.
    """

    widths: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Number of weights."""
        return self._offsets[-1]

    @property
    def outputs(self) -> int:
        """Width of the last layer."""
        return self.widths[-1]

    @property
    def inputs(self) -> int:
        """Width of the input."""
        return self.widths[0]

    def layers(self, theta: Tensor) -> list[Tensor]:
        """Return the weight matrices as views, each ``(chains, H_k, H_{k-1})``."""
        shapes = [(rows, columns) for columns, rows in pairwise(self.widths)]
        return [
            theta[:, start:stop].view(theta.shape[0], *shape)
            for (start, stop), shape in zip(pairwise(self._offsets), shapes, strict=True)
        ]

    def value(self, theta: Tensor) -> Tensor:
        """Return the product, ``(chains, H_L, H_0)``."""
        first, *rest = self.layers(theta)
        for layer in rest:
            first = torch.bmm(layer, first)
        return first

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return the product and the map from ``dL/dM`` to the gradient in all weights.

        ``dL/dW_k = (W_L ... W_{k+1})^T G (W_{k-1} ... W_1)^T``, from partial products that are each
        formed once.
        """
        layers = self.layers(theta)
        below = [layers[0]]
        for layer in layers[1:]:
            below.append(torch.bmm(layer, below[-1]))

        def pullback(grad: Tensor) -> Tensor:
            out = torch.empty_like(theta)
            slots = self.layers(out)
            for k in range(len(layers) - 1, 0, -1):
                slots[k].copy_(torch.bmm(grad, below[k - 1].mT))
                grad = torch.bmm(layers[k].mT, grad)
            slots[0].copy_(grad)
            return out

        return below[-1], pullback

    @cached_property
    def _offsets(self) -> tuple[int, ...]:
        """Return where each layer starts in the flat vector, with the end last."""
        offsets = [0]
        for columns, rows in pairwise(self.widths):
            offsets.append(offsets[-1] + rows * columns)
        return tuple(offsets)
