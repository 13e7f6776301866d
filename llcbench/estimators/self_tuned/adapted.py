"""Leimkuhler-Matthews steps whose size follows D, as measured while they are made."""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.estimators.self_tuned.constants import FALL, MEMORY, RISE
from llcbench.samplers.leimkuhler_matthews import (
    LeimkuhlerMatthews,
    LeimkuhlerMatthewsState,
    moved,
)
from llcbench.sampling.devices import host_value
from llcbench.sampling.target import Target
from llcbench.types import Draw


class AdaptedState(NamedTuple):
    """The chains, and what their step size follows.

    Attributes:
        chains: State of the kernel.
        log_step: Logarithm of ``eps``.
        force: Decaying sum of ``|nbeta grad L_B|^2``.
        virial: Decaying sum of ``nbeta r . grad L_B``.
        log_sum: Sum of ``log (D / eps)`` over the second half of the adaptation.
        steps: Steps made.

    Numbers are the host's on the CPU, and on a device where it computed them.
    """

    chains: LeimkuhlerMatthewsState
    log_step: float | Tensor
    force: float | Tensor
    virial: float | Tensor
    log_sum: float | Tensor
    steps: int


@final
@dataclass(frozen=True)
class AdaptedSteps:
    """Leimkuhler-Matthews with ``eps`` such that D is a given share, and not above a limit.

    ``D = eps/4 (nbeta^2 E|grad L_B|^2 + gamma V) / V``, ``V = nbeta E[r . grad L_B]``, both over
    the last steps of all chains. In the first ``adapt`` steps D is ``warm`` times as large, so that
    slow directions equilibrate sooner; then ``eps`` is what the geometric mean of ``D / eps`` over
    the second half of them gives, and stays.

    Attributes:
        first: First ``eps``.
        largest: Largest ``eps``.
        share: D to reach.
        adapt: Number of steps with adaptation.
        warm: D of these steps over that of the later ones.
    """

    first: float
    largest: float
    share: float
    adapt: int
    warm: float = 1.0

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> AdaptedState:
        """Start all chains."""
        first = min(self.first, self.largest)
        chains = LeimkuhlerMatthews(first).init(theta, target, rng)
        log_step, zero = (
            host_value(theta.new_full((), value, dtype=torch.float64))
            for value in (math.log(first), 0.0)
        )
        return AdaptedState(chains, log_step, zero, zero, zero, 0)

    def step(
        self, state: AdaptedState, target: Target, rng: torch.Generator
    ) -> tuple[AdaptedState, Draw]:
        """Make a step, and adapt the next one."""
        eps = _exp(state.log_step)
        if state.steps >= self.adapt:
            chains, draw = moved(state.chains, eps, target, rng)
            return state._replace(chains=chains), draw
        recording, target.recording = target.recording, True
        chains, draw = moved(state.chains, eps, target, rng)
        target.recording = recording
        return self._adapted(state._replace(chains=chains), target), draw

    def _adapted(self, state: AdaptedState, target: Target) -> AdaptedState:
        assert target.moments is not None
        gram = target.moments.gram.double().mean(0)
        pull, square = (
            target.nbeta * host_value(gram[0, 1]),
            target.nbeta**2 * host_value(gram[1, 1]),
        )
        keep = 1 - 1 / MEMORY
        force, virial = keep * state.force + square, keep * state.virial + pull
        warm = math.log(self.share * self.warm)
        # Without a virial yet, the present step is kept.
        rate = _rate(force, virial, target.gamma, warm - state.log_step)
        highest = math.log(self.largest)
        wanted = _clamped(warm - rate, -math.inf, highest)
        log_step = state.log_step + _clamped(wanted - state.log_step, FALL, RISE)
        first = self.adapt // 2
        log_sum = state.log_sum + rate if state.steps >= first else state.log_sum
        if state.steps == self.adapt - 1:
            mean = log_sum / (self.adapt - first)
            log_step = _clamped(math.log(self.share) - mean, -math.inf, highest)
        return AdaptedState(state.chains, log_step, force, virial, log_sum, state.steps + 1)


Number = float | Tensor


def _rate(force: Number, virial: Number, gamma: float, otherwise: Number) -> Number:
    """Return ``log (D / eps)``, or another value where there is no virial yet."""
    if isinstance(virial, Tensor):
        shares = 0.25 * (force / virial + gamma)
        sound = (virial > 0) & (shares > 0) & shares.isfinite()
        return torch.where(sound, shares.log(), otherwise)
    per_step = 0.25 * (force / virial + gamma) if virial > 0 else math.inf
    return math.log(per_step) if 0 < per_step < math.inf else otherwise


def _clamped(value: Number, low: float, high: float) -> Number:
    return value.clamp(low, high) if isinstance(value, Tensor) else min(max(value, low), high)


def _exp(value: Number) -> Number:
    return value.exp() if isinstance(value, Tensor) else math.exp(value)
