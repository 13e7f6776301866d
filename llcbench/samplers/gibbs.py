"""Block Gibbs for linear networks: every layer is drawn exactly, given the others."""

from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.samplers.metropolis import full_batch_only
from llcbench.sampling.loss_abilities import moment_form, squared_form
from llcbench.sampling.target import Target
from llcbench.types import Draw, LayerForm
from theory.linear_networks.density import LinearDensity
from theory.linear_networks.gibbs import LinearPosterior
from theory.linear_networks.wide_gibbs import WidePosterior
from theory.tempered.linear import WIDE


class GibbsState(NamedTuple):
    """All chains with the posterior they are drawn from.

    Attributes:
        theta: Parameters of all chains, ``(chains, dim)``.
        posterior: The kernel.
        noise: Source of its randomness, seeded once from the chain's generator.
    """

    theta: Tensor
    posterior: LinearDensity
    noise: np.random.Generator


@final
@dataclass(frozen=True)
class Gibbs:
    """Draws every ``W_k`` from its Gaussian conditional, first layer to last, in every step.

    Precision ``2 nbeta scale (U^T U) (x) (V S V^T) + gamma I`` with U the product above and V the
    product below. Exact for the full-batch target: no step size, no discretisation bias. Mixing
    slows towards deeper strata.

    Attributes:
        fibre_moves: Before every sweep, move each chain along the fibre by transformations of the
            hidden layers that keep the loss (shears, scales, signs; Metropolis for the
            localisation). Without them mirrored branches of the fibre are reached late or never.
            Above 20 000 parameters there are none: they would cost more than the sweep.
        rao_blackwell: Record the conditional mean of the loss given the other layers, which has
            the same expectation as the loss and much less variance.

    Source: Geman and Geman 1984; the conditionals follow from the loss being quadratic in a layer.
    """

    fibre_moves: bool = True
    rao_blackwell: bool = True

    def unsupported(self, target: Target) -> str | None:
        """Return why a target cannot be sampled, None if it can."""
        if _network(target) is None:
            return f"gibbs needs a linear network, {target.problem.id} is none"
        if target.device != "cpu":
            return f"gibbs draws on the CPU, and the device is {target.device}; use device='cpu'"
        confined = None if target.gamma > 0 else "gibbs needs gamma > 0"
        return full_batch_only("gibbs", target) or confined

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> GibbsState:
        """Set up the kernel from the moments of the data."""
        form = moment_form(target.loss)
        assert form is not None
        scale, second, cross = form.scale, None, None
        if isinstance(form.second, float):
            # One variance for all inputs is a factor of the loss.
            scale = form.scale * form.second
        else:
            second = form.second.numpy()
            cross = None if form.cross is None else form.cross.numpy()
        build = WidePosterior if target.dim > WIDE else LinearPosterior
        posterior = build(
            [layer[0] for layer in _layers(target, target.w_star.unsqueeze(0))],
            target.nbeta,
            target.gamma,
            scale,
            second_moment=second,
            cross_moment=cross,
        )
        seed = int(torch.randint(2**62, (), generator=rng))
        return GibbsState(theta, posterior, np.random.default_rng(seed))

    def step(
        self, state: GibbsState, target: Target, rng: torch.Generator
    ) -> tuple[GibbsState, Draw]:
        """Draw all layers once."""
        theta, posterior, noise = state
        layers = _layers(target, theta)
        moved = posterior.fibre_move(layers, noise) if self.fibre_moves else layers
        drawn, conditional = posterior.sweep(moved, noise)
        for layer, new in zip(layers, drawn, strict=True):
            if new is not layer:  # large chains are overwritten by the sweep
                layer[...] = new
        loss = conditional if self.rao_blackwell else posterior.excess_loss(layers)
        return state, Draw(theta, torch.from_numpy(loss))


def _network(target: Target) -> LayerForm | None:
    """Return the network whose layers are drawn, None where there is none."""
    form = squared_form(target.problem)
    return form.map if form is not None and isinstance(form.map, LayerForm) else None


def _layers(target: Target, theta: Tensor) -> list[NDArray[np.floating[Any]]]:
    """Return the layers of all chains, ``(chains, H_k, H_{k-1})``, as views."""
    network = _network(target)
    assert network is not None
    return [layer.numpy() for layer in network.layers(theta)]
