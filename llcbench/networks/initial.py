"""Initial weights from an explicit generator: the global one is neither read nor moved."""

import math
from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

Scheme = Literal["default", "he", "glorot"]
ModuleT = TypeVar("ModuleT", bound=nn.Module)


def initialised(
    make: Callable[[], ModuleT],
    rng: torch.Generator,
    scheme: Scheme = "default",
    scale: float = 1.0,
) -> ModuleT:
    """Build a module without memory, then fill it.

    Dense and convolutional weights of ``i`` inputs and ``o`` outputs (times the size of the kernel)
    are

    - ``default``: uniform on ``[-1/sqrt(i), 1/sqrt(i)]``, biases alike, as torch does;
    - ``he``: normal of variance ``2 / i``, biases zero;
    - ``glorot``: normal of variance ``2 / (i + o)``, biases zero;

    times ``scale``, which leaves biases alone. Embeddings are standard normal, norms the identity.

    Raises:
        ValueError: If the scheme or a kind of layer is unknown, or the scale is not positive.
    """
    if scheme not in get_args(Scheme):
        raise ValueError(
            f"initialisation {scheme!r} is unknown: take {', '.join(get_args(Scheme))}"
        )
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"the scale of the initial weights must be positive, got {scale!r}")
    with torch.device("meta"):
        module = make()
    module.to_empty(device="cpu")
    with torch.no_grad():
        for layer in module.modules():
            _fill(layer, rng, scheme, scale)
    return module


def _fill(layer: nn.Module, rng: torch.Generator, scheme: Scheme, scale: float) -> None:
    """Fill the parameters that a layer itself owns."""
    if isinstance(layer, nn.Linear | nn.Conv2d):
        _fill_weights(layer.weight, layer.bias, rng, scheme, scale)
    elif isinstance(layer, nn.Embedding):
        layer.weight.normal_(generator=rng)
    elif isinstance(layer, nn.GroupNorm | nn.LayerNorm | nn.BatchNorm2d):
        layer.reset_parameters()
    elif next(layer.parameters(recurse=False), None) is not None:
        raise ValueError(f"no initial weights are known for {type(layer).__name__}")


def _fill_weights(
    weight: Tensor, bias: Tensor | None, rng: torch.Generator, scheme: Scheme, scale: float
) -> None:
    kernel = weight[0, 0].numel()
    fan_in, fan_out = weight.shape[1] * kernel, weight.shape[0] * kernel
    bound = 1 / math.sqrt(fan_in)
    if scheme == "default":
        weight.uniform_(-bound, bound, generator=rng)
    else:
        variance = 2 / fan_in if scheme == "he" else 2 / (fan_in + fan_out)
        weight.normal_(std=math.sqrt(variance), generator=rng)
    weight.mul_(scale)
    if bias is not None and scheme == "default":
        bias.uniform_(-bound, bound, generator=rng)
    elif bias is not None:
        bias.zero_()
