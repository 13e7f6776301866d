"""Numbers of samples that a device draws and the host needs, a block of steps at a time."""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor

# Steps whose numbers are fetched at once: the host waits for the device once for all of them.
STEPS = 64


class SampleNumbers(NamedTuple):
    """A minibatch of every chain, or all samples.

    Attributes:
        numbers: Of the samples, ``(chains, batch)``; None for all of them.
    """

    numbers: Tensor | None


@final
class HostNumbers:
    """Minibatches of data that stay on the host, by random numbers of a device."""

    def __init__(self, num_data: int, shape: tuple[int, int], device: str) -> None:
        """Prepare for minibatches ``(chains, batch)`` by generators of a device."""
        self._num_data, self._shape, self._device = num_data, shape, device
        self._rng: torch.Generator | None = None
        self._block = torch.empty(0, *shape, dtype=torch.int64)
        self._start: Tensor | None = None
        self._position = 0

    def next(self, rng: torch.Generator) -> SampleNumbers:
        """Return the next minibatches."""
        if self._position == len(self._block) or self._rng not in (rng, None):
            self._start = rng.get_state()
            self._block, self._position = self._drawn(rng), 0
        self._rng = rng
        self._position += 1
        return SampleNumbers(self._block[self._position - 1])

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on from here, with the generator as it is now."""
        if self._start is None:
            return {"position": 0}
        return {"position": self._position, "start": self._start}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; the caller restores the generator."""
        self._start, self._position, self._rng = state.get("start"), int(state["position"]), None
        self._block = self._block[:0]
        if self._start is not None:
            again = torch.Generator(self._device)
            again.set_state(self._start)
            self._block = self._drawn(again)

    def _drawn(self, rng: torch.Generator) -> Tensor:
        shape = (STEPS, *self._shape)
        return torch.randint(self._num_data, shape, generator=rng, device=rng.device).cpu()
