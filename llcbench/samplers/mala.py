"""The Metropolis-adjusted Langevin algorithm."""

from dataclasses import dataclass
from typing import final

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
from llcbench.sampling.target import Target
from llcbench.types import Draw

# Acceptance at which MALA explores fastest in high dimension (Roberts and Rosenthal 1998).
BEST_ACCEPTANCE = 0.574


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
        check_hyperparameters(
            self, "mala", step_size=check_positive, adapt=check_count, spread=check_non_negative
        )

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return full_batch_only("mala", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> MetropolisState:
        """Evaluate the potential at the start."""
        return MetropolisState(Place.at(theta, target), self.step_size, 0)

    def step(
        self, state: MetropolisState, target: Target, rng: torch.Generator
    ) -> tuple[MetropolisState, Draw]:
        """Propose and test for all chains; the recorded loss is that after the test."""
        old = state.place
        eps = spread_steps(state.step_size, self.spread, old.theta, rng)
        noise = torch.empty_like(old.theta).normal_(generator=rng)
        new = Place.at(old.theta - (0.5 * eps) * old.grad + eps.sqrt() * noise, target)
        # log q(w|w') - log q(w'|w) with both squares expanded: nothing of order 1/eps is left.
        drift = 0.5 * (new.theta - old.theta) - (0.125 * eps) * (new.grad - old.grad)
        log_ratio = old.potential - new.potential + ((new.grad + old.grad) * drift).sum(1)
        return metropolis_step(state, new, log_ratio, rng, adapt=self.adapt, aim=BEST_ACCEPTANCE)
