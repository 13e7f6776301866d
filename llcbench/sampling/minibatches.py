"""The default source of minibatches, for losses without a faster one."""

from typing import Any, final

import torch

from llcbench.types import Loss


@final
class DrawnBatches:
    """Draws minibatches step by step; a full batch is drawn once and kept."""

    def __init__(self, loss: Loss, num_chains: int, batch_size: int | None) -> None:
        """Prepare for a loss; a batch size of None gives the full batch, again and again."""
        self._loss, self._num_chains, self._batch_size = loss, num_chains, batch_size
        self._full: Any = None

    def next(self, rng: torch.Generator) -> Any:
        """Return the next batch."""
        if self._batch_size is not None:
            return self._loss.draw(self._num_chains, self._batch_size, rng)
        if self._full is None:
            self._full = self._loss.draw(self._num_chains, None, rng)
        return self._full

    def state(self) -> dict[str, Any]:
        """Return the state for `restore`: nothing, since the generator holds it."""
        return {"position": 0}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; the caller restores the generator."""
