"""Networks with random weights that are sampled on the very data they realise."""

from typing import TYPE_CHECKING

from torch import nn

from llcbench.problems.modules.from_module import from_module

if TYPE_CHECKING:
    import torch

    from llcbench.problems.modules.problem import ModuleProblem


def initialise(layers: nn.Sequential, rng: "torch.Generator") -> None:
    """Draw weights and biases of all dense layers, layer by layer.

    Weights are normal with standard deviation ``1 / sqrt(inputs)``, cut at twice that; biases are
    standard normal: settings of the published comparison of SGLD and MALA.

    Args:
        layers: Of a network, dense ones and others.
        rng: Source of the draws.
    """
    for layer in layers:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.trunc_normal_(layer.weight, 0, bound, -2 * bound, 2 * bound, generator=rng)
            nn.init.normal_(layer.bias, generator=rng)


def on_its_own_data(network: nn.Module, inputs: "torch.Tensor", name: str) -> "ModuleProblem":
    """Return the problem of a network whose targets are its own outputs, mean squared error.

    Args:
        network: At the reference point.
        inputs: ``(samples, inputs)``.
        name: Of the problem, for seeds.
    """
    problem = from_module(
        network, lambda f, y: (f - y).square().mean(1), (inputs, inputs), name=name
    )
    return problem.realised()
