"""Forward and backward passes that are recorded once and run without Python's detours.

A network of a few thousand weights spends more time in dispatch than in arithmetic. `RecordedPass`
traces loss and gradient of one chain, or of all chains together, to the operations that torch
executes; what cannot be traced runs as it is.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, final

import torch
from torch import Tensor, fx
from torch.func import grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from llcbench.problems.modules.data import mapped

# From the parameters by name and a batch to losses of its samples, ``(batch,)``.
Losses = Callable[[Mapping[str, Tensor], Any], Tensor]
Engine = Literal["loop", "trace", "vmap"]

# Parameters above which arithmetic outweighs what a recorded pass saves.
LARGE = 10**6
# Largest relative difference from the gradient of automatic differentiation: rounding.
ROUNDING = {torch.float64: 1e-9, torch.float32: 2e-3}
ALIASES = (torch.ops.aten.detach.default, torch.ops.aten.alias.default)


def engine_of(shapes: Mapping[str, torch.Size]) -> Engine:
    """Return how a network is evaluated, by its size and kind alone.

    A choice by timing would change rounding from run to run. Kernels of convolutions are trained
    chain by chain, as grouped convolutions of all chains are slower; small dense networks together.
    """
    if sum(shape.numel() for shape in shapes.values()) > LARGE:
        return "loop"
    return "trace" if any(len(shape) >= 3 for shape in shapes.values()) else "vmap"


@final
class RecordedPass:
    """Losses and gradients of batches of one shape, by a pass that was recorded.

    Attributes:
        engine: How: ``trace`` chain by chain, ``vmap`` all chains together.
    """

    def __init__(
        self, losses: Losses, shapes: Mapping[str, torch.Size], engine: Engine, shared: bool
    ) -> None:
        """Prepare; nothing is recorded before the first call.

        Args:
            losses: The losses of a batch.
            shapes: Shapes of the parameters that move, in the order of the vector.
            engine: ``trace`` or ``vmap``.
            shared: Whether all chains see the same batch, which has no axis of chains then.
        """
        self.engine = engine
        self._losses, self._shapes, self._shared = losses, shapes, shared
        self._graph: Callable[..., tuple[Tensor, list[Tensor]]] | None = None

    def record(self, theta: Tensor, batch: Any) -> bool:
        """Record the pass, and return whether its results are those of the losses themselves."""
        try:
            views = self._views(theta)
            if self.engine == "vmap":
                chains = vmap(self._pass, in_dims=(0, None if self._shared else 0))
                graph = make_fx(lambda views, batch: chains(views, batch))(views, batch)
            else:
                own = [view[0] for view in views]
                graph = make_fx(lambda views, batch: self._pass(views, batch))(
                    own, self._rows(batch, 0)
                )
            self._graph = tidied(graph).forward
            return self._agrees(theta, batch)
        except Exception:  # a module may do anything that a recording cannot follow
            self._graph = None
            return False

    def into(self, theta: Tensor, batch: Any, out: Tensor) -> Tensor:
        """Return losses ``(chains, batch)``, and write the gradients of their means.

        Args:
            theta: Parameters, ``(chains, dim)``.
            batch: As recorded.
            out: Gradients, ``(chains, dim)``.
        """
        assert self._graph is not None
        views = self._views(theta)
        if self.engine == "vmap":
            losses, grads = self._graph(views, batch)
            torch.cat([part.reshape(len(theta), -1) for part in grads], 1, out=out)
            return losses
        rows = []
        for chain in range(len(theta)):
            own = [view[chain] for view in views]
            losses, grads = self._graph(own, self._rows(batch, chain))
            torch.cat([part.reshape(-1) for part in grads], out=out[chain])
            rows.append(losses)
        return torch.stack(rows)

    def _pass(self, views: list[Tensor], batch: Any) -> tuple[Tensor, list[Tensor]]:
        """Return losses and the gradient of their mean, of one chain."""

        def mean(parts: list[Tensor]) -> tuple[Tensor, Tensor]:
            if self.engine == "trace":
                parts, rows = [_laid(part) for part in parts], mapped(_laid, batch)
            else:  # vmap has no layouts
                rows = batch
            losses = self._losses(dict(zip(self._shapes, parts, strict=True)), rows)
            return losses.mean(), losses

        grads, losses = grad(mean, has_aux=True)(views)
        return losses, grads

    def _views(self, theta: Tensor) -> list[Tensor]:
        """Return the parameters of all chains, ``(chains, *shape)`` each."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        parts = torch.split(theta.detach(), sizes, dim=1)
        shapes = self._shapes.values()
        return [part.view(len(theta), *shape) for part, shape in zip(parts, shapes, strict=True)]

    def _rows(self, batch: Any, chain: int) -> Any:
        return batch if self._shared else mapped(lambda part: part[chain], batch)

    def _agrees(self, theta: Tensor, batch: Any) -> bool:
        """Return whether losses and gradients are right at two points beside these.

        At a minimum itself the gradient is rounding, and two roundings never agree.
        """
        for share in (1e-2, -3e-2):
            point = theta + share * theta.abs().mean()
            found = torch.empty_like(theta)
            losses = self.into(point, batch, found)
            for chain in {0, len(theta) - 1}:
                named = {
                    name: view[chain].clone().requires_grad_()
                    for name, view in zip(self._shapes, self._views(point), strict=True)
                }
                with torch.enable_grad():
                    exact = self._losses(named, self._rows(batch, chain))
                    parts = torch.autograd.grad(
                        exact.mean(),
                        list(named.values()),
                        allow_unused=True,
                        materialize_grads=True,
                    )
                slope = torch.cat([part.reshape(-1) for part in parts])
                limit = ROUNDING[theta.dtype]
                apart = float((found[chain] - slope).norm())
                if not apart <= limit * float(slope.norm()) + torch.finfo(theta.dtype).tiny:
                    return False
                if not torch.allclose(losses[chain], exact, rtol=limit, atol=limit):
                    return False
        return math.isfinite(apart)


def tidied(graph: fx.GraphModule) -> fx.GraphModule:
    """Return a graph without aliases and what nothing reads."""
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and node.target in ALIASES:
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _laid(part: Any) -> Any:
    """Return images and kernels with the channels last, where convolutions are fastest."""
    if isinstance(part, Tensor) and part.dim() == 4:
        # With one channel both layouts are contiguous, and strides decide: hence a copy.
        return part.clone(memory_format=torch.channels_last)
    return part
