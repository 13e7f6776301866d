"""Minibatches of a stored data set, gathered into the same memory again and again."""

from typing import final

import torch
from torch import Tensor

from llcbench.problems.squared.batches import Samples
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.loss import SquaredLoss
from llcbench.types import Data


@final
class Gather:
    """Hands out samples by their numbers; the next call overwrites those of the last one.

    What only depends on a sample and ``w_star`` is computed once for the whole data set, by the
    loss: its own loss there, and its true output where minibatches are sent through the layers of a
    network.
    """

    def __init__(self, loss: SquaredLoss, data: Data, shape: tuple[int, int]) -> None:
        """Prepare for minibatches of one shape, ``(chains, batch)``."""
        self._shape = shape
        tables = [data.inputs]
        if loss.noisy:
            tables.append(data.noise)
            self._star = loss.scale / shape[1] * loss.noise_squares
        self._noisy = loss.noisy
        if isinstance(loss.map, LinearNetwork) and loss.map.through_layers(shape[1]):
            tables.append(loss.true_outputs)
        self._sent = len(tables) > 1 + loss.noisy
        self._tables = tables
        rows = shape[0] * shape[1]
        # Fresh memory of this size would cost as much as the work in it; and buffers that are made
        # in inference mode could not be written to outside of it.
        with torch.inference_mode(False):
            self._buffers = [table.new_empty(rows, table.shape[1]) for table in tables]

    def samples(self, index: Tensor) -> Samples:
        """Return the samples of given numbers, ``(chains, batch)``."""
        flat = index.flatten()
        parts = [
            torch.index_select(table, 0, flat, out=buffer).view(*self._shape, -1)
            for table, buffer in zip(self._tables, self._buffers, strict=True)
        ]
        noise = parts[1] if self._noisy else None
        star = self._star[index].sum(1) if self._noisy else None
        return Samples(parts[0], noise, parts[-1] if self._sent else None, star)
