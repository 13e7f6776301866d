"""Products of weight matrices as a map, batched over chains."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from llcbench.problems.passes import ProductPass

Pullback = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True)
class LinearNetwork:
    """``M(w) = W_L ... W_1`` with ``W_k`` of shape ``(H_k, H_{k-1})``, first layer first in ``w``.

    The loss is quadratic in the product, so no input has to pass through the layers: with widths
    below the batch size, forming the product costs less than one forward pass. With widths above
    it, `through_layers` says that the samples are to be sent.

    Attributes:
        widths: ``(H_0, ..., H_L)``, inputs first.
    """

    widths: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Number of weights."""
        return self.offsets[-1]

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
            for (start, stop), shape in zip(pairwise(self.offsets), shapes, strict=True)
        ]

    def value(self, theta: Tensor) -> Tensor:
        """Return the product, ``(chains, H_L, H_0)``."""
        first, *rest = self.layers(theta)
        for layer in rest:
            first = torch.bmm(layer, first)
        return first

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return the product and the map from ``dL/dM`` to the gradient in all weights."""
        route = ProductPass(self, theta, torch.empty_like(theta))
        value = route.forward()

        def pullback(slope: Tensor) -> Tensor:
            route.backward(slope)
            return route.out

        return value, pullback

    def errors(self, theta: Tensor, inputs: Tensor, reference: Tensor) -> Tensor:
        """Return ``M(w) x - P x`` with every x sent through the layers, ``(chains, batch, H_L)``.

        ``inputs`` are ``(chains, batch, H_0)``, ``reference`` is P, ``(1, H_L, H_0)``.
        """
        passed = inputs
        for layer in self.layers(theta):
            passed = torch.bmm(passed, layer.mT)
        return passed - inputs @ reference.mT

    @lru_cache(maxsize=64)  # noqa: B019 - networks are small, frozen and few
    def through_layers(self, batch_size: int) -> bool:
        """Tell whether sending the samples through the layers takes no more operations.

        Halved counts, with ``d`` the weights and ``d_1`` those of the first layer:
        ``B (3 d - d_1)`` for the samples, beside true outputs that are known, and
        ``3 H_0 (d - d_1) + 2 B H_0 H_L`` for the product.
        """
        first = self.offsets[1]
        formed = 3 * self.widths[0] * (self.dim - first)
        ends = 2 * batch_size * self.widths[0] * self.widths[-1]
        return batch_size * (3 * self.dim - first) <= formed + ends

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Return where each layer starts in the flat vector, with the end last."""
        offsets = [0]
        for columns, rows in pairwise(self.widths):
            offsets.append(offsets[-1] + rows * columns)
        return tuple(offsets)
