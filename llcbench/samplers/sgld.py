"""Stochastic gradient Langevin dynamics."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from llcbench.samplers.checks import check_positive
from llcbench.samplers.fused import langevin
from llcbench.sampling.target import Target
from llcbench.types import Draw


@final
@dataclass(frozen=True)
class SGLD:
    """Euler-Langevin steps with minibatch gradients, never rejected.

    ``w' = w - eps/2 (nbeta grad L_B(w) + gamma (w - w*)) + sqrt(eps) xi``, ``xi ~ N(0, I)``.

    Converges to the target as ``eps -> 0`` with full gradients, at first order in ``eps``; on a
    quadratic of curvature ``h`` (in the potential) the variance is too large by
    ``1 / (1 - eps h / 4)``. Minibatch noise adds a further bias of the same order.

    Attributes:
        step_size: ``eps``.

    Source: Welling and Teh 2011; the local target is Lau et al. 2023, equation of the sampler.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_positive("sgld", "step_size", self.step_size)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Tensor:
        """Return the parameters: there is no other state."""
        return theta

    def step(self, state: Tensor, target: Target, rng: torch.Generator) -> tuple[Tensor, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        return state, Draw(state, langevin(self.step_size, target, state, rng))
