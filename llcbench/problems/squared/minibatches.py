"""Where the batches of a target come from."""

from typing import Any, final

import torch
from torch import Tensor

from llcbench.problems.squared.batches import ChainMoments
from llcbench.problems.squared.gather import Gather
from llcbench.problems.squared.linear_map import LinearNetwork
from llcbench.problems.squared.loss import SquaredLoss
from llcbench.types import Data, Loss

# Minibatches are reduced to moments where a sample has at most this share of their numbers.
NARROW = 0.25
# Minibatches of so many steps are reduced at once, as far as their samples fit in the cache.
BLOCK_STEPS = 256
BLOCK_NUMBERS = 2**19


@final
class Feed:
    """Draws the batches of all chains, one after the other.

    Where inputs and outputs are narrow against the minibatch, a squared loss needs its moments
    alone, and those of a block of steps are computed at once. The numbers of the samples are the
    same as those drawn step by step, and the generator runs ahead by at most one block: between
    two batches it belongs to the feed.
    """

    def __init__(self, loss: Loss, num_chains: int, batch_size: int | None) -> None:
        """Prepare for a loss; a batch size of None gives the full batch, again and again."""
        self._loss, self._num_chains, self._batch_size = loss, num_chains, batch_size
        self._rows = None if batch_size is None else _narrow(loss, batch_size)
        self._gather: Gather | None = None
        self._full: Any = None
        self._buffer: Tensor | None = None
        self._rng: torch.Generator | None = None
        self._block: list[ChainMoments] = []
        self._start: Tensor | None = None
        self._position = 0

    def next(self, rng: torch.Generator) -> Any:
        """Return the next batch."""
        if self._batch_size is None:
            if self._full is None:
                self._full = self._loss.draw(self._num_chains, None, rng)
            return self._full
        if self._rows is None:
            return self._single(self._batch_size, rng)
        if self._position == len(self._block) or self._rng not in (rng, None):
            self._start = rng.get_state()
            self._block, self._position = self._drawn(rng), 0
        self._rng = rng
        self._position += 1
        return self._block[self._position - 1]

    def _single(self, batch_size: int, rng: torch.Generator) -> Any:
        """Draw the minibatches of one step, sample by sample."""
        loss = self._loss
        if not isinstance(loss, SquaredLoss) or not isinstance(loss.data, Data):
            return loss.draw(self._num_chains, batch_size, rng)
        shape = (self._num_chains, batch_size)
        if self._gather is None:
            self._gather = Gather(loss, loss.data, shape)
        return self._gather.samples(loss.indices(shape, rng))

    def state(self) -> dict[str, Tensor | int]:
        """Return what `restore` needs to go on from here, with the generator as it is now."""
        if self._start is None:
            return {"position": 0}
        return {"position": self._position, "start": self._start}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as from a state; the generator's own state is for the caller to set."""
        self._start, self._position, self._rng = state.get("start"), int(state["position"]), None
        self._block = []
        if self._start is not None:
            again = torch.Generator()
            again.set_state(self._start)
            self._block = self._drawn(again)

    def _drawn(self, rng: torch.Generator) -> list[ChainMoments]:
        """Draw the minibatches of a block of steps and reduce them."""
        assert self._rows is not None
        assert self._batch_size is not None
        rows, loss = self._rows, self._loss
        assert isinstance(loss, SquaredLoss)
        chains, size = self._num_chains, self._batch_size
        steps = max(1, min(BLOCK_STEPS, BLOCK_NUMBERS // (chains * size * rows.shape[1])))
        index = loss.indices((steps * chains, size), rng)
        if self._buffer is None or len(self._buffer) != index.numel():
            # Fresh memory of this size would cost as much as the work in it.
            with torch.inference_mode(False):
                self._buffer = rows.new_empty(index.numel(), rows.shape[1])
        torch.index_select(rows, 0, index.flatten(), out=self._buffer)
        samples = self._buffer.view(*index.shape, -1)
        inputs = loss.map.inputs
        left = samples[:, :, : 1 + inputs].mT
        sums = samples.new_empty(len(samples), 1 + inputs, rows.shape[1])
        torch.baddbmm(sums, left, samples, beta=0, alpha=loss.scale / size, out=sums)
        sums = sums.view(steps, chains, *sums.shape[1:])
        second = sums[:, :, 1:, 1 : 1 + inputs].contiguous()
        if loss.noisy:
            cross = sums[:, :, 1:, 1 + inputs : -1].mT.contiguous()
            star = sums[:, :, 0, -1]
        else:
            cross = second.new_zeros(steps, chains, loss.map.outputs, inputs)
            star = second.new_zeros(steps, chains)
        return [ChainMoments(*step) for step in zip(second, cross, star, strict=True)]


def _narrow(loss: Loss, batch_size: int) -> Tensor | None:
    """Return what moments are made of, a row a sample, if they are the cheaper way.

    A row is ``(1, x, noise, |noise|^2)``: its products with its first part ``(1, x)`` have all
    sums that a squared loss needs, and no others. Without noise a row is ``(1, x)``.
    """
    if not isinstance(loss, SquaredLoss) or not isinstance(loss.data, Data):
        return None
    if isinstance(loss.map, LinearNetwork) and loss.map.through_layers(batch_size):
        return None
    inputs, noise = loss.data
    if inputs.shape[1] + (noise.shape[1] if loss.noisy else 0) > NARROW * batch_size:
        return None
    ones = inputs.new_ones(len(inputs), 1)
    if not loss.noisy:
        return torch.cat([ones, inputs], dim=1)
    return torch.cat([ones, inputs, noise, noise.square().sum(1, keepdim=True)], dim=1)
