"""devinterp 1: its own loop, called as its users call it, chains one after the other.

Two courtesies: its loader fetches a batch in one indexing operation instead of sample by sample,
which makes it about half as fast again, and it draws with replacement as all others do, because
shuffled passes have another distribution.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from llcbench.adapters.packages import load
from llcbench.peers.network_cases import NetworkWorkload
from llcbench.peers.work import Losses, Work, Workload


class Rows(Dataset[Any]):
    """Samples, a batch at a time."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        index = torch.tensor(rows)
        return self.inputs[index], self.targets[index]


def _loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    inputs, targets = batch
    outputs: Tensor = model(inputs)
    return 0.5 * (outputs - targets).square().sum(1).mean()


def _as_it_is(batch: Any) -> Any:
    """Return a batch that was fetched as a whole."""
    return batch


def prepare(work: Work) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    model = nn.Sequential(*(nn.Linear(w.shape[1], w.shape[0], bias=False) for w in work.layers))
    with torch.no_grad():
        for layer, weights in zip(model.parameters(), work.layers, strict=True):
            layer.copy_(torch.from_numpy(weights))
    rows = Rows(torch.from_numpy(work.inputs), torch.from_numpy(work.targets))
    return sampled(work.case, model, rows, _loss)


def sampled(
    case: Workload | NetworkWorkload, model: nn.Module, rows: Rows, loss: Callable[..., Tensor]
) -> Callable[[int], Losses]:
    """Return the run of a seed on a model, a copy of which every run begins with."""
    estimate = load("devinterp.slt.sampler").estimate_learning_coeff_with_summary
    method = load("devinterp.optim.sgmcmc").SGMCMC.sgld
    options = {"lr": case.step_size, "nbeta": case.nbeta, "localization": case.gamma}

    def run(seed: int) -> Losses:
        torch.manual_seed(seed)
        drawn = RandomSampler(rows, replacement=True, num_samples=case.batch * case.steps)
        loader: Any = DataLoader(rows, batch_size=case.batch, sampler=drawn, collate_fn=_as_it_is)
        estimated = estimate(
            copy.deepcopy(model),
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
