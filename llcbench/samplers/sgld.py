"""Stochastic gradient Langevin dynamics."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from llcbench.checks import check_positive
from llcbench.samplers.fused import by_layer, langevin_by_layer, update
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw


@final
@dataclass(frozen=True)
class SGLD:
    """Euler-Langevin steps with minibatch gradients, never rejected.

    ``w' = w - eps/2 (nbeta grad L_B(w) + gamma (w - w*)) + sqrt(eps) xi``, ``xi ~ N(0, I)``.

    Converges to the target as ``eps -> 0`` with full gradients, at first order in ``eps``; on a
    quadratic of curvature ``h`` (in the potential) the variance is too large by
    ``1 / (1 - eps h / 4)``. Minibatch noise adds a further bias of the same order.

    Attributes:
        step_size: ``eps``.

    Source: Welling and Teh 2011; the local target is Lau et al. 2023, equation of the sampler.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_hyperparameters(self, "sgld", step_size=check_positive)

    @property
    def discretisation(self) -> Discretisation:
        """That of Euler steps."""
        return Discretisation(self.step_size)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Tensor:
        """Return the parameters: there is no other state."""
        return theta

    def step(self, state: Tensor, target: Target, rng: torch.Generator) -> tuple[Tensor, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        if by_layer(target, state):
            return state, Draw(state, langevin_by_layer(self.step_size, target, state, rng))
        pull, drift = 0.5 * self.step_size * target.gamma, -0.5 * self.step_size * target.nbeta
        spread = self.step_size**0.5

        def move(noise: Tensor, star: Tensor, theta: Tensor, grad: Tensor) -> None:
            # Towards w* by a share of the distance: an operation and a temporary less.
            theta.lerp_(star, pull).add_(grad, alpha=drift).add_(noise, alpha=spread)

        loss, grad = target.loss_and_grad(state, reuse=True)
        update(move, target.w_star, (state, grad), rng)
        return state, Draw(state, loss)
