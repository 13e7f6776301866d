"""Networks that train on a CPU, and real data that come inside packages."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from llcbench.networks.data import DATA, DataSet, cifar10, digits, mnist5k, text
from llcbench.networks.initial import Scheme, initialised
from llcbench.networks.losses import class_losses, squared_losses, token_losses
from llcbench.networks.mlp import MLP
from llcbench.networks.resnet import ResNet
from llcbench.networks.torchvision_models import resnet18
from llcbench.networks.transformer import Transformer

__all__ = [
    "DATA",
    "MLP",
    "NETWORKS",
    "DataSet",
    "ResNet",
    "Transformer",
    "cifar10",
    "class_losses",
    "digits",
    "initialised",
    "mnist5k",
    "network",
    "resnet18",
    "squared_losses",
    "text",
    "token_losses",
]

# From the data, the numbers in the name and the options to a network.
Maker = Callable[[DataSet, tuple[int, ...], Mapping[str, Any]], nn.Module]


def network(
    name: str,
    data: DataSet,
    *,
    seed: int = 0,
    scheme: Scheme = "default",
    scale: float = 1.0,
    **options: Any,
) -> nn.Module:
    """Return a network by name, shaped for a data set, with fresh weights.

    ``mlp-64-64`` has two hidden layers; ``resnet-8-16`` is of depth 8 and width 16 (8 if left out);
    ``attention-2-64`` and ``gpt-2-64`` have two layers of width 64 (the defaults), without and
    with perceptrons; ``resnet18`` is torchvision's, of width 64.

    Args:
        name: Family and sizes, joined by hyphens.
        data: What it is for.
        seed: Of the initial weights.
        scheme: Of the initial weights, see `initialised`.
        scale: Factor on them.
        options: Further arguments of the class, such as ``norm`` or ``heads``.

    Raises:
        ValueError: If the name, a size or an option is unknown or does not suit the data.
    """
    family, *sizes = name.split("-")
    if family not in NETWORKS or not all(size.isdecimal() for size in sizes):
        raise ValueError(
            f"network {name!r} is unknown: write {', '.join(NETWORKS)} with sizes, as in mlp-64-64"
        )
    numbers = tuple(map(int, sizes))
    rng = torch.Generator().manual_seed(seed)
    try:
        return initialised(lambda: NETWORKS[family](data, numbers, options), rng, scheme, scale)
    except TypeError as error:  # sizes and options are the arguments of a class
        raise ValueError(f"network {name!r}: {error}") from error


def _mlp(data: DataSet, sizes: tuple[int, ...], options: Mapping[str, Any]) -> nn.Module:
    if not data.train[0].is_floating_point():
        raise ValueError(f"mlp: {data.name} holds tokens; take attention-2 or gpt-2")
    outputs = data.classes or math.prod(data.train[1].shape[1:])
    return MLP(math.prod(data.shape), sizes, outputs, **options)


def _resnet(data: DataSet, sizes: tuple[int, ...], options: Mapping[str, Any]) -> nn.Module:
    if len(data.shape) != 3 or data.classes is None:
        raise ValueError(f"resnet: {data.name} holds no images with labels")
    arguments = {**_named(sizes, "depth", "width"), **options}
    return ResNet(data.shape[0], data.classes, **arguments)


def _resnet18(data: DataSet, sizes: tuple[int, ...], options: Mapping[str, Any]) -> nn.Module:
    if len(data.shape) != 3 or data.classes is None:
        raise ValueError(f"resnet18: {data.name} holds no images with labels")
    return resnet18(data.shape[0], data.classes, **{**_named(sizes, "width"), **options})


def _attention(data: DataSet, sizes: tuple[int, ...], options: Mapping[str, Any]) -> nn.Module:
    return _gpt(data, sizes, {**options, "perceptron": False})


def _gpt(data: DataSet, sizes: tuple[int, ...], options: Mapping[str, Any]) -> nn.Module:
    if data.train[0].is_floating_point() or data.classes is None:
        raise ValueError(f"transformer: {data.name} holds no tokens")
    arguments = {**_named(sizes, "layers", "width"), **options}
    return Transformer(data.classes, data.shape[0], **arguments)


def _named(sizes: tuple[int, ...], *names: str) -> dict[str, int]:
    """Return sizes as arguments."""
    if len(sizes) > len(names):
        raise ValueError(f"{'-'.join(map(str, sizes))}: the sizes are {', '.join(names)}")
    return dict(zip(names, sizes, strict=False))


NETWORKS: dict[str, Maker] = {
    "mlp": _mlp,
    "resnet": _resnet,
    "resnet18": _resnet18,
    "attention": _attention,
    "gpt": _gpt,
}
