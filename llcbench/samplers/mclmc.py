"""Microcanonical Langevin Monte Carlo, unadjusted and Metropolis-adjusted."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_count, check_non_negative, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.samplers.metropolis import (
    MetropolisState,
    Place,
    full_batch_only,
    metropolis_step,
    spread_steps,
)
from llcbench.sampling.devices import whole_number
from llcbench.sampling.target import Target
from llcbench.types import Draw

BEST_ACCEPTANCE = 0.8


class Flow(NamedTuple):
    """Position and direction of the flow of all chains.

    Attributes:
        place: Parameters with the target's values there.
        direction: Unit vectors, ``(chains, dim)``.
    """

    place: Place
    direction: Tensor


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
    place, start = flow.place, flow.place.potential
    direction, error = turn(flow.direction, place.grad, 0.5 * time)
    for left in reversed(range(steps)):
        place = Place.at(place.theta + time * direction, target)
        direction, growth = turn(direction, place.grad, time if left else 0.5 * time)
        error = error + growth
    return Flow(place, direction), error.add_(place.potential).sub_(start)


@final
@dataclass(frozen=True)
class MCLMC:
    """Motion at unit speed that the gradient steers and noise partly redirects.

    Time step ``h = sqrt(eps d)``, about ``sqrt(eps)`` in every coordinate: half the noise, one
    reversible step of the isokinetic flow, half the noise. The noise is
    ``u' ~ u + nu z / sqrt(d)``, normalised, with ``nu^2 = exp(2 / decoherence) - 1`` over a step,
    so that a direction is forgotten after ``decoherence`` steps.

    The flow keeps an energy whose microcanonical distribution has the target as its marginal.
    Converges to it as ``eps -> 0`` with full gradients, at first order in ``eps``; it is stable on
    stiff walls, but minibatch noise heats it and no friction removes the heat.

    Attributes:
        step_size: ``eps``.
        decoherence: Steps after which a direction is forgotten.

    Source: Robnik and Seljak 2024; Robnik, De Luca, Silverstein and Seljak 2023.
    """

    step_size: float = 1e-5
    decoherence: float = 10.0

    def __post_init__(self) -> None:
        check_hyperparameters(self, "mclmc", step_size=check_positive, decoherence=check_positive)

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return _too_small("mclmc", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Flow:
        """Draw directions and evaluate the potential at the start."""
        direction = directions(theta, rng)
        return Flow(Place.at(theta, target), direction)

    def step(self, state: Flow, target: Target, rng: torch.Generator) -> tuple[Flow, Draw]:
        """Move all chains; the recorded loss is that after the move."""
        time = math.sqrt(self.step_size * target.dim)
        state = state._replace(direction=self._redirected(state.direction, rng))
        state, _ = trajectory(state, target, time, 1)
        state = state._replace(direction=self._redirected(state.direction, rng))
        return state, Draw(state.place.theta, state.place.loss, grad=state.place.grad)

    def _redirected(self, direction: Tensor, rng: torch.Generator) -> Tensor:
        noise = torch.empty_like(direction).normal_(generator=rng)
        share = math.sqrt(math.expm1(1.0 / self.decoherence) / direction.shape[1])
        return unit(direction + share * noise)


@final
@dataclass(frozen=True)
class AdjustedMCLMC:
    """Trajectories of the microcanonical flow with a Metropolis test, exact at any step.

    Every step draws fresh uniform directions, follows ``l`` steps of the reversible integrator,
    ``l`` uniform in ``1 .. 2 leapfrogs - 1`` and common to all chains, and accepts with
    ``min(1, exp(-error))``, the error being the change of potential and kinetic energy together.
    A step costs ``l`` gradients a chain. Converges to the target itself.

    Attributes:
        step_size: First ``eps``; the time step is ``sqrt(eps d)``.
        leapfrogs: Mean number of steps of a trajectory.
        adapt: Number of trajectories with adaptation, 0 for a fixed step.
        spread: Decades over which the steps of a mixture are spread; 0 for one step size.

    Source: Robnik, Cohn-Gordon and Seljak 2025.
    """

    step_size: float = 1e-3
    leapfrogs: int = 8
    adapt: int = 300
    spread: float = 0.0

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "adjusted_mclmc", step_size=check_positive,
            leapfrogs=partial(check_count, least=1), adapt=check_count, spread=check_non_negative,
        )  # fmt: skip

    @property
    def grads_per_step(self) -> int:
        """Mean number of gradients of a chain in one step."""
        return self.leapfrogs

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        name = "adjusted_mclmc"
        return full_batch_only(name, target) or _too_small(name, target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> MetropolisState:
        """Evaluate the potential at the start."""
        # Not used: the numbers of a run are those of its seed as long as the order of draws stays.
        directions(theta, rng)
        return MetropolisState(Place.at(theta, target), self.step_size, 0)

    def step(
        self, state: MetropolisState, target: Target, rng: torch.Generator
    ) -> tuple[MetropolisState, Draw]:
        """Follow one trajectory and test it; the recorded loss is that after the test."""
        flow = Flow(state.place, directions(state.place.theta, rng))
        steps = spread_steps(state.step_size, self.spread, state.place.theta, rng)
        time = (steps * target.dim).sqrt()
        length = whole_number(1, 2 * self.leapfrogs, rng, state.steps)
        new, error = trajectory(flow, target, time, length)
        return metropolis_step(state, new.place, -error, rng, adapt=self.adapt, aim=BEST_ACCEPTANCE)


def _too_small(name: str, target: Target) -> str | None:
    """Return why a target has no directions to turn in, None if it has."""
    if target.dim >= 2:
        return None
    return f"{name} needs at least 2 parameters, {target.problem.id} has {target.dim}"
