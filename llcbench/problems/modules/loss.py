"""The loss of a module over its data, with gradients by automatic differentiation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

# Samples that are evaluated together on the full batch.
CHUNK = 1024


def per_sample(
    loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, targets: Tensor
) -> Tensor:
    """Return one loss per sample.

    Raises:
        ValueError: If the function returns anything else.
    """
    losses = loss(outputs, targets)
    if losses.shape != (len(targets),):
        raise ValueError(
            f"per_sample_loss returned the shape {tuple(losses.shape)} for {len(targets)} samples:"
            " it must be one number per sample, so ask for reduction='none' (and average over"
            " tokens yourself)"
        )
    return losses


class SampleNumbers(NamedTuple):
    """A minibatch of every chain, or all samples.

    Attributes:
        numbers: Of the samples, ``(chains, batch)``; None for all of them.
    """

    numbers: Tensor | None


@final
@dataclass(frozen=True, eq=False)
class ModuleLoss:
    """``mean_i loss(f_w(x_i), y_i)`` as the excess over ``w_star``, sample by sample.

    The losses at ``w_star`` are computed once; the difference of two losses on the same samples
    is an estimate with little noise. Chains are evaluated one after the other: networks of this
    kind fill the machine alone.

    Attributes:
        module: The network at ``w_star``, in the precision of the run.
        loss: From outputs and targets to one loss per sample.
        inputs: All inputs.
        targets: All targets.
        shapes: Shapes of the parameters that move, by name.
    """

    module: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    inputs: Tensor
    targets: Tensor
    shapes: Mapping[str, torch.Size]

    @property
    def autograd(self) -> bool:
        """Gradients come from automatic differentiation."""
        return True

    @cached_property
    def reference(self) -> Tensor:
        """Losses of all samples at ``w_star``, ``(num_data,)``."""
        with torch.no_grad():
            parts = (torch.split(part, CHUNK) for part in (self.inputs, self.targets))
            return torch.cat(
                [per_sample(self.loss, self.module(x), y) for x, y in zip(*parts, strict=True)]
            )

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> SampleNumbers:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None:
            return SampleNumbers(None)
        shape = (num_chains, batch_size)
        return SampleNumbers(torch.randint(len(self.inputs), shape, generator=rng))

    def excess(self, theta: Tensor, batch: SampleNumbers) -> Tensor:
        """Return the excess loss, ``(chains,)``."""
        with torch.no_grad():
            rows = [self._chunks(batch, chain) for chain in range(len(theta))]
            return torch.stack(
                [
                    torch.stack([self._mean(self._named(point), chunk) for chunk in chunks]).sum()
                    for point, chunks in zip(theta, rows, strict=True)
                ]
            )

    def excess_and_grad(self, theta: Tensor, batch: SampleNumbers) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""
        losses, grads = theta.new_zeros(len(theta)), torch.zeros_like(theta)
        for chain, point in enumerate(theta):
            for chunk in self._chunks(batch, chain):
                with torch.enable_grad():
                    named = {
                        name: value.requires_grad_() for name, value in self._named(point).items()
                    }
                    value = self._mean(named, chunk)
                    parts = torch.autograd.grad(
                        value, list(named.values()), allow_unused=True, materialize_grads=True
                    )
                losses[chain] += value.detach()
                grads[chain] += torch.cat([part.reshape(-1) for part in parts])
        return losses, grads

    def baseline(self, batch: SampleNumbers) -> Tensor:
        """Return the loss at ``w_star`` on the batch, ``(chains,)`` or a scalar."""
        if batch.numbers is None:
            return self.reference.mean()
        return self.reference[batch.numbers].mean(1)

    def _chunks(self, batch: SampleNumbers, chain: int) -> Iterator[tuple[Tensor, float]]:
        """Return numbers of samples of a chain, some at a time, each with its share."""
        index = torch.arange(len(self.inputs)) if batch.numbers is None else batch.numbers[chain]
        return ((chunk, len(chunk) / len(index)) for chunk in torch.split(index, CHUNK))

    def _named(self, point: Tensor) -> dict[str, Tensor]:
        """Return the parameters of a vector by name, as leaves."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = torch.split(point.detach(), sizes)
        shapes = self.shapes.items()
        return {name: part.view(shape) for (name, shape), part in zip(shapes, parts, strict=True)}

    def _mean(self, named: Mapping[str, Tensor], chunk: tuple[Tensor, float]) -> Tensor:
        """Return the share of some samples in the mean excess."""
        index, share = chunk
        outputs = functional_call(self.module, dict(named), (self.inputs[index],))
        losses = self.loss(outputs, self.targets[index])
        return share * (losses - self.reference[index]).mean()
