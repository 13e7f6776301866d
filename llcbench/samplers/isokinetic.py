"""The microcanonical flow: motion at unit speed, steered by the gradient."""

from typing import NamedTuple

import torch
from torch import Tensor

from llcbench.target import Target


class Flow(NamedTuple):
    """Where the flow is.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        direction: Unit vectors, ``(chains, dim)``.
        potential: Potential, ``(chains,)``.
        grad: Its gradient, ``(chains, dim)``.
        loss: Excess loss, ``(chains,)``.
    """

    theta: Tensor
    direction: Tensor
    potential: Tensor
    grad: Tensor
    loss: Tensor


def directions(like: Tensor, rng: torch.Generator) -> Tensor:
    """Return uniform unit vectors, ``(chains, dim)``."""
    return unit(torch.empty_like(like).normal_(generator=rng))


def unit(vectors: Tensor) -> Tensor:
    """Return vectors of length one, ``(chains, dim)``."""
    length: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / length


def turn(direction: Tensor, grad: Tensor, time: Tensor | float) -> tuple[Tensor, Tensor]:
    """Turn unit vectors towards lower potential for some time.

    ``du/dt = -(1 - u u^T) grad U / (d - 1)`` has a closed solution for a fixed gradient: with
    ``e = -grad U / |grad U|``, ``c = e.u`` and ``delta = time |grad U| / (d - 1)``

    ``u' = (u + e (sinh delta + c (cosh delta - 1))) / (cosh delta + c sinh delta)``.

    Returns:
        The vectors, and ``(d - 1) log(cosh delta + c sinh delta)``, ``(chains,)``: the growth of
        the kinetic energy, which is what the flow pays for a change of the potential.
    """
    size = direction.shape[1] - 1
    norm = torch.linalg.vector_norm(grad, dim=1, keepdim=True)
    pull = -grad / norm.clamp_min(torch.finfo(grad.dtype).tiny)
    cosine = (pull * direction).sum(1, keepdim=True)
    delta = time * norm / size
    # All terms divided by exp(delta) / 2: a steep wall does not overflow.
    shrink = torch.exp(-2 * delta)
    sinh, cosh, fade = 1 - shrink, 1 + shrink, 2 * torch.exp(-delta)
    turned = direction * fade + pull * (sinh + cosine * (cosh - fade))
    scale = cosh + cosine * sinh
    turned = unit(turned)
    growth = size * (delta + torch.log(scale.clamp_min(torch.finfo(grad.dtype).tiny) / 2))
    return turned, growth.squeeze(1)


def leapfrog(flow: Flow, target: Target, time: Tensor | float) -> tuple[Flow, Tensor]:
    """Turn for half the time, move, turn again; return the new place and the energy error.

    The error, ``(chains,)``, is the change of potential plus that of kinetic energy.
    """
    first, early = turn(flow.direction, flow.grad, 0.5 * time)
    theta = flow.theta + time * first
    potential, grad, loss = target.potential_and_grad(theta)
    second, late = turn(first, grad, 0.5 * time)
    error = potential - flow.potential + early + late
    return Flow(theta, second, potential, grad, loss), error
