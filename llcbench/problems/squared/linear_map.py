"""Products of weight matrices as a map, batched over chains, and the passes through them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from llcbench.types import LayerForm, LayerGradient, Visit

# Chains of at most so many weights are written layer by layer and joined.
SMALL = 2**16

Pullback = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True)
class LinearNetwork:
    """``M(w) = W_L ... W_1`` with ``W_k`` of shape ``(H_k, H_{k-1})``, first layer first in ``w``.

    The loss is quadratic in the product, so no input has to pass through the layers: with widths
    below the batch size, forming the product costs less than one forward pass. With widths above
    it, `through_layers` returns True: the samples should be sent.

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

    def form(self) -> LayerForm:
        """Return the widths."""
        return LayerForm(self.widths)

    def layers(self, theta: Tensor) -> list[Tensor]:
        """Return the weight matrices as views, each ``(chains, H_k, H_{k-1})``."""
        return self.form().layers(theta)

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
        """Return whether sending the samples through the layers takes no more operations.

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


@final
class ProductPass:
    """The product and its pullback, with reusable buffers and views.

    ``dL/dW_k = (W_L ... W_{k+1})^T G (W_{k-1} ... W_1)^T``, from partial products that are each
    formed once.
    """

    def __init__(self, network: LinearNetwork, theta: Tensor, out: Tensor) -> None:
        """Prepare for parameters ``(chains, dim)`` and a gradient of the same shape."""
        self.theta, self.out = theta, out
        self._layers = network.layers(theta)
        self._slots, self._joined = _slots(network, out)
        self._below = [self._layers[0], *(_column(layer, network) for layer in self._layers[1:])]
        self._slopes = [torch.empty_like(product) for product in self._below[1:-1]]
        self._reference = self._star = out
        self._layers_t = [layer.mT for layer in self._layers]
        self._below_t = [product.mT for product in self._below]

    def forward(self) -> Tensor:
        """Return the product, ``(chains, H_L, H_0)``; the next call overwrites it."""
        self._partial()
        if len(self._below) > 1:
            torch.bmm(self._layers[-1], self._below[-2], out=self._below[-1])
        return self._below[-1]

    def difference(self, reference: Tensor) -> Tensor:
        """Return the product minus a reference ``(1, H_L, H_0)``; the next call overwrites it."""
        if len(self._below) == 1:
            return self._below[0] - reference
        self._partial()
        whole, last = self._below[-1], self._layers[-1]
        if self._reference is not reference:
            self._reference, self._star = reference, reference.expand_as(whole)
        return torch.baddbmm(self._star, last, self._below[-2], beta=-1, out=whole)

    def _partial(self) -> None:
        """Form the products of all layers but the last."""
        below = self._below
        for k in range(1, len(below) - 1):
            torch.bmm(self._layers[k], below[k - 1], out=below[k])

    def backward(self, slope: Tensor) -> None:
        """Write the gradient in all weights for ``dL/dM``, ``(chains, H_L, H_0)``."""
        for k in range(len(self._layers) - 1, 0, -1):
            torch.bmm(slope, self._below_t[k - 1], out=self._slots[k])
            lower = self._slopes[k - 2] if k > 1 else self._slots[0]
            slope = torch.bmm(self._layers_t[k], slope, out=lower)
        if len(self._layers) == 1:
            self._slots[0].copy_(slope)
        if self._joined:
            torch.cat(self._joined, dim=1, out=self.out)


@final
class LayerPass:
    """Forward and backward passes of samples through the layers, with reusable buffers.

    ``a_k = a_{k-1} W_k^T``; ``dL/dW_k = g_k^T a_{k-1}`` with ``g_{k-1} = g_k W_k``. In the backward
    pass ``g_k`` overwrites ``a_k``, which is no longer needed.
    """

    def __init__(self, network: LinearNetwork, theta: Tensor, out: Tensor | None) -> None:
        """Prepare for parameters ``(chains, dim)`` and a gradient of the same shape.

        Without room for a gradient it can be visited, layer by layer, but not written.
        """
        self.theta, self.out = theta, out
        self._widths, self._offsets = network.widths, network.offsets
        self._layers = network.layers(theta)
        self._slots, self._joined = ([], []) if out is None else _slots(network, out)
        self._layers_t = [layer.mT for layer in self._layers]
        self._passed: list[Tensor] = []
        self._rooms: list[Tensor] = []
        self._inputs = theta

    def forward(
        self, inputs: Tensor, reference: Tensor, known: Tensor | None = None, spend: bool = False
    ) -> Tensor:
        """Return ``M(w) x - P x`` for a reference product P, ``(chains, batch, H_L)``.

        ``known`` is ``P x`` where it need not be computed; ``spend`` writes the result over it.
        """
        chains, size, _ = inputs.shape
        if not self._passed or self._passed[0].shape[1] != size:
            with torch.inference_mode(False):
                self._passed = [inputs.new_empty(chains, size, w) for w in self._widths[1:]]
                self._rooms = _rooms(self._passed[:-1]) if self.out is None else []
        self._inputs = passed = inputs
        for weight, buffer in zip(self._layers_t[:-1], self._passed, strict=False):
            passed = torch.bmm(passed, weight, out=buffer)
        error = self._passed[-1]
        if spend and known is not None:
            return known.baddbmm_(passed, self._layers_t[-1], beta=-1)
        if known is None:
            known = torch.bmm(inputs, reference.mT.expand(chains, -1, -1), out=error)
        return torch.baddbmm(known, passed, self._layers_t[-1], beta=-1, out=error)

    def backward(self, slope: Tensor, weight: float = 1.0) -> None:
        """Write the gradient in all weights for a weight times the slope in the outputs."""
        for k in range(len(self._layers) - 1, -1, -1):
            below = self._passed[k - 1] if k else self._inputs
            _scaled(weight, slope.mT, below, self._slots[k])
            if k:
                slope = _scaled(weight, slope, self._layers[k], below)
            weight = 1.0
        if self._joined:
            torch.cat(self._joined, dim=1, out=self.out)

    def visit(self, slope: Tensor, weight: float, visit: Visit) -> None:
        """Hand out the gradient for a weight times the slope in the outputs, last layer first.

        A layer is not read again once its gradient is handed out, and no gradient is formed: a
        caller that moves the layer at once finds it in the cache and adds the product in place.
        """
        for k in range(len(self._layers) - 1, -1, -1):
            below = self._passed[k - 1] if k else self._inputs
            lower = slope
            if k:
                room = self._rooms[k % 2][: below.numel()].view_as(below)
                lower = torch.bmm(slope, self._layers[k], out=room)
            start, stop = self._offsets[k : k + 2]
            visit(LayerGradient(start, stop, weight, slope.mT, below))
            slope = lower


def _rooms(passed: list[Tensor]) -> list[Tensor]:
    """Return two buffers, each for the slopes in what leaves any of some layers."""
    if not passed:
        return []
    size = max(part.numel() for part in passed)
    return [passed[0].new_empty(size) for _ in range(2)]


def _scaled(weight: float, a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """Write a weight times a product; the weight costs nothing inside of it."""
    if weight == 1:
        return torch.bmm(a, b, out=out)
    return torch.baddbmm(out, a, b, beta=0, alpha=weight, out=out)


def _column(layer: Tensor, network: LinearNetwork) -> Tensor:
    """Return room for the product up to a layer, ``(chains, H_k, H_0)``."""
    return layer.new_empty(layer.shape[0], layer.shape[1], network.inputs)


def _slots(network: LinearNetwork, out: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return where the gradient of each layer is written, and what has to be joined afterwards.

    A batched product is slow to write into rows that are apart: it falls back on one chain at a
    time, which only large layers bear.
    """
    slots = network.layers(out)
    if len(out) == 1 or out[0].numel() > SMALL:
        return slots, []
    own = [torch.empty_like(slot, memory_format=torch.contiguous_format) for slot in slots]
    return own, [slot.view(len(out), -1) for slot in own]
