"""Step sizes that follow an acceptance rate during burn-in."""

import math

import torch
from torch import Tensor


def adapted(step_size: float, steps: int, adapt: int, accepted: Tensor, aim: float) -> float:
    """Return the next step size: ``log eps`` follows the acceptance rate of all chains.

    Robbins-Monro with gain ``2 / sqrt(t)`` for the first ``adapt`` steps, then fixed.
    """
    if steps >= adapt:
        return step_size
    rate = float(accepted.double().mean())
    return step_size * math.exp(2.0 / (steps + 1) ** 0.5 * (rate - aim))


def spread_steps(step_size: float, spread: float, like: Tensor, rng: torch.Generator) -> Tensor:
    """Return a step of every chain, ``(chains, 1)``: ``eps 10^(-spread u)``, u uniform and fresh.

    A mixture over u of kernels that leave the target invariant leaves it invariant too.
    """
    steps = like.new_full((like.shape[0], 1), step_size)
    if not spread:
        return steps
    uniform = torch.rand(steps.shape, generator=rng, dtype=steps.dtype)
    return steps * (-math.log(10.0) * spread * uniform).exp_()
