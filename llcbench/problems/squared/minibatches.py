"""Minibatches of a stored data set, faster than one by one and with the same random numbers."""

from typing import Any, final

import torch
from torch import Tensor

from llcbench.problems.squared.batches import ChainMoments, Samples

# Minibatches are reduced to moments where a sample has at most this share of their numbers.
NARROW = 0.25
# Minibatches of so many steps are reduced at once, as far as their samples fit in the cache.
BLOCK_STEPS = 256
BLOCK_NUMBERS = 2**19


@final
class GatheredBatches:
    """Samples gathered into reused memory.

    Quantities that depend only on a sample and ``w_star`` are computed once for the whole data set,
    by the loss: its own loss there, and its true output where minibatches are sent through the
    layers of a network.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        inputs: Tensor,
        noise: Tensor | None,
        outputs: Tensor | None,
        star: Tensor | None,
    ) -> None:
        """Prepare for minibatches of one shape.

        Args:
            shape: ``(chains, batch)``.
            inputs: ``(num_data, in)``.
            noise: ``(num_data, out)``; None where labels carry no noise.
            outputs: ``M(w_star) x``, ``(num_data, out)``, where they are wanted.
            star: Share of every sample in the loss of a minibatch at ``w_star``, ``(num_data,)``.
        """
        self._shape, self._star = shape, star
        self._noisy, self._sent = noise is not None, outputs is not None
        self._tables = [table for table in (inputs, noise, outputs) if table is not None]
        rows = shape[0] * shape[1]
        # Fresh memory of this size would cost as much as the work in it; and buffers that are made
        # in inference mode could not be written to outside of it.
        with torch.inference_mode(False):
            self._buffers = [table.new_empty(rows, table.shape[1]) for table in self._tables]

    def next(self, rng: torch.Generator) -> Samples:
        """Return the next minibatches, which overwrite the last ones."""
        table = self._tables[0]
        return self._samples(
            torch.randint(len(table), self._shape, generator=rng, device=table.device)
        )

    def state(self) -> dict[str, Any]:
        """Return the state for `restore`: nothing, since the generator holds it."""
        return {"position": 0}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; the caller restores the generator."""

    def _samples(self, index: Tensor) -> Samples:
        """Return the samples of given numbers, ``(chains, batch)``."""
        flat = index.flatten()
        parts = [
            torch.index_select(table, 0, flat, out=buffer).view(*self._shape, -1)
            for table, buffer in zip(self._tables, self._buffers, strict=True)
        ]
        noise = parts[1] if self._noisy else None
        star = None if self._star is None else self._star[index].sum(1)
        return Samples(parts[0], noise, parts[-1] if self._sent else None, star)


@final
class MomentBlocks:
    """Moments of minibatches, computed for a block of steps at once.

    Where inputs and outputs are narrow relative to the minibatch, a squared loss needs only its
    moments. The numbers of the samples are the same as those drawn step by step, and the generator
    runs ahead by at most one block: between two batches it belongs to this source.
    """

    def __init__(
        self, shape: tuple[int, int], rows: Tensor, widths: tuple[int, int], scale: float
    ) -> None:
        """Prepare for minibatches.

        Args:
            shape: ``(chains, batch)``.
            rows: A row a sample, see `narrow`.
            widths: Of inputs and outputs.
            scale: Factor of the mean squared error.
        """
        self._shape, self._rows, self._widths, self._scale = shape, rows, widths, scale
        self._buffer: Tensor | None = None
        self._rng: torch.Generator | None = None
        self._block: list[ChainMoments] = []
        self._start: Tensor | None = None
        self._position = 0

    def next(self, rng: torch.Generator) -> ChainMoments:
        """Return the next minibatches, reduced to their moments."""
        if self._position == len(self._block) or self._rng not in (rng, None):
            self._start = rng.get_state()
            self._block, self._position = self._drawn(rng), 0
        self._rng = rng
        self._position += 1
        return self._block[self._position - 1]

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on from here, with the generator as it is now."""
        if self._start is None:
            return {"position": 0}
        return {"position": self._position, "start": self._start}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; the caller restores the generator."""
        self._start, self._position, self._rng = state.get("start"), int(state["position"]), None
        self._block = []
        if self._start is not None:
            again = torch.Generator(self._rows.device)
            again.set_state(self._start)
            self._block = self._drawn(again)

    def _drawn(self, rng: torch.Generator) -> list[ChainMoments]:
        """Draw the minibatches of a block of steps and reduce them."""
        rows, (inputs, outputs) = self._rows, self._widths
        chains, size = self._shape
        steps = max(1, min(BLOCK_STEPS, BLOCK_NUMBERS // (chains * size * rows.shape[1])))
        index = torch.randint(len(rows), (steps * chains, size), generator=rng, device=rows.device)
        if self._buffer is None or len(self._buffer) != index.numel():
            # Fresh memory of this size would cost as much as the work in it.
            with torch.inference_mode(False):
                self._buffer = rows.new_empty(index.numel(), rows.shape[1])
        torch.index_select(rows, 0, index.flatten(), out=self._buffer)
        samples = self._buffer.view(*index.shape, -1)
        left = samples[:, :, : 1 + inputs].mT
        sums = samples.new_empty(len(samples), 1 + inputs, rows.shape[1])
        torch.baddbmm(sums, left, samples, beta=0, alpha=self._scale / size, out=sums)
        sums = sums.view(steps, chains, *sums.shape[1:])
        second = sums[:, :, 1:, 1 : 1 + inputs].contiguous()
        if rows.shape[1] > 1 + inputs:
            cross = sums[:, :, 1:, 1 + inputs : -1].mT.contiguous()
            star = sums[:, :, 0, -1]
        else:
            cross = second.new_zeros(steps, chains, outputs, inputs)
            star = second.new_zeros(steps, chains)
        return [ChainMoments(*step) for step in zip(second, cross, star, strict=True)]


def narrow(inputs: Tensor, noise: Tensor | None, batch_size: int) -> Tensor | None:
    """Return what moments are made of, a row a sample, if they are the cheaper way.

    A row is ``(1, x, noise, |noise|^2)``: its products with its first part ``(1, x)`` have all
    sums that a squared loss needs, and no others. Without noise a row is ``(1, x)``.
    """
    if inputs.shape[1] + (0 if noise is None else noise.shape[1]) > NARROW * batch_size:
        return None
    ones = inputs.new_ones(len(inputs), 1)
    if noise is None:
        return torch.cat([ones, inputs], dim=1)
    return torch.cat([ones, inputs, noise, noise.square().sum(1, keepdim=True)], dim=1)
