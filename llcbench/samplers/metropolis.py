"""The Metropolis test: chains that accept take their proposals, the others stay where they are.

Step sizes of the proposals follow the acceptance rate during burn-in, or are spread.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from llcbench.sampling.devices import host_value
from llcbench.sampling.target import Target
from llcbench.types import Draw


class Place(NamedTuple):
    """The positions of all chains, with the target's values there.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        potential: Potential, ``(chains,)``.
        grad: Its gradient, ``(chains, dim)``.
        loss: Excess loss, ``(chains,)``.
    """

    theta: Tensor
    potential: Tensor
    grad: Tensor
    loss: Tensor

    @classmethod
    def at(cls, theta: Tensor, target: Target) -> "Place":
        """Return the place at given parameters; costs one gradient."""
        return cls(theta, *target.potential_and_grad(theta))


class MetropolisState(NamedTuple):
    """The positions of all chains, and the settings of the next proposal.

    Attributes:
        place: Where the chains are.
        step_size: Current ``eps``, one for all chains; once adapted on a device, a number there.
        steps: Proposals made so far.
    """

    place: Place
    step_size: float | Tensor
    steps: int


def full_batch_only(sampler: str, target: Target) -> str | None:
    """Return why a target has no Metropolis ratio (minibatch losses have none); None if it has."""
    return None if target.batch_size is None else f"{sampler} needs the full batch; drop batch_size"


def accepts(log_ratio: Tensor, rng: torch.Generator) -> Tensor:
    """Return which chains accept, each with probability ``min(1, exp(log_ratio))``.

    Args:
        log_ratio: Logarithm of the Metropolis-Hastings ratio, ``(chains,)``. NaN (an overflowing
            proposal) compares false and is rejected.
        rng: Source of one uniform number a chain.
    """
    uniform = torch.rand(
        log_ratio.shape, generator=rng, dtype=log_ratio.dtype, device=log_ratio.device
    )
    return uniform.log() < log_ratio


def selected(accepted: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Return the rows of ``new`` where chains accept and those of ``old`` elsewhere.

    A matrix ``(chains, dim)`` is updated in place: ``old`` is overwritten and returned. A vector
    ``(chains,)`` is returned as a new one, since a `Draw` may hold the old one.
    """
    if old.dim() == 1:
        return torch.where(accepted, new, old)
    return torch.where(accepted.unsqueeze(1), new, old, out=old)


def metropolis_step(
    state: MetropolisState,
    proposal: Place,
    log_ratio: Tensor,
    rng: torch.Generator,
    *,
    adapt: int,
    aim: float,
) -> tuple[MetropolisState, Draw]:
    """Test the proposals of all chains and adapt the step size to the acceptance rate.

    Args:
        state: Current state; its matrices are overwritten.
        proposal: Proposed positions.
        log_ratio: As for `accepts`; for trajectories the energy before less that after.
        rng: As for `accepts`.
        adapt: Number of proposals after which the step size follows the acceptance rate.
        aim: Acceptance rate to reach.

    Returns:
        The state after the test, and its draw.
    """
    accepted = accepts(log_ratio, rng)
    pairs = zip(proposal, state.place, strict=True)
    place = Place(*(selected(accepted, new, old) for new, old in pairs))
    step_size = adapted(state.step_size, state.steps, adapt, accepted, aim)
    draw = Draw(place.theta, place.loss, accepted, grad=place.grad)
    return MetropolisState(place, step_size, state.steps + 1), draw


def adapted(
    step_size: float | Tensor, steps: int, adapt: int, accepted: Tensor, aim: float
) -> float | Tensor:
    """Return the next step size: ``log eps`` follows the acceptance rate of all chains.

    Robbins-Monro with gain ``2 / sqrt(t)`` for the first ``adapt`` steps, then fixed.
    """
    if steps >= adapt:
        return step_size
    move = 2.0 / (steps + 1) ** 0.5 * (host_value(accepted.double().mean()) - aim)
    return step_size * (move.exp() if isinstance(move, Tensor) else math.exp(move))


def spread_steps(
    step_size: float | Tensor, spread: float, like: Tensor, rng: torch.Generator
) -> Tensor:
    """Return a step of every chain, ``(chains, 1)``: ``eps 10^(-spread u)``, u uniform and fresh.

    A mixture over u of kernels that leave the target invariant leaves it invariant too.
    """
    steps = like.new_ones((like.shape[0], 1)) * step_size
    if not spread:
        return steps
    uniform = torch.rand(steps.shape, generator=rng, dtype=steps.dtype, device=steps.device)
    return steps * (-math.log(10.0) * spread * uniform).exp_()
