"""Stochastic gradient Hamiltonian Monte Carlo."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_fraction, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw


class SGHMCState(NamedTuple):
    """Parameters and velocity, ``(chains, dim)`` each."""

    theta: Tensor
    velocity: Tensor


@final
@dataclass(frozen=True)
class SGHMC:
    """Euler steps of the underdamped equation, the noise balanced against the friction.

    ``v' = (1 - friction) v - eps/2 grad U_B(w) + sqrt(friction eps) xi``, ``w' = w + v'``.

    With friction 1 it is SGLD at the same ``eps``. Converges to the target as ``eps -> 0`` with
    full gradients, at first order in ``eps``; on a quadratic of curvature h the variance is
    too large by ``1 / (1 - eps h / (4 (2 - friction)))`` and the noise of minibatches is amplified
    by ``1 / friction``: its own variance is not subtracted from the injected noise.

    Attributes:
        step_size: ``eps``, twice the squared time step.
        friction: Share of the velocity lost in a step, in (0, 1].

    Source: Chen, Fox and Guestrin 2014, equation 15 with an estimate of the noise of zero.
    """

    step_size: float = 1e-5
    friction: float = 0.1

    def __post_init__(self) -> None:
        check_hyperparameters(self, "sghmc", step_size=check_positive, friction=check_fraction)

    @property
    def discretisation(self) -> Discretisation:
        """Of first order in ``eps``; friction removes the heat of minibatches slowly."""
        slow = self.friction
        return Discretisation(self.step_size, 1 / (2 - slow), 1 / slow, relaxation=slow)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> SGHMCState:
        """Draw velocities from their stationary distribution."""
        velocity = torch.empty_like(theta).normal_(generator=rng)
        return SGHMCState(theta, velocity.mul_((0.5 * self.step_size) ** 0.5))

    def step(
        self, state: SGHMCState, target: Target, rng: torch.Generator
    ) -> tuple[SGHMCState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        theta, velocity = state
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        velocity.mul_(1 - self.friction).add_(grad, alpha=-0.5 * self.step_size)
        velocity.add_(noise, alpha=(self.friction * self.step_size) ** 0.5)
        theta.add_(velocity)
        kinetic = target.kinetic(velocity, variance=0.5 * self.step_size)
        return SGHMCState(theta, velocity), Draw(theta, loss, kinetic=kinetic)
