"""The ResNet18 of torchvision where it is installed, and one clear line where it is not."""

import pytest
import torch

from llcbench.networks import network, resnet18
from llcbench.networks.data import DataSet

IMAGES = DataSet(
    "images",
    (torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 1])),
    (torch.rand(2, 3, 32, 32), torch.tensor([0, 1])),
    "",
    "",
    10,
)


def importable() -> bool:
    """Return whether torchvision fits this torch; one for another torch raises at import."""
    try:
        import torchvision.models
    except (ImportError, RuntimeError):
        return False
    return hasattr(torchvision.models, "resnet18")


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_has_the_published_shape(norm: str) -> None:
    if not importable():
        with pytest.raises(ValueError, match="pip install torchvision"):
            network("resnet18-64", IMAGES, norm=norm)
        pytest.skip("torchvision is not installed for this torch")
    net = network("resnet18-64", IMAGES, norm=norm)
    # Convolutions and norms of the stem and of eight blocks, three with a shortcut, and the head.
    assert sum(p.numel() for p in net.parameters()) == 11_181_642
    assert net(IMAGES.train[0]).shape == (4, 10)
    kinds = {type(layer).__name__ for layer in net.modules()}
    assert ("BatchNorm2d" in kinds) == (norm == "batch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channels": 1}, "3 channels"),
        ({"width": 32}, "width 64"),
        ({"norm": "layer"}, "group, batch"),
    ],
)
def test_bad_input_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resnet18(**{"channels": 3, "classes": 10, **arguments})
