"""Problems as devinterp wants them: a module, a loader of row numbers and an evaluate function."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from llcbench.sampling.loss_abilities import row_lookup
from llcbench.sampling.target import Target
from llcbench.types import BudgetExceeded


@final
class Weights(nn.Module):
    """One flat parameter; the forward pass is in `Evaluate`.

    Attributes:
        theta: The parameter, ``(dim,)``.
        entered: Where it was when its loss was taken last: callbacks see it after the step.
        excess: Loss above that at ``w_star`` on the same batch, at that time, ``()``.
    """

    theta: nn.Parameter
    entered: Tensor
    excess: Tensor

    def __init__(self, start: Tensor) -> None:
        """Start at a point, ``(dim,)``."""
        super().__init__()
        self.theta = nn.Parameter(start.clone())
        self.register_buffer("entered", start.clone())
        self.register_buffer("excess", start.new_zeros(()))


@final
@dataclass(frozen=True)
class RowNumbers(Dataset[Any]):
    """Row numbers; the rows themselves are looked up in `Evaluate`, a batch at a time."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> int:
        return row


@final
@dataclass(frozen=True)
class Evaluate:
    """Returns the loss on rows of the data, a scalar that devinterp differentiates and records.

    The package copies it for every chain, so that it cannot count.

    Attributes:
        loss: The loss, bound to data or population.
        full: The full batch, None if the rows are a minibatch.
        lookup: Takes numbers of rows to a minibatch; None on the full batch.
        pull: ``gamma / nbeta`` for optimisers without localisation: its gradient is added, at the
            value zero, so that the recorded loss is the loss alone.
        star: The reference point, ``(dim,)``.
        deadline: Time (as of ``time.monotonic``) at which to stop, None for no limit.
    """

    loss: Any
    full: Any
    lookup: Callable[[Tensor], Any] | None
    pull: float
    star: Tensor
    deadline: float | None

    def __call__(self, model: Weights, rows: Tensor) -> Tensor:
        """Return the loss of the model, ``()``."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise BudgetExceeded("time budget is used up")
        batch = self.lookup(rows[None]) if self.lookup is not None else self.full
        excess: Tensor = self.loss.excess(model.theta[None], batch)
        model.entered.copy_(model.theta.detach())
        model.excess.copy_(excess.detach().sum())
        value: Tensor = (excess + self.loss.baseline(batch)).sum()
        if not self.pull:
            return value
        penalty = 0.5 * self.pull * (model.theta - self.star).square().sum()
        pulled: Tensor = value + (penalty - penalty.detach())
        return pulled


def unsupported(target: Target) -> str | None:
    """Return why a target cannot be fed to devinterp."""
    if target.control_variate:
        return "devinterp has no gradient='control_variate'; use 'plain'"
    if target.batch_size is None or row_lookup(target.loss) is not None:
        return None
    return f"devinterp draws its own minibatches, which {target.problem.id} cannot look up"


def evaluate_of(target: Target, localised: bool, deadline: float | None) -> Evaluate:
    """Return the loss of a target."""
    minibatch = target.batch_size is not None
    full = None if minibatch else target.loss.draw(1, None, torch.Generator())
    lookup = row_lookup(target.loss) if minibatch else None
    pull = 0.0 if localised else target.gamma / target.nbeta
    return Evaluate(target.loss, full, lookup, pull, target.w_star, deadline)


def loader_of(target: Target) -> "DataLoader[Any]":
    """Return shuffled passes over the rows, incomplete batches dropped.

    A full batch, or the population, is one row.
    """
    if target.batch_size is None:
        return DataLoader(RowNumbers(1), batch_size=1)
    count = target.problem.num_data or 1
    size = min(target.batch_size, count)
    return DataLoader(RowNumbers(count), batch_size=size, shuffle=True, drop_last=True)


def feed_of(target: Target) -> Literal["shuffled"] | None:
    """Return how `loader_of` draws minibatches, None without any."""
    return None if target.batch_size is None else "shuffled"
