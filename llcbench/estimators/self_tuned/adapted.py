"""Leimkuhler-Matthews steps whose size follows D, as measured while they are made."""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.estimators.self_tuned.constants import FALL, MEMORY, RISE
from llcbench.samplers.leimkuhler_matthews import LeimkuhlerMatthews, LeimkuhlerMatthewsState
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
    """

    chains: LeimkuhlerMatthewsState
    log_step: float
    force: float
    virial: float
    log_sum: float
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
        return AdaptedState(chains, math.log(first), 0.0, 0.0, 0.0, 0)

    def step(
        self, state: AdaptedState, target: Target, rng: torch.Generator
    ) -> tuple[AdaptedState, Draw]:
        """Make a step, and adapt the next one."""
        kernel = LeimkuhlerMatthews(math.exp(state.log_step))
        if state.steps >= self.adapt:
            chains, draw = kernel.step(state.chains, target, rng)
            return state._replace(chains=chains), draw
        recording, target.recording = target.recording, True
        chains, draw = kernel.step(state.chains, target, rng)
        target.recording = recording
        return self._adapted(state._replace(chains=chains), target), draw

    def _adapted(self, state: AdaptedState, target: Target) -> AdaptedState:
        assert target.moments is not None
        gram = target.moments.gram.double().mean(0)
        pull, square = target.nbeta * float(gram[0, 1]), target.nbeta**2 * float(gram[1, 1])
        keep = 1 - 1 / MEMORY
        force, virial = keep * state.force + square, keep * state.virial + pull
        per_step = 0.25 * (force / virial + target.gamma) if virial > 0 else math.inf
        # Without a virial yet, the present step is kept.
        known = 0 < per_step < math.inf
        rate = math.log(per_step) if known else math.log(self.share * self.warm) - state.log_step
        highest = math.log(self.largest)
        wanted = min(math.log(self.share * self.warm) - rate, highest)
        log_step = state.log_step + min(max(wanted - state.log_step, FALL), RISE)
        first = self.adapt // 2
        log_sum = state.log_sum + rate if state.steps >= first else state.log_sum
        if state.steps == self.adapt - 1:
            log_step = min(math.log(self.share) - log_sum / (self.adapt - first), highest)
        return AdaptedState(state.chains, log_step, force, virial, log_sum, state.steps + 1)
