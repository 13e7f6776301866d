"""Data of a network on a device: kept there while they are few, else copied batch by batch."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from llcbench.problems.modules.data import (
    Batch,
    Changed,
    DataSource,
    InMemory,
    Relabelled,
    Selected,
    in_memory,
    leaves,
    mapped,
)

# Bytes up to which data are kept on the device.
RESIDENT = 2**32


@final
@dataclass(frozen=True, eq=False)
class FromHost:
    """Samples of the host, copied to a device where they are taken.

    They are copied from pinned memory and nothing waits for them: the host reads the next ones
    while the device works on these.

    Attributes:
        base: The samples.
        device: Where batches are wanted.
    """

    base: DataSource
    device: str

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    @property
    def at_once(self) -> bool:
        """That of the samples."""
        return self.base.at_once

    def take(self, index: Tensor) -> Batch:
        """Return the batch on the device; its numbers are the host's."""
        return mapped(self._copied, self.base.take(index))

    def to(self, dtype: torch.dtype) -> "FromHost":
        """Return the same samples in a precision."""
        return FromHost(self.base.to(dtype), self.device)

    def _copied(self, part: Tensor) -> Tensor:
        if not part.is_pinned():
            part = part.pin_memory()
        return part.to(self.device, non_blocking=True)


def placed(samples: DataSource, device: str) -> DataSource:
    """Return samples whose batches are on a device; themselves on the CPU."""
    if device == "cpu":
        return samples
    if in_memory(samples) and bytes_of(samples) <= RESIDENT:
        return _resident(samples, device)
    return FromHost(samples, device)


def numbers_on(samples: DataSource, device: str) -> str:
    """Return where the numbers of samples have to be to take them."""
    return "cpu" if isinstance(samples, FromHost) else device


def bytes_of(samples: DataSource) -> int:
    """Return how much memory the tensors of samples in memory need."""
    if isinstance(samples, Selected | Changed):
        return bytes_of(samples.base)
    if isinstance(samples, Relabelled):
        return bytes_of(samples.base) + samples.targets.nbytes
    assert isinstance(samples, InMemory)
    return sum(part.nbytes for _, part in leaves(samples.batch))


def _resident(samples: DataSource, device: str) -> DataSource:
    """Return samples in memory whose tensors are on a device."""
    if isinstance(samples, InMemory):
        return InMemory(mapped(lambda part: part.to(device), samples.batch), samples.dtype)
    if isinstance(samples, Selected):
        return Selected(_resident(samples.base, device), samples.numbers.to(device))
    if isinstance(samples, Relabelled):
        return Relabelled(_resident(samples.base, device), samples.targets.to(device))
    assert isinstance(samples, Changed)
    return Changed(_resident(samples.base, device), samples.change)
