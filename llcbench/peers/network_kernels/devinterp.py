"""devinterp 1: its own loop, called as its users call it, with the two courtesies of `kernels`."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler

from llcbench.adapters.packages import load
from llcbench.peers.kernels.devinterp import Rows, as_it_is
from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    estimate = load("devinterp.slt.sampler").estimate_learning_coeff_with_summary
    method = load("devinterp.optim.sgmcmc").SGMCMC.sgld
    rows = Rows(work.inputs, work.targets)
    options = {"lr": case.step_size, "nbeta": case.nbeta, "localization": case.gamma}

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = batch
        return work.losses(model(inputs), targets).mean()

    def run(seed: int) -> Losses:
        torch.manual_seed(seed)
        drawn = RandomSampler(rows, replacement=True, num_samples=case.batch * case.steps)
        loader: Any = DataLoader(rows, batch_size=case.batch, sampler=drawn, collate_fn=as_it_is)
        estimated = estimate(
            copy.deepcopy(work.module),
            loader,
            evaluate=loss,
            sampling_method=method,
            optimizer_kwargs=dict(options),
            num_draws=case.draws,
            num_chains=case.chains,
            num_burnin_steps=case.burnin,
            verbose=False,
        )
        return np.asarray(estimated["loss/trace"], dtype=np.float64)

    return run
