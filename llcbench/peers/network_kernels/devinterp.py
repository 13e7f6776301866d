"""devinterp 1: its own loop, with the two courtesies of `llcbench.peers.kernels.devinterp`."""

from collections.abc import Callable

from torch import Tensor, nn

from llcbench.peers.kernels.devinterp import Rows, sampled
from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return work.losses(model(inputs), targets).mean()

    return sampled(work.case, work.module, Rows(work.inputs, work.targets), loss)
