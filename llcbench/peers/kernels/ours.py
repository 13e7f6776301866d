"""Ours: the sampler ``sgld`` through the same loop as every run."""

from collections.abc import Callable

import torch

from llcbench import registry
from llcbench.peers.network_cases import NetworkWorkload
from llcbench.peers.work import Losses, Work, Workload
from llcbench.sampling.loop import sample
from llcbench.sampling.loss_abilities import placed
from llcbench.sampling.target import AnySampler, Target
from llcbench.types import Data, Loss, Matmul, Problem


def prepare(work: Work, matmul: Matmul = "full") -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    problem = registry.problem(case.problem)
    sampler = registry.make_sampler("sgld", {"step_size": case.step_size})
    data = Data(torch.from_numpy(work.inputs), torch.from_numpy(work.noise))
    # Others are given the labels; here they follow from the data, once.
    loss = placed(problem.bind(data, torch.float32), "cpu", matmul)
    return sampled(problem, data, loss, case, sampler, matmul)


def sampled(
    problem: Problem,
    data: object,
    loss: Loss,
    case: Workload | NetworkWorkload,
    sampler: AnySampler,
    matmul: Matmul = "full",
) -> Callable[[int], Losses]:
    """Return the run of a seed on a loss that is bound to its data."""

    def run(seed: int) -> Losses:
        target = Target(
            problem,
            case.nbeta,
            case.gamma,
            case.chains,
            data=data,
            batch_size=case.batch,
            dtype=torch.float32,
            matmul=matmul,
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
