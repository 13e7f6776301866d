"""Microcanonical Langevin Monte Carlo, unadjusted and Metropolis-adjusted."""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.samplers.adaptation import adapted, spread_steps
from llcbench.samplers.checks import check_count, check_positive
from llcbench.samplers.isokinetic import Flow, directions, trajectory, unit
from llcbench.sampling.target import Target
from llcbench.types import Draw

BEST_ACCEPTANCE = 0.8


def _too_small(name: str, target: Target) -> str | None:
    """Say that one parameter has no directions to turn in."""
    if target.dim >= 2:
        return None
    return f"{name} needs at least 2 parameters, {target.problem.id} has {target.dim}"


@final
@dataclass(frozen=True)
class MCLMC:
    """Motion at unit speed that the gradient steers and noise partly redirects.

    Time step ``h = sqrt(eps d)``, about ``sqrt(eps)`` in every coordinate: half the noise, one
    reversible step of the isokinetic flow, half the noise. The noise is
    ``u' ~ u + nu z / sqrt(d)``, normalised, with ``nu^2 = exp(2 / decoherence) - 1`` over a step,
    so that a direction is forgotten after ``decoherence`` steps.

    The flow keeps an energy whose microcanonical law has the target as its marginal. Converges to
    it as ``eps -> 0`` with full gradients, at first order in ``eps``; it is steady on stiff walls,
    but the noise of minibatches heats it without a friction to take that up.

    Attributes:
        step_size: ``eps``.
        decoherence: Steps after which a direction is forgotten.

    Source: Robnik and Seljak 2024; Robnik, De Luca, Silverstein and Seljak 2023.
    """

    step_size: float = 1e-5
    decoherence: float = 10.0

    def __post_init__(self) -> None:
        check_positive("mclmc", "step_size", self.step_size)
        check_positive("mclmc", "decoherence", self.decoherence)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        return _too_small("mclmc", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Flow:
        """Draw directions and evaluate the potential at the start."""
        return Flow(theta, directions(theta, rng), *target.potential_and_grad(theta))

    def step(self, state: Flow, target: Target, rng: torch.Generator) -> tuple[Flow, Draw]:
        """Move all chains; the recorded loss is that after the move."""
        time = math.sqrt(self.step_size * target.dim)
        state = state._replace(direction=self._redirected(state.direction, rng))
        state, _ = trajectory(state, target, time, 1)
        state = state._replace(direction=self._redirected(state.direction, rng))
        return state, Draw(state.theta, state.loss)

    def _redirected(self, direction: Tensor, rng: torch.Generator) -> Tensor:
        noise = torch.empty_like(direction).normal_(generator=rng)
        share = math.sqrt(math.expm1(1.0 / self.decoherence) / direction.shape[1])
        return unit(direction + share * noise)


class State(NamedTuple):
    """Place of every chain, current step size and trajectories made so far."""

    flow: Flow
    step_size: float
    steps: int


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
        check_positive("adjusted_mclmc", "step_size", self.step_size)
        check_positive("adjusted_mclmc", "leapfrogs", self.leapfrogs)
        check_count("adjusted_mclmc", "leapfrogs", self.leapfrogs)
        check_count("adjusted_mclmc", "adapt", self.adapt)
        if self.spread != 0:
            check_positive("adjusted_mclmc", "spread", self.spread)

    @property
    def grads_per_step(self) -> int:
        """Mean number of gradients of a chain in one step."""
        return self.leapfrogs

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled: minibatch losses make no Metropolis ratio."""
        if target.batch_size is not None:
            return "adjusted_mclmc needs the full batch; drop batch_size"
        return _too_small("adjusted_mclmc", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Evaluate the potential at the start."""
        flow = Flow(theta, directions(theta, rng), *target.potential_and_grad(theta))
        return State(flow, self.step_size, 0)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Follow one trajectory and test it; the recorded loss is that after the test."""
        old = state.flow._replace(direction=directions(state.flow.theta, rng))
        steps = spread_steps(state.step_size, self.spread, old.theta, rng)
        time = (steps * target.dim).sqrt()
        length = int(torch.randint(1, 2 * self.leapfrogs, (), generator=rng))
        new, error = trajectory(old, target, time, length)
        uniform = torch.rand(error.shape, generator=rng, dtype=error.dtype)
        # A NaN error (an overflowing trajectory) compares false and is rejected.
        accepted = uniform.log() < -error
        pairs = zip(new, old, strict=True)
        flow = Flow(*(torch.where(_like(accepted, a), a, b) for a, b in pairs))
        step_size = adapted(state.step_size, state.steps, self.adapt, accepted, BEST_ACCEPTANCE)
        return State(flow, step_size, state.steps + 1), Draw(flow.theta, flow.loss, accepted)


def _like(mask: Tensor, value: Tensor) -> Tensor:
    return mask.unsqueeze(1) if value.dim() == 2 else mask
