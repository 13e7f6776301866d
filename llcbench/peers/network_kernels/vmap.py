"""All chains together: gradients mapped over the chains by torch.func."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap

from llcbench.peers.network_work import NetworkWork
from llcbench.peers.work import Losses


def prepare(work: NetworkWork) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case, module = work.case, work.module
    star = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    fixed = dict(module.named_buffers())

    def loss(weights: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        outputs: Any = functional_call(module, {**weights, **fixed}, (inputs,))
        return work.losses(outputs, targets).mean()

    slopes = vmap(grad_and_value(loss), randomness="different")

    def run(seed: int) -> Losses:
        rng = torch.Generator().manual_seed(seed)
        weights = {
            name: value.expand(case.chains, *value.shape).clone() for name, value in star.items()
        }
        losses = np.empty((case.steps, case.chains))
        for step in range(case.steps):
            index = torch.randint(case.num_data, (case.chains, case.batch), generator=rng)
            with torch.no_grad():
                grads, values = slopes(weights, work.inputs[index], work.targets[index])
                losses[step] = values.numpy()
                for name, weight in weights.items():
                    drift = case.nbeta * grads[name] + case.gamma * (weight - star[name])
                    noise = torch.randn(weight.shape, generator=rng)
                    weight += noise * case.step_size**0.5 - drift * (case.step_size / 2)
        return losses.T

    return run
