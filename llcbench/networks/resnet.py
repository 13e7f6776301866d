"""Residual networks for small images."""

from typing import Literal, final

from torch import Tensor, nn
from torch.nn.functional import relu

Norm = Literal["group", "batch"]
GROUPS = 4


@final
class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut.

    ``relu(norm conv relu norm conv x + S x)`` if activation comes after the sum, else
    ``conv relu norm conv relu norm x + S x``; ``S`` is the identity, or a 1 x 1 convolution where
    the shape changes.
    """

    def __init__(self, below: int, above: int, stride: int, norm: Norm, pre: bool) -> None:
        super().__init__()
        self.pre = pre
        self.conv1 = nn.Conv2d(below, above, 3, stride, 1, bias=False)
        self.norm1 = _norm(norm, below if pre else above)
        self.conv2 = nn.Conv2d(above, above, 3, 1, 1, bias=False)
        self.norm2 = _norm(norm, above)
        same = below == above and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(below, above, 1, stride, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the features after the block."""
        beside: Tensor = self.shortcut(inputs)
        if self.pre:
            inner = self.conv1(relu(self.norm1(inputs)))
            features: Tensor = beside + self.conv2(relu(self.norm2(inner)))
            return features
        inner = relu(self.norm1(self.conv1(inputs)))
        return relu(beside + self.norm2(self.conv2(inner)))


@final
class ResNet(nn.Module):
    """A residual network of depth ``6 b + 2``: a stem, three stages of ``b`` blocks, a dense head.

    Stages have ``k``, ``2k`` and ``4k`` channels, the second and third halve the image; the mean
    over pixels feeds the head. The stem is a 3 x 3 convolution of stride 1.

    Group norm is the default because it treats every sample separately, in training and after. With
    batch norm the loss of a trained network is that of its frozen running statistics.

    Source: He et al. 2016, section 4.2; their shortcuts have no weights or a norm, and ``k = 16``.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        depth: int = 8,
        width: int = 8,
        norm: Norm = "group",
        pre: bool = False,
    ) -> None:
        """Build the layers.

        Args:
            channels: Of the images.
            classes: Number of outputs.
            depth: Layers with weights, shortcuts aside: 8, 14, 20, ...
            width: Channels ``k`` of the first stage.
            norm: ``group`` with 4 groups, or ``batch``.
            pre: Whether norm and activation come before each convolution.

        Raises:
            ValueError: If the depth, width or norm is none of these.
        """
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if blocks < 1 or rest:
            raise ValueError(f"resnet: the depth must be 8, 14, 20, ..., got {depth}")
        if width < 1 or (norm == "group" and width % GROUPS):
            raise ValueError(
                f"resnet: the width must be positive, and with group norm a multiple of {GROUPS},"
                f" got {width}"
            )
        self.pre = pre
        self.stem = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.norm = _norm(norm, 4 * width if pre else width)
        self.stages = nn.Sequential()
        below = width
        for stage in range(3):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                self.stages.append(Block(below, width << stage, stride, norm, pre))
                below = width << stage
        self.head = nn.Linear(below, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(batch, classes)`` of images ``(batch, channels, height, width)``."""
        features: Tensor = self.stem(images)
        if self.pre:
            features = relu(self.norm(self.stages(features)))
        else:
            features = self.stages(relu(self.norm(features)))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits

    def scale_free(self) -> tuple[str, ...]:
        """Return the names of the weights that feed nothing but a norm.

        Multiplying one of them by a positive number does not change the function, up to the small
        constant inside the norm.
        """
        convs = ("conv1",) if self.pre else ("conv1", "conv2")
        inner = [f"stages.{k}.{conv}.weight" for k in range(len(self.stages)) for conv in convs]
        return tuple(inner if self.pre else ["stem.weight", *inner])


def _norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "group":
        return nn.GroupNorm(GROUPS, channels)
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    raise ValueError(f"resnet: norm must be group or batch, got {kind!r}")
