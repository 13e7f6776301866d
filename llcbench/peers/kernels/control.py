"""The control: a plain batched loop in torch, gradients by automatic differentiation."""

from collections.abc import Callable

import numpy as np
import torch

from llcbench.peers.work import Losses, Work


def prepare(work: Work) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    star = [torch.from_numpy(layer).expand(case.chains, -1, -1) for layer in work.layers]
    inputs, targets = torch.from_numpy(work.inputs), torch.from_numpy(work.targets)

    def run(seed: int) -> Losses:
        rng = torch.Generator().manual_seed(seed)
        layers = [layer.clone().requires_grad_() for layer in star]
        losses = np.empty((case.steps, case.chains))
        for step in range(case.steps):
            index = torch.randint(case.num_data, (case.chains, case.batch), generator=rng)
            passed = inputs[index]
            for layer in layers:
                passed = passed @ layer.mT
            loss = 0.5 * (passed - targets[index]).square().sum(2).mean(1)
            grads = torch.autograd.grad(loss.sum(), layers)
            losses[step] = loss.detach().numpy()
            with torch.no_grad():
                for layer, grad, centre in zip(layers, grads, star, strict=True):
                    drift = case.nbeta * grad + case.gamma * (layer - centre)
                    noise = torch.randn(layer.shape, generator=rng)
                    layer += noise * case.step_size**0.5 - drift * (case.step_size / 2)
        return losses.T

    return run
