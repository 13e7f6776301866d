"""Hamiltonian Monte Carlo."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.samplers.adaptation import adapted, spread_steps
from llcbench.samplers.checks import check_count, check_positive
from llcbench.sampling.target import Target
from llcbench.types import Draw

# The best acceptance of long trajectories in high dimension (Beskos et al. 2013) is 0.651; a rate
# above it costs little and spares stiff regions.
BEST_ACCEPTANCE = 0.8


class State(NamedTuple):
    """Current point of every chain with what the next trajectory needs.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        potential: Potential there, ``(chains,)``.
        grad: Its gradient there, ``(chains, dim)``.
        loss: Excess loss there, ``(chains,)``.
        step_size: Current ``eps``, one for all chains.
        steps: Trajectories made so far.
    """

    theta: Tensor
    potential: Tensor
    grad: Tensor
    loss: Tensor
    step_size: float
    steps: int


@final
@dataclass(frozen=True)
class HMC:
    """Leapfrog trajectories of random length with a Metropolis test, exact at any step.

    Every step draws fresh momenta and follows ``l`` leapfrog steps of time step ``sqrt(eps)``,
    ``l`` uniform in ``1 .. 2 leapfrogs - 1`` and common to all chains, then accepts with
    ``min(1, exp(H(w, p) - H(w', p')))``. A step costs ``l`` gradients a chain. With one leapfrog
    step it is MALA. Converges to the target itself, with no discretisation bias.

    Attributes:
        step_size: First ``eps``, the squared time step; the largest one if steps are spread.
        leapfrogs: Mean number of leapfrog steps.
        adapt: Number of trajectories with adaptation, 0 for a fixed step.
        spread: Decades over which the steps of a mixture are spread, fresh for every trajectory
            and chain; 0 for one step size.

    Source: Duane et al. 1987; random lengths after Neal 2011; adaptation as in MALA.
    """

    step_size: float = 1e-3
    leapfrogs: int = 8
    adapt: int = 300
    spread: float = 0.0

    def __post_init__(self) -> None:
        check_positive("hmc", "step_size", self.step_size)
        check_positive("hmc", "leapfrogs", self.leapfrogs)
        check_count("hmc", "leapfrogs", self.leapfrogs)
        check_count("hmc", "adapt", self.adapt)
        if self.spread != 0:
            check_positive("hmc", "spread", self.spread)

    @property
    def grads_per_step(self) -> int:
        """Mean number of gradients of a chain in one step."""
        return self.leapfrogs

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled: minibatch losses make no Metropolis ratio."""
        return None if target.batch_size is None else "hmc needs the full batch; drop batch_size"

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Evaluate the potential at the start."""
        potential, grad, loss = target.potential_and_grad(theta)
        return State(theta, potential, grad, loss, self.step_size, 0)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Follow one trajectory and test it; the recorded loss is that after the test."""
        time_step = spread_steps(state.step_size, self.spread, state.theta, rng).sqrt()
        momentum = torch.empty_like(state.theta).normal_(generator=rng)
        start = state.potential + 0.5 * momentum.square().sum(1)
        theta, grad = state.theta.clone(), state.grad
        potential, loss = state.potential, state.loss
        for _ in range(int(torch.randint(1, 2 * self.leapfrogs, (), generator=rng))):
            momentum -= 0.5 * time_step * grad
            theta += time_step * momentum
            potential, grad, loss = target.potential_and_grad(theta)
            momentum -= 0.5 * time_step * grad
        gain = start - potential - 0.5 * momentum.square().sum(1)
        uniform = torch.rand(gain.shape, generator=rng, dtype=gain.dtype)
        # A NaN energy (an overflowing trajectory) compares false and is rejected.
        accepted = uniform.log() < gain
        row = accepted.unsqueeze(1)
        moved = State(
            torch.where(row, theta, state.theta),
            torch.where(accepted, potential, state.potential),
            torch.where(row, grad, state.grad),
            torch.where(accepted, loss, state.loss),
            adapted(state.step_size, state.steps, self.adapt, accepted, BEST_ACCEPTANCE),
            state.steps + 1,
        )
        return moved, Draw(moved.theta, moved.loss, accepted)
