"""Cases of trained networks, as plain data."""

import math
from dataclasses import dataclass
from typing import Literal, final

NetworkName = Literal["mlp", "cnn", "resnet18", "gpt2"]


@final
@dataclass(frozen=True)
class NetworkWorkload:
    """A network, its data and a run of Langevin dynamics on minibatches.

    Attributes:
        name: Name on the command line.
        network: Its architecture.
        dim: Number of weights.
        num_data: Samples in the data set.
        batch: Samples in a minibatch, drawn independently with replacement.
        chains: Number of chains.
        burnin: Steps that do not count for the comparison of losses.
        draws: Steps that do.
        step_size: ``eps`` of ``w' = w - eps/2 grad U + sqrt(eps) xi``.
        gamma: Localisation; the temperature is ``n / log n``.
        threads: Threads of every peer, each on a core of its own.
    """

    name: str
    network: NetworkName
    dim: int
    num_data: int
    batch: int
    chains: int
    burnin: int
    draws: int
    step_size: float = 1e-6
    gamma: float = 100.0
    threads: int = 1

    @property
    def peers(self) -> tuple[str, ...]:
        """Who can do it, in the order of the table."""
        return ("devinterp", "control", "vmap", "ours")

    @property
    def steps(self) -> int:
        """Steps of a chain."""
        return self.burnin + self.draws

    @property
    def nbeta(self) -> float:
        """Inverse temperature."""
        return self.num_data / math.log(self.num_data)


NETWORK_WORKLOADS = {
    case.name: case
    for case in (
        NetworkWorkload("mlp-5k", "mlp", 4810, 2000, 256, 4, 1500, 1500),
        NetworkWorkload("cnn-50k", "cnn", 49_022, 2000, 256, 2, 60, 60),
        NetworkWorkload("cnn-50k-b32", "cnn", 49_022, 2000, 32, 4, 300, 300),
        NetworkWorkload("resnet18", "resnet18", 11_173_962, 500, 8, 2, 8, 8, step_size=1e-8),
        NetworkWorkload("gpt2-tiny", "gpt2", 118_656, 512, 16, 4, 100, 100),
    )
}
