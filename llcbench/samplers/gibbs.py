"""Block Gibbs for linear networks: every layer is drawn exactly, given the others."""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.linear_map import LinearNetwork
from llcbench.problems.regression import Moments, Regression
from llcbench.target import Target
from llcbench.types import Draw
from theory.gibbs import LinearPosterior


class State(NamedTuple):
    """Layers of every chain with the posterior they are drawn from.

    Attributes:
        layers: One array per layer, ``(chains, H_k, H_{k-1})``.
        posterior: The kernel.
        noise: Source of its randomness, seeded once from the chain's generator.
    """

    layers: list[np.ndarray]
    posterior: LinearPosterior
    noise: np.random.Generator


@final
@dataclass(frozen=True)
class Gibbs:
    """Draws ``W_k`` from its Gaussian conditional, first layer to last, in every step.

    Precision ``2 nbeta scale (U^T U) (x) (V S V^T) + gamma I`` with U the product above and V the
    product below. Exact for the full-batch target: no step size, no discretisation bias. Mixing
    slows towards deeper strata.

    Attributes:
        rao_blackwell: Record the conditional mean of the loss given the other layers, which has
            the same expectation as the loss and much less variance.

    Source: Geman and Geman 1984; the conditionals follow from the loss being quadratic in a layer.
    """

    rao_blackwell: bool = True

    def unsupported(self, target: Target) -> str | None:
        """Say why a target cannot be sampled."""
        problem = target.problem
        if not (isinstance(problem, Regression) and isinstance(problem.map, LinearNetwork)):
            return f"gibbs needs a linear network, {problem.id} is none"
        if target.batch_size is not None:
            return "gibbs needs the full batch; drop batch_size"
        return None if target.gamma > 0 else "gibbs needs gamma > 0"

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> State:
        """Set up the kernel from the moments of the data."""
        problem, moments = target.problem, target.batch
        assert isinstance(problem, Regression) and isinstance(moments, Moments)
        assert isinstance(problem.map, LinearNetwork)
        posterior = LinearPosterior(
            [layer[0].numpy() for layer in problem.map.layers(target.w_star.unsqueeze(0))],
            target.nbeta,
            target.gamma,
            problem.scale,
            second_moment=moments.second.numpy(),
            cross_moment=moments.cross.numpy(),
        )
        seed = int(torch.randint(2**62, (), generator=rng))
        layers = [layer.numpy().copy() for layer in problem.map.layers(theta)]
        return State(layers, posterior, np.random.default_rng(seed))

    def step(self, state: State, target: Target, rng: torch.Generator) -> tuple[State, Draw]:
        """Draw all layers once."""
        layers, conditional = state.posterior.sweep(state.layers, state.noise)
        loss = conditional if self.rao_blackwell else state.posterior.excess_loss(layers)
        flat = np.concatenate([layer.reshape(layer.shape[0], -1) for layer in layers], axis=1)
        draw = Draw(torch.from_numpy(flat), torch.from_numpy(loss))
        return State(layers, state.posterior, state.noise), draw
