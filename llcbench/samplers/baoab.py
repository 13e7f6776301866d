"""Underdamped Langevin dynamics by the BAOAB splitting."""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw


class BAOABState(NamedTuple):
    """Parameters, momentum and the gradient of the potential, ``(chains, dim)`` each."""

    theta: Tensor
    momentum: Tensor
    grad: Tensor


@final
@dataclass(frozen=True)
class BAOAB:
    """Half a kick, half a drift, exact friction and noise, half a drift, half a kick.

    ``h = sqrt(eps)``: ``p -= h/2 grad U``; ``w += h/2 p``; ``p = c p + sqrt(1 - c^2) xi`` with
    ``c = exp(-friction)``; ``w += h/2 p``; ``p -= h/2 grad U``. One gradient a step.

    Converges to the target as ``eps -> 0`` with full gradients, at first order in ``eps``
    (second in h); on quadratics the stationary distribution of w is exact for every stable step,
    ``eps h < 4``.

    Attributes:
        step_size: ``eps``, the squared time step.
        friction: Friction times time step; a large one gives overdamped steps of the same ``eps``.

    Source: Leimkuhler and Matthews 2013.
    """

    step_size: float = 1e-5
    friction: float = 0.3

    def __post_init__(self) -> None:
        check_hyperparameters(self, "baoab", step_size=check_positive, friction=check_positive)

    @property
    def discretisation(self) -> Discretisation:
        """Of second order in ``eps``; friction removes the heat of minibatches slowly."""
        slow = math.tanh(0.5 * self.friction)
        return Discretisation(self.step_size, curvature=0.0, noise=1 / slow, relaxation=slow)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> BAOABState:
        """Draw stationary momenta and evaluate the gradient at the start."""
        momentum = torch.empty_like(theta).normal_(generator=rng)
        return BAOABState(theta, momentum, target.potential_and_grad(theta)[1])

    def step(
        self, state: BAOABState, target: Target, rng: torch.Generator
    ) -> tuple[BAOABState, Draw]:
        """Move all chains; the loss is that after the drift, on a batch that it has not seen."""
        theta, momentum, grad = state
        half = 0.5 * self.step_size**0.5
        keep = math.exp(-self.friction)
        momentum.add_(grad, alpha=-half)
        theta.add_(momentum, alpha=half)
        noise = torch.empty_like(theta).normal_(generator=rng)
        momentum.mul_(keep).add_(noise, alpha=math.sqrt(-math.expm1(-2 * self.friction)))
        theta.add_(momentum, alpha=half)
        _, grad, loss = target.potential_and_grad(theta)
        momentum.add_(grad, alpha=-half)
        draw = Draw(theta, loss, grad=grad, kinetic=target.kinetic(momentum))
        return BAOABState(theta, momentum, grad), draw
