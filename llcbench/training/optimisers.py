"""Updates of the weights from minibatch gradients."""

import math
from typing import Protocol, final

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from llcbench.training.config import Training
from llcbench.training.noise import generator

# Logarithm from which a growth counts as without bound: exp would overflow at 709.
LARGEST = 700.0


class Gradients(Protocol):
    """Where an optimiser gets its gradients from."""

    def next_batch(self) -> None:
        """Move on to another minibatch."""

    def fill(self) -> float:
        """Put the gradients at the present weights into ``grad``; return the loss."""


class Update(Protocol):
    """One update of the weights in place."""

    @property
    def cost(self) -> int:
        """Minibatch gradients that an update takes."""

    def __call__(self, gradients: Gradients) -> float:
        """Move the weights; return the first minibatch loss that was seen."""


def update_of(config: Training, parameters: list[Tensor], seed: int) -> Update:
    """Return the update that a configuration names."""
    if config.optimiser == "adam":
        return Plain(Adam(parameters, config.lr, weight_decay=config.weight_decay))
    if config.optimiser == "adamw":
        return Plain(AdamW(parameters, config.lr, weight_decay=config.weight_decay))
    if config.optimiser == "entropy_sgd":
        return LocalEntropy(config, parameters, seed)
    descent = SGD(
        parameters,
        config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
    )
    if config.optimiser == "sam":
        return SharpnessAware(descent, parameters, config.sam_radius)
    return Plain(descent)


@final
class Plain:
    """An optimiser of torch."""

    cost = 1

    def __init__(self, descent: Optimizer) -> None:
        self._descent = descent

    def __call__(self, gradients: Gradients) -> float:
        """Take one step."""
        gradients.next_batch()
        loss = gradients.fill()
        self._descent.step()
        return loss


@final
class SharpnessAware:
    """SAM: descend along the gradient at ``w + rho g / |g|``, ``g`` the gradient at ``w``.

    Both gradients are those of one minibatch; the weight decay is that of ``w``. Batch norm sees
    every minibatch twice.

    Source: Foret et al. 2021, algorithm 1.
    """

    cost = 2

    def __init__(self, descent: SGD, parameters: list[Tensor], radius: float) -> None:
        self._descent, self._parameters, self._radius = descent, parameters, radius

    def __call__(self, gradients: Gradients) -> float:
        """Ascend, look, come back and step."""
        gradients.next_batch()
        loss = gradients.fill()
        with torch.no_grad():
            here = [w.clone() for w in self._parameters]
            slopes = [w.grad for w in self._parameters if w.grad is not None]
            length = torch.stack([slope.square().sum() for slope in slopes]).sum().sqrt()
            scale = self._radius / length.clamp_min(torch.finfo(length.dtype).tiny)
            for w in self._parameters:
                if w.grad is not None:
                    w.add_(w.grad * scale)
        gradients.fill()
        with torch.no_grad():
            for w, before in zip(self._parameters, here, strict=True):
                w.copy_(before)
        self._descent.step()
        return loss


@final
class LocalEntropy:
    """Entropy-SGD: descend along ``w - mu``, ``mu`` a running mean of Langevin steps near ``w``.

    From ``x = mu = w``, ``L`` times with a new minibatch each: ``x <- x - h (d + g (x - w)) +
    sqrt(h) e xi`` and ``mu <- (1 - a) mu + a x``, where ``d`` is the gradient with its weight
    decay, through momentum if there is one, started anew for each update. Then ``w`` takes a step
    of SGD along ``w - mu``. The factor ``g`` that the gradient of the local entropy has is absorbed
    into the learning rate, as in the authors' code, so that the scope can grow without the steps.

    Source: Chaudhari et al. 2017, algorithm 1. The authors' code has noise ``sqrt(2 h) e`` and
    ``a = 0.25``; the paper, as here, ``sqrt(h) e`` and 0.75.
    """

    def __init__(self, config: Training, parameters: list[Tensor], seed: int) -> None:
        self._config, self._parameters = config, parameters
        self._descent = SGD(
            parameters, config.lr, momentum=config.momentum, nesterov=config.nesterov
        )
        self._rng = generator(seed, "langevin")
        self._updates = 0

    @property
    def cost(self) -> int:
        """Minibatch gradients that an update takes."""
        return self._config.entropy.inner_steps

    def __call__(self, gradients: Gradients) -> float:
        """Walk around the weights, then move them to the mean of the walk."""
        inner = self._config.entropy
        growth = min(self._updates * math.log1p(inner.scope_growth), LARGEST)
        scope = inner.scope * math.exp(growth)
        start = [w.detach().clone() for w in self._parameters]
        means = [w.clone() for w in start]
        speeds = [torch.zeros_like(w) for w in start]
        first = math.nan
        for step in range(inner.inner_steps):
            gradients.next_batch()
            loss = gradients.fill()
            first = loss if step == 0 else first
            with torch.no_grad():
                for w, centre, mean, speed in zip(
                    self._parameters, start, means, speeds, strict=True
                ):
                    drift = self._direction(w, speed) + scope * (w - centre)
                    noise = torch.empty_like(w).normal_(generator=self._rng)
                    w.sub_(inner.inner_lr * drift)
                    w.add_(noise, alpha=math.sqrt(inner.inner_lr) * inner.noise)
                    mean.lerp_(w, inner.averaging)
        with torch.no_grad():
            for w, centre, mean in zip(self._parameters, start, means, strict=True):
                w.copy_(centre)
                w.grad = centre - mean
        self._descent.step()
        self._updates += 1
        return first

    def _direction(self, w: Tensor, speed: Tensor) -> Tensor:
        """Return the gradient with its decay, after momentum."""
        slope = torch.zeros_like(w) if w.grad is None else w.grad
        slope = slope + self._config.weight_decay * w
        speed.mul_(self._config.momentum).add_(slope)
        return slope + self._config.momentum * speed if self._config.nesterov else speed
