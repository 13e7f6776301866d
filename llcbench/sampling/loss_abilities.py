"""Optional abilities of losses, problems and data, queried in one place and forwarded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from llcbench.sampling.minibatches import DrawnBatches
from llcbench.types import (
    Costly,
    DType,
    FromTraining,
    GradientBuffer,
    LabelNoiseResponse,
    LayerwiseGradient,
    Loss,
    Matmul,
    Minibatches,
    MinibatchSource,
    MomentForm,
    NoiseSource,
    Placeable,
    Precise,
    Preparable,
    Problem,
    ReferenceGradient,
    Releasable,
    Restrictable,
    RowLookup,
    SquaredForm,
    SquaredLossForm,
    SquaredProblem,
    Streamed,
    Visit,
)


def dtype_of(loss: Loss) -> torch.dtype | None:
    """Return the precision of the tensors of a loss, None where it is not known."""
    return loss.dtype() if isinstance(loss, Placeable) else None


def placed(loss: Loss, device: str, matmul: Matmul) -> Loss:
    """Return a loss with its tensors on a device and a precision of its matrix products.

    Raises:
        ValueError: If it cannot be there.
    """
    if isinstance(loss, Placeable):
        return loss.placed(device, matmul)
    if matmul != "full" or device != "cpu":
        raise ValueError(
            f"matmul={matmul!r} and device={device!r} are for squared losses, and this is none;"
            " use matmul='full' and device='cpu'"
        )
    return loss


def buffered(loss: Loss) -> GradientBuffer | None:
    """Return the loss if it writes its gradient into memory that the caller brings."""
    return loss if isinstance(loss, GradientBuffer) else None


def layerwise(loss: Loss) -> LayerwiseGradient | None:
    """Return the loss if it can hand out gradients layer by layer."""
    return loss if isinstance(loss, LayerwiseGradient) else None


def release(loss: Loss) -> None:
    """Release the buffers that a loss keeps between calls."""
    if isinstance(loss, Releasable):
        loss.release()


def prepare(loss: Loss, num_chains: int, batch_size: int | None, steps: int) -> None:
    """Tell a loss that a run of so many steps begins."""
    if isinstance(loss, Preparable):
        loss.prepare(num_chains, batch_size, steps)


def minibatches(loss: Loss, num_chains: int, batch_size: int | None) -> Minibatches:
    """Return the source of the batches of a run; a size of None gives the full batch."""
    if isinstance(loss, MinibatchSource):
        return loss.minibatches(num_chains, batch_size)
    return DrawnBatches(loss, num_chains, batch_size)


def row_lookup(loss: Loss) -> Callable[[Tensor], Any] | None:
    """Return the map from sample numbers ``(chains, batch)`` to a batch; None without one."""
    return loss.row_lookup() if isinstance(loss, RowLookup) else None


def gradient_at(loss: Loss, point: Tensor) -> Callable[[Any], Tensor] | None:
    """Return the map from a batch to the gradient at a point; None where the loss has none."""
    return loss.gradient_at(point) if isinstance(loss, ReferenceGradient) else None


def noisy_labels(loss: Loss) -> bool:
    """Return whether the gradient at ``w_star`` on a batch differs from 0, as far as is known."""
    return loss.noisy_labels() if isinstance(loss, LabelNoiseResponse) else True


def noise_sources(loss: Loss) -> tuple[NoiseSource, ...] | None:
    """Return the independent sources of label noise in a loss; None where they are not known."""
    return loss.noise_sources() if isinstance(loss, LabelNoiseResponse) else None


def excess_and_deltas(loss: Loss, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the excess on all data, ``(chains,)``, and ``M(w) - M(w_star)`` of every source.

    Raises:
        TypeError: If the sources of label noise are not known.
    """
    if not isinstance(loss, LabelNoiseResponse):
        raise TypeError(f"{type(loss).__name__} has no known sources of label noise")
    return loss.excess_and_deltas(theta)


def moment_form(loss: Loss) -> MomentForm | None:
    """Return a squared loss through a matrix as plain data, None for other losses."""
    return loss.moment_form() if isinstance(loss, SquaredLossForm) else None


def own_precision(problem: Problem) -> DType | None:
    """Return the precision that a problem has of its own, None where any will do."""
    return problem.precision if isinstance(problem, Precise) else None


def flops(problem: Problem) -> float:
    """Return the floating point operations of a gradient on one sample; 0 where they are few."""
    return problem.flops if isinstance(problem, Costly) else 0.0


def trained(problem: Problem) -> bool:
    """Return whether the reference point of a problem may be no minimum."""
    return isinstance(problem, FromTraining) and problem.trained


def is_restrictable(problem: object) -> bool:
    """Return whether a problem is that of a network, with layers and checkpoints."""
    return isinstance(problem, Restrictable)


def squared_form(problem: Problem) -> SquaredForm | None:
    """Return a regression with squared loss as plain data, None for other problems."""
    return problem.squared_form() if isinstance(problem, SquaredProblem) else None


def streamed(data: Any) -> Streamed | None:
    """Return a data set if it is too large to be stored, None for others."""
    return data if isinstance(data, Streamed) else None


@dataclass(frozen=True)
class Forwarding:
    """A wrapper around a loss that has all abilities of the loss.

    A subclass overrides what it changes. An ability that the base lacks has the answer that stands
    for its absence.

    Attributes:
        base: The wrapped loss.
    """

    base: Loss

    @property
    def autograd(self) -> bool:
        """Whether the base needs automatic differentiation."""
        return self.base.autograd

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Any:
        """Draw a batch of the base."""
        return self.base.draw(num_chains, batch_size, rng)

    def excess(self, theta: Tensor, batch: Any) -> Tensor:
        """Return the excess loss, ``(chains,)``."""
        return self.base.excess(theta, batch)

    def excess_and_grad(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""
        return self.base.excess_and_grad(theta, batch)

    def baseline(self, batch: Any) -> Tensor:
        """Return the loss at ``w_star`` on the batch, broadcastable to ``(chains,)``."""
        return self.base.baseline(batch)

    def dtype(self) -> torch.dtype | None:
        """Return the precision of the base."""
        return dtype_of(self.base)

    def placed(self, device: str, matmul: Matmul) -> Self:
        """Return the wrapper around the base on a device; itself where nothing changes."""
        base = placed(self.base, device, matmul)
        return self if base is self.base else replace(self, base=base)

    def excess_and_grad_into(self, theta: Tensor, batch: Any, out: Tensor) -> Tensor:
        """Return the excess loss ``(chains,)`` and write its gradient."""
        base = buffered(self.base)
        if base is not None:
            return base.excess_and_grad_into(theta, batch, out)
        value, grad = self.base.excess_and_grad(theta, batch)
        out.copy_(grad)
        return value

    def num_parts(self, batch: Any) -> int:
        """Return the number of layers in which the base hands out its gradient."""
        base = layerwise(self.base)
        return 0 if base is None else base.num_parts(batch)

    def excess_and_visit(self, theta: Tensor, batch: Any, visit: Visit) -> Tensor:
        """Return the excess loss ``(chains,)``, and hand out its gradient layer by layer."""
        base = layerwise(self.base)
        assert base is not None
        return base.excess_and_visit(theta, batch, visit)

    def spent(self, batch: Any) -> Any:
        """Return a batch without what a visit writes over."""
        base = layerwise(self.base)
        return batch if base is None else base.spent(batch)

    def release(self) -> None:
        """Release the buffers of the base."""
        release(self.base)

    def prepare(self, num_chains: int, batch_size: int | None, steps: int) -> None:
        """Tell the base that a run of so many steps begins."""
        prepare(self.base, num_chains, batch_size, steps)

    def minibatches(self, num_chains: int, batch_size: int | None) -> Minibatches:
        """Return the source of batches of the base."""
        return minibatches(self.base, num_chains, batch_size)

    def row_lookup(self) -> Callable[[Tensor], Any] | None:
        """Return the map from sample numbers to a batch of the base."""
        return row_lookup(self.base)

    def noisy_labels(self) -> bool:
        """Return whether the gradient at ``w_star`` on a batch differs from 0."""
        return noisy_labels(self.base)

    def noise_sources(self) -> tuple[NoiseSource, ...] | None:
        """Return the sources of label noise of the base."""
        return noise_sources(self.base)

    def excess_and_deltas(self, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the excess on all data and ``M(w) - M(w_star)`` of every source."""
        return excess_and_deltas(self.base, theta)

    def moment_form(self) -> MomentForm | None:
        """Return the base as plain data."""
        return moment_form(self.base)
