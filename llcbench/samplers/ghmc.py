"""Generalised Hamiltonian Monte Carlo: one leapfrog step, one test, momentum that is kept."""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_between, check_count, check_non_negative, check_positive
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.samplers.metropolis import Place, accepts, full_batch_only, selected
from llcbench.sampling.target import Target
from llcbench.types import Draw

# Adaptation of log h: gain of the first steps, steps after which it falls, largest moves.
GAIN, SETTLING, FALL, RISE = 3.0, 30.0, -0.5, 0.1
# Largest h in units of 1/sqrt(gamma), where leapfrog steps are unstable from 2 on.
REACH = 1.5
# Friction in units of sqrt(gamma): twice what is critical for directions of curvature gamma. On 11
# problems the mean square error at 2, 4 and 8 is as 1.00 : 0.72 : 0.70, and 8 is biased at gamma 1.
FRICTION = 4.0
# Least share of the momentum that a step of time h forgets, where the friction is that of gamma.
FORGOTTEN = 0.02


class GHMCState(NamedTuple):
    """The chains with their momenta, and the step size that they share.

    Attributes:
        place: Where the chains are.
        momentum: Momenta, ``(chains, dim)``.
        log_step: Logarithm of the largest time step h, a number in double precision.
        log_sum: Sum of it over the second half of the adaptation so far.
        steps: Steps made so far.
    """

    place: Place
    momentum: Tensor
    log_step: Tensor
    log_sum: Tensor
    steps: int


@final
@dataclass(frozen=True)
class GHMC:
    """Underdamped Langevin dynamics with a Metropolis test of every leapfrog step, exact.

    With ``h_k = h 10^(-spread u / 2)``, u uniform and fresh for every step and chain:
    ``p = c p + sqrt(1 - c^2) xi`` with ``c = exp(-f h_k)``, one leapfrog step of time ``h_k``, and
    a test that accepts with ``min(1, exp(H(w, p) - H(w', p')))``; a chain that rejects stays and
    turns its momentum round, ``p = -p``. One gradient a step.

    Converges to the target itself, with no discretisation bias: each part leaves ``exp(-H)``
    invariant, and u does not depend on the state. Gamma is the curvature of the flat directions:
    with the default friction they relax in ``3.7 / (sqrt(gamma) h)`` steps, where overdamped steps
    of the same size need ``2 / (gamma h^2)``. The energy of stiff directions is forgotten in
    ``1 / (f h)`` steps, so that some more than the critical friction, ``2 sqrt(gamma)``, pays.

    For the first ``adapt`` steps, which belong in the burn-in, ``log h`` follows the mean
    acceptance probability of all chains towards ``acceptance``, with ``h <= 1.5 / sqrt(gamma)``;
    then h is its geometric mean over the second half of these steps, and stays.

    Attributes:
        step_size: First ``eps = h^2``, the largest one as they are spread.
        friction: Friction f, in units of inverse time; None for ``4 sqrt(gamma)``, and at least
            ``0.02 / h``, which keeps momenta from circling for ever where gamma is small or 0.
        acceptance: Mean acceptance probability to reach, below 1.
        adapt: Number of steps with adaptation, 0 for a fixed step.
        spread: Decades over which the steps ``eps`` are spread; 0 for one step size.

    Source: Horowitz 1991; Kennedy and Pendleton 2001.
    """

    step_size: float = 1e-5
    friction: float | None = None
    acceptance: float = 0.9
    adapt: int = 300
    spread: float = 0.87

    def __post_init__(self) -> None:
        check_hyperparameters(
            self, "ghmc", step_size=check_positive, adapt=check_count, spread=check_non_negative,
            acceptance=_check_acceptance,
        )  # fmt: skip
        if self.friction is not None:
            check_hyperparameters(self, "ghmc", friction=check_positive)

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        return full_batch_only("ghmc", target)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> GHMCState:
        """Draw stationary momenta and evaluate the potential at the start."""
        momentum = torch.empty_like(theta).normal_(generator=rng)
        first = 0.5 * math.log(self.step_size)
        log_step = torch.full((), first, dtype=torch.float64, device=theta.device)
        place = Place.at(theta, target)
        return GHMCState(place, momentum, log_step, torch.zeros_like(log_step), 0)

    def step(
        self, state: GHMCState, target: Target, rng: torch.Generator
    ) -> tuple[GHMCState, Draw]:
        """Refresh the momenta, move and test; the recorded loss is that after the test."""
        old, momentum = state.place, state.momentum
        largest = state.log_step.exp().to(old.theta.dtype)
        time_step = self._spread(largest, old.theta, rng)
        decay = self._friction(largest, target.gamma) * time_step
        noise = torch.empty_like(momentum).normal_(generator=rng)
        noise.mul_(torch.expm1(-2 * decay).neg_().sqrt_())
        momentum.mul_(torch.exp(-decay)).add_(noise)

        half = 0.5 * time_step
        moved = torch.addcmul(momentum, half, old.grad, value=-1)
        new = Place.at(torch.addcmul(old.theta, time_step, moved), target)
        moved.addcmul_(half, new.grad, value=-1)
        kinetic = 0.5 * (momentum.square().sum(1) - moved.square().sum(1))
        gain = old.potential - new.potential + kinetic

        accepted = accepts(gain, rng)
        pairs = zip(new, old, strict=True)
        place = Place(*(selected(accepted, fresh, kept) for fresh, kept in pairs))
        momentum = selected(accepted, moved, momentum.neg_())
        log_step, log_sum = self._adapted(state, gain, target.gamma)
        draw = Draw(place.theta, place.loss, accepted, grad=place.grad)
        return GHMCState(place, momentum, log_step, log_sum, state.steps + 1), draw

    def _spread(self, largest: Tensor, like: Tensor, rng: torch.Generator) -> Tensor:
        """Return the time step of every chain, ``(chains, 1)``."""
        if not self.spread:
            return largest.expand(like.shape[0], 1)
        uniform = torch.rand(
            (like.shape[0], 1), generator=rng, dtype=like.dtype, device=like.device
        )
        return largest * (-0.5 * math.log(10.0) * self.spread * uniform).exp_()

    def _friction(self, largest: Tensor, gamma: float) -> Tensor | float:
        if self.friction is not None:
            return self.friction
        return (FORGOTTEN / largest).clamp(min=FRICTION * math.sqrt(gamma))

    def _adapted(self, state: GHMCState, gain: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
        """Return the next ``log h``, and the sum of the second half of them.

        All are tensors where the chains are: no step waits for a number to arrive.
        """
        step = state.steps
        if step >= self.adapt:
            return state.log_step, state.log_sum
        # The probabilities, not what became of them, which is noisier; NaN is a rejection.
        mean = gain.clamp(max=0).exp().nan_to_num(nan=0.0).mean(dtype=torch.float64)
        rate = GAIN / math.sqrt(1 + step / SETTLING)
        move = (rate * (mean - self.acceptance)).clamp(FALL, RISE)
        highest = math.log(REACH) - 0.5 * math.log(gamma) if gamma else math.inf
        log_step = (state.log_step + move).clamp(max=highest)
        first = self.adapt // 2
        log_sum = state.log_sum + log_step if step >= first else state.log_sum
        if step == self.adapt - 1:
            log_step = log_sum / (self.adapt - first)
        return log_step, log_sum


def _check_acceptance(owner: str, name: str, value: object) -> float:
    return check_between(owner, name, value, 0.0, 1.0)
