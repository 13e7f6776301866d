"""Trained networks as work: the same module, weights, data, step, minibatch and chains for all."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from llcbench.files import replacing
from llcbench.networks import Transformer
from llcbench.peers.network_cases import NetworkName, NetworkWorkload

# Tokens and length of the sequences.
TOKENS, CONTEXT = 128, 32


class NetworkWork(NamedTuple):
    """A case with its numbers, in single precision.

    Attributes:
        case: What is done.
        module: The network at the weights where all chains start.
        inputs: Images ``(num_data, channels, height, width)``, vectors, or tokens.
        targets: Classes, or the tokens again.
        losses: From outputs and targets to a loss per sample.
    """

    case: NetworkWorkload
    module: nn.Module
    inputs: Tensor
    targets: Tensor
    losses: Callable[[Tensor, Tensor], Tensor]


def class_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross entropy of each sample."""
    return cross_entropy(outputs, targets, reduction="none")


def token_losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the mean cross entropy over the tokens of each sequence."""
    each = cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return each.mean(1)


class _Block(nn.Module):
    """Two 3 x 3 convolutions with frozen batch norm beside a shortcut."""

    def __init__(self, below: int, above: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(below, above, 3, stride, 1, bias=False), nn.BatchNorm2d(above), nn.ReLU(),
            nn.Conv2d(above, above, 3, 1, 1, bias=False), nn.BatchNorm2d(above),
        )  # fmt: skip
        self.beside: nn.Module = nn.Identity()
        if stride != 1 or below != above:
            self.beside = nn.Sequential(
                nn.Conv2d(below, above, 1, stride, bias=False), nn.BatchNorm2d(above)
            )

    def forward(self, features: Tensor) -> Tensor:
        summed: Tensor = self.inner(features) + self.beside(features)
        return summed.relu()


def _resnet18() -> nn.Module:
    """Return ResNet18 with the stem for images of 32 x 32 pixels; 11.2 million weights."""
    blocks, below = [], 64
    for above, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [_Block(below, above, stride), _Block(above, above, 1)]
        below = above
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def built(network: NetworkName) -> nn.Module:
    """Return an untrained network."""
    if network == "mlp":
        return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    if network == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1568, 28), nn.ReLU(), nn.Linear(28, 10),
        )  # fmt: skip
    if network == "gpt2":
        return Transformer(TOKENS, CONTEXT, layers=2, width=64, heads=4)
    return _resnet18()


SHAPES: dict[str, tuple[int, ...]] = {
    "mlp": (64,), "cnn": (1, 28, 28), "resnet18": (3, 32, 32),
}  # fmt: skip


def make(case: NetworkWorkload, path: Path) -> None:
    """Write the case, weights and data, all of one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = built(case.network).state_dict()
        if case.network == "gpt2":
            inputs = targets = torch.randint(TOKENS, (case.num_data, CONTEXT))
        else:
            inputs = torch.randn(case.num_data, *SHAPES[case.network])
            targets = torch.randint(10, (case.num_data,))
    with replacing(path) as temporary, temporary.open("wb") as handle:
        np.savez(
            handle,
            network_case=np.frombuffer(msgspec.json.encode(asdict(case)), dtype=np.uint8),
            inputs=inputs.numpy(),
            targets=targets.numpy(),
            **{f"weights.{name}": value.numpy() for name, value in state.items()},
        )


def is_network(path: Path) -> bool:
    """Return whether a file holds a network, and no linear one."""
    with np.load(path) as held:
        return "network_case" in held.files


def read(path: Path) -> NetworkWork:
    """Read the numbers of a case."""
    with np.load(path) as held:
        case = msgspec.json.decode(held["network_case"].tobytes(), type=NetworkWorkload)
        module = built(case.network).eval()
        named = (name for name in held.files if name.startswith("weights."))
        module.load_state_dict(
            {name.removeprefix("weights."): torch.from_numpy(held[name]) for name in named}
        )
        losses = token_losses if case.network == "gpt2" else class_losses
        inputs, targets = (torch.from_numpy(held[name]) for name in ("inputs", "targets"))
        return NetworkWork(case, module, inputs, targets, losses)
