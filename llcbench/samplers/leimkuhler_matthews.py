"""The Leimkuhler-Matthews method: Langevin steps with the mean of two successive noises."""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from llcbench.checks import check_positive
from llcbench.samplers.fused import by_layer, move_by_layer, update
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.devices import add_multiple
from llcbench.sampling.target import Target
from llcbench.types import Discretisation, Draw


class LeimkuhlerMatthewsState(NamedTuple):
    """Parameters and the noise of the last step, ``(chains, dim)`` each."""

    theta: Tensor
    noise: Tensor


@final
@dataclass(frozen=True)
class LeimkuhlerMatthews:
    """Langevin steps whose noise is shared with the step before.

    ``w' = w - eps/2 grad U_B(w) + sqrt(eps) (xi + xi') / 2``, ``xi' ~ N(0, I)`` new and ``xi`` that
    of the last step; ``U_B = nbeta L_B + gamma/2 |w - w*|^2``. One gradient a step.

    Converges to the target as ``eps -> 0`` with full gradients, at second order in ``eps``; SGLD,
    which differs in the noise alone, at first order. On a quadratic of curvature ``h`` (in the
    potential) the stationary distribution of w is exact for every stable step, ``eps h < 4``. It is
    the limit of `BAOAB` at large friction. Averages before stationarity keep an error of first
    order, which decays at the rate of the chain. Minibatch noise of variance ``s^2`` in the
    potential's gradient adds ``eps s^2 / (4 h (1 - eps h / 4))`` to the variance, as in SGLD.

    Attributes:
        step_size: ``eps``.

    Source: Leimkuhler and Matthews 2013; its order, Leimkuhler, Matthews and Tretyakov 2014.
    """

    step_size: float = 1e-5

    def __post_init__(self) -> None:
        check_hyperparameters(self, "leimkuhler_matthews", step_size=check_positive)

    @property
    def discretisation(self) -> Discretisation:
        """Of second order in ``eps``; the noise of minibatches stays."""
        return Discretisation(self.step_size, curvature=0.0)

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> LeimkuhlerMatthewsState:
        """Draw the noise that the first step shares."""

        def fill(xi: Tensor, star: Tensor, noise: Tensor) -> None:
            noise.copy_(xi)

        noise = torch.empty_like(theta)
        update(fill, target.w_star, (noise,), rng)
        return LeimkuhlerMatthewsState(theta, noise)

    def step(
        self, state: LeimkuhlerMatthewsState, target: Target, rng: torch.Generator
    ) -> tuple[LeimkuhlerMatthewsState, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        return moved(state, self.step_size, target, rng)


def moved(
    state: LeimkuhlerMatthewsState, eps: float | Tensor, target: Target, rng: torch.Generator
) -> tuple[LeimkuhlerMatthewsState, Draw]:
    """Move all chains by a step; ``eps`` may be a number on the device, so that nothing waits."""
    tensors = theta, _ = state
    spread: float | Tensor = 0.5 * eps**0.5
    # In units of half the noise: sqrt(eps) times nbeta and gamma.
    slope, pull = -2 * spread * target.nbeta, 2 * spread * target.gamma

    def move(xi: Tensor, star: Tensor, theta: Tensor, noise: Tensor, *grad: Tensor) -> None:
        # Everything goes into the noise first: alone a pull or a slope may be too small to change
        # a weight.
        add_multiple(noise.add_(xi), star, pull)
        add_multiple(noise, theta, -pull)
        for part in grad:
            add_multiple(noise, part, slope)
        add_multiple(theta, noise, spread)
        noise.copy_(xi)

    drift = spread * slope
    if not isinstance(drift, Tensor) and by_layer(target, theta):
        return state, Draw(theta, move_by_layer(move, drift, target, tensors, rng))
    loss, grad = target.loss_and_grad(theta, reuse=True)
    update(move, target.w_star, (*tensors, grad), rng)
    return state, Draw(theta, loss)
