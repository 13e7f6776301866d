"""The rescaling of ReLU layers: other weights, the same function."""

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from llcbench.checks import check_positive
from llcbench.samplers.fused import update
from llcbench.samplers.hyperparameters import check_hyperparameters
from llcbench.sampling.target import Target
from llcbench.types import Draw


def rescaled(network: nn.Sequential, layer: int, factor: float) -> nn.Sequential:
    """Return the network with one layer times a factor and the next one divided by it.

    ``W_k, b_k -> a W_k, a b_k`` and ``W_{k+1} -> W_{k+1} / a``; since ``relu(a z) = a relu(z)``
    for positive ``a``, the function is the same.

    Args:
        network: Linear layers with a ReLU between each two.
        layer: Number ``k`` of the linear layer, from 0; there must be a next one.
        factor: ``a``, finite and positive.

    Raises:
        ValueError: If the network is another one or the arguments are not admissible.
    """
    copied = copy.deepcopy(network)
    scales = factors(network, layer, factor)
    with torch.no_grad():
        for name, value in copied.named_parameters():
            value.mul_(scales[name])
    return copied


def factors(network: nn.Sequential, layer: int, factor: float) -> dict[str, float]:
    """Return what `rescaled` multiplies every parameter with, by name.

    Raises:
        ValueError: As `rescaled` does.
    """
    modules = list(network.named_children())
    for (_, first), (_, second) in pairwise(modules):
        if {type(first), type(second)} != {nn.Linear, nn.ReLU}:
            raise ValueError(
                f"{type(second).__name__} follows on {type(first).__name__}: only linear layers"
                " with a ReLU between each two can be rescaled"
            )
    linear = [name for name, module in modules if isinstance(module, nn.Linear)]
    if not 0 <= layer < len(linear) - 1:
        raise ValueError(f"layer={layer}: give 0 to {len(linear) - 2}, a layer with a next one")
    factor = check_positive("rescaled", "factor", factor)
    scales = dict.fromkeys(dict(network.named_parameters()), 1.0)
    own, following = linear[layer], linear[layer + 1]
    for name in scales:
        if name.rpartition(".")[0] == own:
            scales[name] = factor
    scales[f"{following}.weight"] = 1 / factor
    return scales


def along(network: nn.Module, scales: dict[str, float]) -> Tensor:
    """Return a number by name of parameter as the vector of all parameters, ``(dim,)``."""
    named = network.named_parameters()
    parts = [
        value.new_full((value.numel(),), scales[name], dtype=torch.float64) for name, value in named
    ]
    return torch.cat(parts)


@final
@dataclass(frozen=True, eq=False)
class MatchedSGLD:
    """Langevin steps in other units: a step size and a localisation for every parameter.

    ``w' = w - eps c^2/2 (nbeta grad L_B(w) + gamma/c^2 (w - w*)) + sqrt(eps) c xi``: plain SGLD in
    the coordinates ``w / c``. With the factors ``c`` of a rescaling it makes the same steps as
    plain SGLD does on the network before: the loss traces agree to round-off, which tests the
    code and says nothing about how an estimate depends on the weights' scale.

    Attributes:
        step_size: ``eps``.
        scale: ``c``, ``(dim,)``, positive.

    Source: Lau et al. 2023, the figure on the invariance under rescaling.
    """

    step_size: float
    scale: Tensor

    def __post_init__(self) -> None:
        check_hyperparameters(self, "matched_sgld", step_size=check_positive)
        if not bool((self.scale > 0).all()) or not bool(self.scale.isfinite().all()):
            raise ValueError("matched_sgld: scale must hold finite positive numbers")

    @property
    def preconditioned(self) -> bool:
        """The step size alone does not say whether the sampler is stable."""
        return True

    def init(self, theta: Tensor, target: Target, rng: torch.Generator) -> Tensor:
        """Return the parameters: there is no other state."""
        if self.scale.shape != target.w_star.shape:
            raise ValueError(
                f"matched_sgld: scale has {len(self.scale)} numbers for {target.dim} parameters"
            )
        return theta

    def step(self, state: Tensor, target: Target, rng: torch.Generator) -> tuple[Tensor, Draw]:
        """Move all chains; the recorded loss is that of the state before the move."""
        loss, grad = target.loss_and_grad(state, reuse=True)
        square = self.scale.square()
        steps, pulls = self.step_size * square, target.gamma / square

        def move(
            xi: Tensor, star: Tensor, theta: Tensor, grad: Tensor, step: Tensor, pull: Tensor
        ) -> None:
            drift = grad * target.nbeta + pull * (theta - star)
            theta.addcmul_(step, drift, value=-0.5).addcmul_(step.sqrt(), xi)

        rows = [part.to(state).expand_as(state) for part in (steps, pulls)]
        update(move, target.w_star, (state, grad, *rows), rng)
        return state, Draw(state, loss)
