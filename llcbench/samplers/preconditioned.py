"""Langevin dynamics with step sizes that follow the size of the gradients."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_decay, check_positive
from llcbench.samplers.fused import update
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Draw


class PreconditionedState(NamedTuple):
    """Parameters with running statistics of the loss gradient.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        mean: Running mean of the gradient, ``(chains, dim)``; empty without momentum.
        square: Running mean of its square, ``(chains, dim)``.
        steps: Steps made so far.
    """

    theta: Tensor
    mean: Tensor
    square: Tensor
    steps: int


@final
@dataclass(frozen=True)
class RMSpropSGLD:
    """Langevin steps divided, coordinate by coordinate, by the root mean square of the gradient.

    ``w' = w - E/2 (nbeta g + gamma (w - w*)) + sqrt(E) xi`` with ``E = eps / (sqrt(v) + damping)``,
    ``v' = decay v + (1 - decay) g^2``, ``g`` the minibatch gradient of the loss alone and v = 1 at
    the start: at a noise-free optimum g is 0, and v = 0 would make the first steps explode.

    Does not converge to the target: v depends on the path, and the divergence of the
    preconditioner is omitted, as is usual. The bias falls with ``1 - decay`` and ``eps``.

    Attributes:
        step_size: ``eps``.
        decay: Memory of the mean square.
        damping: Added to the root mean square; it bounds the steps along flat directions.

    Source: Li, Chen, Carlson and Carin 2016; Hitchcock and Hoogland 2025, algorithm 3.
    """

    step_size: float = 1e-6
    decay: float = 0.99
    damping: float = 1e-2

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "rmsprop_sgld", step_size=check_positive, decay=check_decay,
            damping=check_positive,
        )  # fmt: skip

    @property
    def preconditioned(self) -> bool:
        """The step size alone does not say whether the sampler is stable."""
        return True

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> PreconditionedState:
        """Start with mean squares of one."""
        return PreconditionedState(theta, theta.new_empty(0), torch.ones_like(theta), 0)

    def step(
        self, state: PreconditionedState, target: Target, rng: torch.Generator
    ) -> tuple[PreconditionedState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        theta, _, square, steps = state
        loss, grad = target.loss_and_grad(theta, reuse=True)

        def move(xi: Tensor, star: Tensor, theta: Tensor, grad: Tensor, square: Tensor) -> None:
            square.mul_(self.decay).addcmul_(grad, grad, value=1 - self.decay)
            scale = square.sqrt().add_(self.damping).reciprocal_().mul_(self.step_size)
            _move(theta, grad, scale, xi, star, target)

        update(move, target.w_star, (theta, grad, square), rng)
        return PreconditionedState(theta, state.mean, square, steps + 1), Draw(theta, loss)


@final
@dataclass(frozen=True)
class AdamSGLD:
    """Langevin steps with Adam's statistics: momentum in the drift, root mean square in the step.

    ``w' = w - E/2 (nbeta m + gamma (w - w*)) + sqrt(E) xi`` with ``E = eps / (sqrt(v) + damping)``.
    ``m`` and ``v`` are running means of the minibatch gradient of the loss and of its square,
    each divided by ``1 - decay^t``; m starts at 0 and v at 1.

    Does not converge to the target: as for RMSprop, and the noise is not delayed as the drift is.

    Attributes:
        step_size: ``eps``.
        momentum: Memory of the mean gradient.
        decay: Memory of the mean square.
        damping: Added to the root mean square.

    Source: Hitchcock and Hoogland 2025, algorithm 2; statistics of Kingma and Ba 2015.
    """

    step_size: float = 1e-6
    momentum: float = 0.9
    decay: float = 0.99
    damping: float = 1e-2

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "adam_sgld", step_size=check_positive, momentum=check_decay, decay=check_decay,
            damping=check_positive,
        )  # fmt: skip

    @property
    def preconditioned(self) -> bool:
        """The step size alone does not say whether the sampler is stable."""
        return True

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> PreconditionedState:
        """Start with means of zero and mean squares of one."""
        return PreconditionedState(theta, torch.zeros_like(theta), torch.ones_like(theta), 0)

    def step(
        self, state: PreconditionedState, target: Target, rng: torch.Generator
    ) -> tuple[PreconditionedState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        theta, mean, square, steps = state
        steps += 1
        loss, grad = target.loss_and_grad(theta, reuse=True)

        def move(
            xi: Tensor, star: Tensor, theta: Tensor, grad: Tensor, mean: Tensor, square: Tensor
        ) -> None:
            mean.mul_(self.momentum).add_(grad, alpha=1 - self.momentum)
            square.mul_(self.decay).addcmul_(grad, grad, value=1 - self.decay)
            scale = square.div(1 - self.decay**steps).sqrt_().add_(self.damping)
            scale.reciprocal_().mul_(self.step_size)
            _move(theta, mean / (1 - self.momentum**steps), scale, xi, star, target)

        update(move, target.w_star, (theta, grad, mean, square), rng)
        return PreconditionedState(theta, mean, square, steps), Draw(theta, loss)


def _move(
    theta: Tensor, drift: Tensor, scale: Tensor, noise: Tensor, star: Tensor, target: Target
) -> None:
    """Make one Langevin step in place with a step size for every coordinate."""
    pull = drift.mul(target.nbeta).add_(theta - star, alpha=target.gamma)
    theta.addcmul_(scale, pull, value=-0.5).addcmul_(scale.sqrt_(), noise)
