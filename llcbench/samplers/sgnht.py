"""The stochastic gradient Nose-Hoover thermostat."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_fraction, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Draw


class SGNHTState(NamedTuple):
    """Parameters and velocity, ``(chains, dim)``, and friction, ``(chains, 1)``."""

    theta: Tensor
    velocity: Tensor
    friction: Tensor


@final
@dataclass(frozen=True)
class SGNHT:
    """SGHMC whose friction adapts until the velocities have the right temperature.

    With ``v = h p``, time step ``h = sqrt(eps/2)``, and ``f`` the friction of a step:
    ``v' = (1 - f) v - eps/2 grad U_B(w) + sqrt(noise eps) xi``, ``w' = w + v'``,
    ``f' = f + h^2 (|v'|^2 / (d h^2) - 1)``.

    The thermostat takes up the heat of minibatch noise if that noise is the same in all
    coordinates. Converges to the target as ``eps -> 0``, at first order in ``eps``.

    Attributes:
        step_size: ``eps``, twice the squared time step.
        noise: Injected noise as a friction, and the friction at the start, in (0, 1].

    Source: Ding, Fang, Babbush, Chen, Skeel and Neven 2014, algorithm 2.
    """

    step_size: float = 1e-5
    noise: float = 0.1

    def __post_init__(self) -> None:
        check_hyperparameters(self, "sgnht", step_size=check_positive, noise=check_fraction)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> SGNHTState:
        """Draw velocities from their stationary distribution; the friction balances the noise."""
        velocity = torch.empty_like(theta).normal_(generator=rng)
        velocity.mul_((0.5 * self.step_size) ** 0.5)
        return SGNHTState(theta, velocity, theta.new_full((theta.shape[0], 1), self.noise))

    def step(
        self, state: SGNHTState, target: Target, rng: torch.Generator
    ) -> tuple[SGNHTState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        theta, velocity, friction = state
        _, grad, loss = target.potential_and_grad(theta)
        xi = torch.empty_like(theta).normal_(generator=rng)
        velocity.mul_(1 - friction).add_(grad, alpha=-0.5 * self.step_size)
        velocity.add_(xi, alpha=(self.noise * self.step_size) ** 0.5)
        theta.add_(velocity)
        heat = velocity.square().mean(1, keepdim=True)
        friction.add_(heat - 0.5 * self.step_size)
        kinetic = target.kinetic(velocity, variance=0.5 * self.step_size)
        return SGNHTState(theta, velocity, friction), Draw(theta, loss, kinetic=kinetic)
