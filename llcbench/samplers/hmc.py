"""Hamiltonian Monte Carlo."""

from dataclasses import dataclass
from functools import partial
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
from llcbench.sampling.devices import whole_number
from llcbench.sampling.target import Target
from llcbench.types import Draw

# The best acceptance of long trajectories in high dimension (Beskos et al. 2013) is 0.651; a rate
# above it costs little and spares stiff regions.
BEST_ACCEPTANCE = 0.8


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
        check_hyperparameters(
            self, "hmc", step_size=check_positive, leapfrogs=partial(check_count, least=1),
            adapt=check_count, spread=check_non_negative,
        )  # fmt: skip

    @property
    def grads_per_step(self) -> int:
        """Mean number of gradients of a chain in one step."""
        return self.leapfrogs

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return full_batch_only("hmc", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> MetropolisState:
        """Evaluate the potential at the start."""
        return MetropolisState(Place.at(theta, target), self.step_size, 0)

    def step(
        self, state: MetropolisState, target: Target, rng: torch.Generator
    ) -> tuple[MetropolisState, Draw]:
        """Follow one trajectory and test it; the recorded loss is that after the test."""
        old = state.place
        time_step = spread_steps(state.step_size, self.spread, old.theta, rng).sqrt()
        momentum = torch.empty_like(old.theta).normal_(generator=rng)
        start = old.potential + 0.5 * momentum.square().sum(1)
        theta, new = old.theta.clone(), old
        for _ in range(whole_number(1, 2 * self.leapfrogs, rng, state.steps)):
            momentum -= 0.5 * time_step * new.grad
            theta += time_step * momentum
            new = Place.at(theta, target)
            momentum -= 0.5 * time_step * new.grad
        gain = start - new.potential - 0.5 * momentum.square().sum(1)
        return metropolis_step(state, new, gain, rng, adapt=self.adapt, aim=BEST_ACCEPTANCE)
