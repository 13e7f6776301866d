"""Minibatches with the gradient of the training loss on them."""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from llcbench.networks.data import Tensors
from llcbench.problems.modules.sample_loss import per_sample
from llcbench.training.config import Training
from llcbench.training.noise import generator
from llcbench.training.penalties import Spectral, gradient_norm, jacobian

Loss = Callable[[Tensor, Tensor], Tensor]


@final
class Batches:
    """Shuffled passes over the training data, and the penalised loss on the present minibatch."""

    def __init__(
        self, module: nn.Module, data: Tensors, loss: Loss, config: Training, seed: int
    ) -> None:
        """Start before the first minibatch.

        Raises:
            ValueError: If a minibatch is larger than the data.
        """
        self._size = config.batch_size or len(data[0])
        if self._size > len(data[0]):
            raise ValueError(
                f"training: batch_size {self._size} is more than the {len(data[0])} samples"
            )
        self._module, self._data, self._loss, self._config = module, data, loss, config
        self._parameters = [w for w in module.parameters() if w.requires_grad]
        self._order, self._inputs, self._probes = (
            generator(seed, "batches"), generator(seed, "inputs"), generator(seed, "probes")
        )  # fmt: skip
        self._spectral = Spectral(module, seed) if config.penalties.spectral else None
        self._left = torch.empty(0, dtype=torch.int64)
        self._now = data

    def next_batch(self) -> None:
        """Move on to another minibatch, with fresh noise on the inputs if there is any."""
        if len(self._left) < self._size:
            self._left = torch.randperm(len(self._data[0]), generator=self._order)
        rows, self._left = self._left[: self._size], self._left[self._size :]
        inputs, targets = (part[rows] for part in self._data)
        if self._config.input_noise:
            noise = torch.empty_like(inputs).normal_(generator=self._inputs)
            inputs = inputs + self._config.input_noise * noise
        self._now = inputs, targets

    def fill(self) -> float:
        """Put the gradients at the present weights into ``grad``; return the loss alone."""
        inputs, targets = self._now
        penalties = self._config.penalties
        if penalties.jacobian:
            inputs = inputs.detach().requires_grad_()
        outputs = self._module(inputs)
        loss = per_sample(self._loss, outputs, targets).mean()
        total = loss
        if penalties.gradient_norm:
            total = total + penalties.gradient_norm * gradient_norm(loss, self._parameters)
        if penalties.jacobian:
            total = total + penalties.jacobian * jacobian(outputs, inputs, self._probes)
        if self._spectral is not None:
            total = total + penalties.spectral * self._spectral()
        grads = torch.autograd.grad(total, self._parameters, allow_unused=True)
        for w, grad in zip(self._parameters, grads, strict=True):
            w.grad = grad
        return float(loss.detach())
