"""The ResNet18 of torchvision, for those who have it."""

from functools import partial

from torch import nn

from llcbench.networks.data import package
from llcbench.networks.resnet import GROUPS, Norm

WIDTH = 64


def resnet18(channels: int, classes: int, width: int = WIDTH, norm: Norm = "group") -> nn.Module:
    """Return ResNet18, untrained: a 7 x 7 stem of stride 2, eight blocks, a dense head.

    With batch norm the loss of a trained network is that of its frozen running statistics; group
    norm, the default, treats every sample separately.

    Args:
        channels: Of the images; torchvision's stem takes 3.
        classes: Number of outputs.
        width: Channels of the first stage; torchvision has 64.
        norm: ``group`` with 4 groups, or ``batch`` as published.

    Raises:
        ValueError: If torchvision cannot be imported, or has no such network.

    Source: He et al. 2016, table 1, as built by torchvision.
    """
    if channels != 3 or width != WIDTH:
        raise ValueError(
            f"resnet18: torchvision's has 3 channels and width {WIDTH}, not {channels} and {width};"
            " take resnet-20-16"
        )
    if norm not in ("group", "batch"):
        raise ValueError(f"resnet18: norm {norm!r} is none of group, batch")
    layer = nn.BatchNorm2d if norm == "batch" else partial(nn.GroupNorm, GROUPS)
    models = package("torchvision.models", "torchvision")
    built: nn.Module = models.resnet18(weights=None, num_classes=classes, norm_layer=layer)
    return built
