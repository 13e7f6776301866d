"""Ours: the sampler ``sgld`` on `llcbench.from_module`, through the same loop as every run."""

from collections.abc import Callable

import torch

from llcbench import registry
from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses
from llcbench.problems.modules.from_module import from_module
from llcbench.sampling.loop import sample
from llcbench.sampling.target import Target


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    problem = from_module(work.module, work.losses, (work.inputs, work.targets), name=case.name)
    sampler = registry.make_sampler("sgld", {"step_size": case.step_size})
    loss = problem.bind(None, torch.float32)

    def run(seed: int) -> Losses:
        target = Target(
            problem,
            case.nbeta,
            case.gamma,
            case.chains,
            data=problem.data,
            batch_size=case.batch,
            dtype=torch.float32,
            bound=loss,
        )
        trace = sample(
            target,
            sampler,
            num_draws=case.draws,
            num_burnin=case.burnin,
            noise=torch.Generator().manual_seed(2 * seed),
            batches=torch.Generator().manual_seed(2 * seed + 1),
        )
        return trace.excess + trace.baseline

    return run
