"""The microcanonical flow: motion at unit speed, steered by the gradient."""

from typing import NamedTuple

import torch
from torch import Tensor

from llcbench.sampling.target import Target


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
    tiny = torch.finfo(grad.dtype).tiny
    # All terms divided by exp(delta) / 2: a steep wall does not overflow. Few operations: for small
    # models each costs more than its arithmetic.
    norm = torch.linalg.vector_norm(grad, dim=1, keepdim=True).clamp_min_(tiny)
    product = torch.bmm(grad.unsqueeze(1), direction.unsqueeze(2))
    against = product.squeeze(2).div_(norm)
    exponent = norm * (time * (-1.0 / size))
    fade = torch.exp(exponent)
    shrink = fade * fade
    sinh, cosh = 1 - shrink, 1 + shrink
    scale = torch.addcmul(cosh, against, sinh, value=-1)
    pull = torch.addcmul(sinh, against, cosh.sub_(fade, alpha=2), value=-1).div_(norm)
    turned = unit(torch.addcmul(direction * (2 * fade), grad, pull, value=-1))
    growth = scale.div_(2).clamp_min_(tiny).log_().sub_(exponent).mul_(size)
    return turned, growth.squeeze(1)


def trajectory(flow: Flow, target: Target, time: Tensor | float, steps: int) -> tuple[Flow, Tensor]:
    """Follow the flow by leapfrog steps; return the new place and the energy error.

    A step turns for half the time, moves, and turns again. The half turns at the end of a step and
    at the start of the next one have the same gradient: they are one turn for the whole time.

    The error, ``(chains,)``, is the change of potential plus that of kinetic energy.
    """
    theta, grad, start = flow.theta, flow.grad, flow.potential
    direction, error = turn(flow.direction, grad, 0.5 * time)
    potential, loss = start, flow.loss
    for left in reversed(range(steps)):
        theta = theta + time * direction
        potential, grad, loss = target.potential_and_grad(theta)
        direction, growth = turn(direction, grad, time if left else 0.5 * time)
        error = error + growth
    return Flow(theta, direction, potential, grad, loss), error.add_(potential).sub_(start)
