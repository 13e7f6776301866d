"""The control: a plain loop in torch, chain by chain, as anybody would write it."""

import copy
from collections.abc import Callable

import numpy as np
import torch

from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    star = [weight.detach().clone() for weight in work.module.parameters()]

    def run(seed: int) -> Losses:
        rng = torch.Generator().manual_seed(seed)
        losses = np.empty((case.chains, case.steps))
        for chain in range(case.chains):
            module = copy.deepcopy(work.module)
            weights = list(module.parameters())
            for step in range(case.steps):
                index = torch.randint(case.num_data, (case.batch,), generator=rng)
                loss = work.losses(module(work.inputs[index]), work.targets[index]).mean()
                grads = torch.autograd.grad(loss, weights)
                losses[chain, step] = loss.detach().item()
                with torch.no_grad():
                    for weight, grad, centre in zip(weights, grads, star, strict=True):
                        drift = case.nbeta * grad + case.gamma * (weight - centre)
                        noise = torch.randn(weight.shape, generator=rng)
                        weight.add_(noise * case.step_size**0.5 - drift * (case.step_size / 2))
        return losses

    return run
