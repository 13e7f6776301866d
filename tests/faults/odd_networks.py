"""A network of one's own, its problem with or without an oddity, and a short estimate of it."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import llcbench
from llcbench.one_call import fitting

SAMPLES, WIDTH = 60, 3


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(WIDTH, width), nn.Tanh(), nn.Linear(width, 1))


def inputs() -> Tensor:
    return torch.randn(SAMPLES, WIDTH, generator=torch.Generator().manual_seed(0))


def targets() -> Tensor:
    with torch.no_grad():
        return network()(inputs())


def squares(f: Tensor, y: Tensor) -> Tensor:
    return (f - y).square().sum(1)


def entropies(f: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(f, y, reduction="none")


def value(problem: Any, **changes: Any) -> float:
    """Return a short estimate, in the settings that suit the problem."""
    settings = msgspec.structs.replace(
        fitting(problem), nbeta=50.0, gamma=10.0, num_chains=2, num_draws=10, num_burnin=2,
        **changes,
    )  # fmt: skip
    estimate = llcbench.estimate(problem, llcbench.SGLD(1e-3), settings, progress=False)
    assert estimate.status == "ok", estimate.message
    assert estimate.llc is not None
    return float(estimate.llc)


def plain(module: Any = None, loss: Any = squares, data: Any = None, **more: Any) -> Any:
    """Return the problem of the network, or of one with an oddity."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return llcbench.from_module(
            network() if module is None else module, loss, data or (inputs(), targets()), **more
        )


@cache
def truth() -> float:
    """Return the estimate without any oddity."""
    return value(plain())


def classes() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    torch.manual_seed(5)
    module = nn.Sequential(nn.Linear(WIDTH, 4), nn.Tanh(), nn.Linear(4, 3))
    return module, (inputs(), torch.arange(SAMPLES) % 3)


class Odd(nn.Module):
    """The network, with something done to inputs or outputs."""

    def __init__(self, act: Callable[[Any, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.act = network(), act
        self.register_buffer("count", torch.zeros(()))
        self.norm = nn.BatchNorm1d(1, track_running_stats=False)
        self.norm.requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        return self.act(self, x, self.inner(x))


def odd(act: Callable[[Any, Tensor, Tensor], Any], loss: Any = squares) -> Any:
    return value(plain(Odd(act), loss))
