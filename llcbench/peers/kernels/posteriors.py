"""posteriors: its SGLD mapped over chains by torch.vmap."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from llcbench.adapters.packages import load
from llcbench.peers.work import Losses, Work


def prepare(work: Work) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    case = work.case
    star = {f"w{k}": torch.from_numpy(layer) for k, layer in enumerate(work.layers)}
    inputs, targets = torch.from_numpy(work.inputs), torch.from_numpy(work.targets)

    def log_posterior(
        layers: dict[str, Tensor], batch: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        passed, wanted = batch
        for name in star:
            passed = passed @ layers[name].T
        loss = 0.5 * (passed - wanted).square().sum(1).mean()
        away = sum((layers[name] - star[name]).square().sum() for name in star)
        return -case.nbeta * loss - 0.5 * case.gamma * away, loss

    built = load("posteriors").sgmcmc.sgld.build(log_posterior, lr=case.step_size / 2)
    update = torch.vmap(built.update, randomness="different")

    def run(seed: int) -> Losses:
        torch.manual_seed(seed)
        start = {name: layer.expand(case.chains, -1, -1).clone() for name, layer in star.items()}
        state = torch.vmap(built.init)(start)
        losses = np.empty((case.steps, case.chains))
        for step in range(case.steps):
            index = torch.randint(case.num_data, (case.chains, case.batch))
            state, loss = update(state, (inputs[index], targets[index]))
            losses[step] = loss.numpy()
        return losses.T

    return run
