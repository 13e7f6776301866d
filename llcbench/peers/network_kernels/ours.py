"""Ours: the sampler ``sgld`` on `llcbench.from_module`, through the same loop as every run."""

from collections.abc import Callable

import torch

from llcbench import registry
from llcbench.peers.kernels.ours import sampled
from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses
from llcbench.problems.modules.from_module import from_module


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    problem = from_module(work.module, work.losses, (work.inputs, work.targets), name=case.name)
    sampler = registry.make_sampler("sgld", {"step_size": case.step_size})
    return sampled(problem, problem.data, problem.bind(None, torch.float32), case, sampler)
