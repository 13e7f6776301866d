"""The Metropolis-adjusted Langevin algorithm."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.samplers.adaptation import adapted, spread_steps
from llcbench.samplers.checks import check_count, check_positive
from llcbench.sampling.target import Target
from llcbench.types import Draw

# Acceptance at which MALA explores fastest in high dimension (Roberts and Rosenthal 1998).
BEST_ACCEPTANCE = 0.574


class State(NamedTuple):
    """Current point of every chain with what the next ratio needs.

    Attributes:
        theta: Parameters, ``(chains, dim)``.
        potential: Potential there, ``(chains,)``.
        grad: Gradient of the potential there, ``(chains, dim)``.
        loss: Excess loss there, ``(chains,)``.
        step_size: Current step, one for all chains.
        steps: Steps made so far.
    """

    theta: Tensor
    potential: Tensor
    grad: Tensor
    loss: Tensor
    step_size: float
    steps: int


@final
@dataclass(frozen=True)
class MALA:
    """Langevin proposals with a Metropolis test, exact for the full-batch target at any step.

    Proposes ``w' ~ N(w - eps/2 grad U(w), eps I)`` and accepts with probability
    ``min(1, exp(U(w) - U(w')) q(w|w') / q(w'|w))``, where U is the potential.

    Converges to the target itself, with no discretisation bias. For the first ``adapt`` steps,
    which belong in the burn-in, ``log eps`` follows the acceptance rate of all chains towards
    0.574; from then on the step is fixed and the chain is Markov.

    A cross such as ``(w1 w2)^2`` needs steps of a size at its centre that its arms never accept.
    With ``spread`` every chain multiplies its step by ``10^(-spread u)``, ``u`` uniform and fresh
    in every step: a mixture of kernels that each leave the target invariant, good on all scales.

    Attributes:
        step_size: First ``eps``, the largest one if they are spread.
        adapt: Number of steps with adaptation, 0 for a fixed step.
        spread: Decades over which the steps of a mixture are spread, 0 for one step size.

    Source: Roberts and Tweedie 1996; the adaptation is Robbins-Monro (Andrieu and Thoms 2008).
    """

    step_size: float = 1e-3
    adapt: int = 500
    spread: float = 0.0

    def __post_init__(self) -> None:
        check_positive("mala", "step_size", self.step_size)
        check_count("mala", "adapt", self.adapt)
        if self.spread != 0:
            check_positive("mala", "spread", self.spread)

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled: minibatch losses make no Metropolis ratio."""
        return None if target.batch_size is None else "mala needs the full batch; drop batch_size"

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Evaluate the potential at the start."""
        potential, grad, loss = target.potential_and_grad(theta)
        return State(theta, potential, grad, loss, self.step_size, 0)

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Propose and test for all chains; the recorded loss is that after the test."""
        eps = spread_steps(state.step_size, self.spread, state.theta, rng)
        noise = torch.empty_like(state.theta).normal_(generator=rng)
        proposal = state.theta - (0.5 * eps) * state.grad + eps.sqrt() * noise
        potential, grad, loss = target.potential_and_grad(proposal)
        # log q(w|w') - log q(w'|w) with both squares expanded: nothing of order 1/eps is left.
        drift = 0.5 * (proposal - state.theta) - (0.125 * eps) * (grad - state.grad)
        log_ratio = state.potential - potential + ((grad + state.grad) * drift).sum(1)
        uniform = torch.rand(log_ratio.shape, generator=rng, dtype=log_ratio.dtype)
        # A NaN ratio (an overflowing proposal) compares false and is rejected.
        accepted = uniform.log() < log_ratio
        row = accepted.unsqueeze(1)
        moved = State(
            torch.where(row, proposal, state.theta),
            torch.where(accepted, potential, state.potential),
            torch.where(row, grad, state.grad),
            torch.where(accepted, loss, state.loss),
            adapted(state.step_size, state.steps, self.adapt, accepted, BEST_ACCEPTANCE),
            state.steps + 1,
        )
        return moved, Draw(moved.theta, moved.loss, accepted)
