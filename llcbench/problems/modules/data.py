"""Samples of the caller's, whatever holds them: memory, files, a data set that makes them.

A batch is a pair of inputs and targets, each a tensor or tuples, lists and dicts of tensors with
samples along the first axis. Where a sample is one mapping and no pair, both are the mapping.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from llcbench.problems.modules.user_code import OwnCodeError, explained

Batch = tuple[Any, Any]


@runtime_checkable
class SampleSource(Protocol):
    """Samples by their numbers."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, index: Tensor) -> Batch:
        """Return a batch of some samples, ``(samples,)`` numbers; copies, not views."""

    def cast(self, dtype: torch.dtype) -> "SampleSource":
        """Return the same samples with real numbers in a precision."""

    @property
    def quick(self) -> bool:
        """Whether all samples may be read at a time."""


@runtime_checkable
class Indexed(Protocol):
    """What has numbered samples, such as a data set of another package."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, index: int) -> Any:
        """Return a sample."""


@final
@dataclass(frozen=True, eq=False)
class StoredSamples:
    """Samples in tensors or arrays, memory maps among them, nested as a batch is.

    Attributes:
        inputs: All inputs.
        targets: All targets; the inputs themselves where a sample is one mapping.
        dtype: Precision of the real numbers of arrays, which are cast when they are taken.
    """

    inputs: Any
    targets: Any
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return length_of(self.inputs)

    @property
    def quick(self) -> bool:
        """Whether all is in memory, as far as is known: arrays may be files."""
        return not any(isinstance(leaf, np.memmap) for leaf in leaves((self.inputs, self.targets)))

    def take(self, index: Tensor) -> Batch:
        """Return the rows of some samples."""
        inputs = self._rows(self.inputs, index)
        same = self.targets is self.inputs
        return inputs, inputs if same else self._rows(self.targets, index)

    def cast(self, dtype: torch.dtype) -> "StoredSamples":
        """Cast tensors now, and rows of arrays when they are taken."""
        inputs = mapped(lambda part: _cast(part, dtype), self.inputs)
        same = self.targets is self.inputs
        targets = inputs if same else mapped(lambda part: _cast(part, dtype), self.targets)
        return StoredSamples(inputs, targets, dtype)

    def _rows(self, part: Any, index: Tensor) -> Any:
        if isinstance(part, Tensor):
            return part[index]
        if isinstance(part, np.ndarray):
            # Sorted reads of a file are sequential; a copy, as a map is not writable.
            rows = torch.from_numpy(np.array(part[index.numpy()]))
            return _cast(rows, self.dtype)
        return mapped(lambda leaf: self._rows(leaf, index), part)


@final
@dataclass(frozen=True, eq=False)
class CollatedSamples:
    """Samples that a data set makes one by one, such as images that are read and transformed.

    Attributes:
        dataset: The data set.
        collate: From a list of samples to a batch.
        dtype: Precision of the real numbers.
    """

    dataset: Indexed
    collate: Callable[[list[Any]], Any]
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def quick(self) -> bool:
        """False: a sample may take long."""
        return False

    def take(self, index: Tensor) -> Batch:
        """Make some samples.

        Raises:
            OwnCodeError: If the data set or the collate function fails.
        """
        with explained("the data set", " "):
            samples = [self.dataset[number] for number in index.tolist()]
        with explained("the collate function", " "):
            batch = self.collate(samples)
        inputs, targets = pair(batch)
        same = inputs is targets
        inputs = mapped(lambda part: _cast(part, self.dtype), inputs)
        return inputs, inputs if same else mapped(lambda part: _cast(part, self.dtype), targets)

    def cast(self, dtype: torch.dtype) -> "CollatedSamples":
        """Cast what will be made."""
        return CollatedSamples(self.dataset, self.collate, dtype)


@final
@dataclass(frozen=True, eq=False)
class RelabelledSamples:
    """Samples with other targets.

    Attributes:
        base: Where the inputs are from.
        targets: One row a sample.
    """

    base: SampleSource
    targets: Tensor

    def __len__(self) -> int:
        return len(self.base)

    @property
    def quick(self) -> bool:
        """As the base."""
        return self.base.quick

    def take(self, index: Tensor) -> Batch:
        """Return inputs of the base with the other targets."""
        return self.base.take(index)[0], self.targets[index]

    def cast(self, dtype: torch.dtype) -> "RelabelledSamples":
        """Cast both."""
        return RelabelledSamples(self.base.cast(dtype), _cast(self.targets, dtype))


@final
@dataclass(frozen=True, eq=False)
class SampleSubset:
    """Some of the samples.

    Attributes:
        base: All of them.
        numbers: Those that belong here.
    """

    base: SampleSource
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def quick(self) -> bool:
        """As the base."""
        return self.base.quick

    def take(self, index: Tensor) -> Batch:
        """Return samples of the base."""
        return self.base.take(self.numbers[index])

    def cast(self, dtype: torch.dtype) -> "SampleSubset":
        """Cast the base."""
        return SampleSubset(self.base.cast(dtype), self.numbers)


def shaped(samples: SampleSource, index: Tensor) -> Batch:
    """Return a batch of numbers of any shape, which takes the place of the first axis."""
    batch = samples.take(index.reshape(-1))
    if index.dim() == 1:
        return batch
    same = batch[0] is batch[1]
    inputs = mapped(lambda part: part.unflatten(0, index.shape), batch[0])
    return inputs, inputs if same else mapped(lambda p: p.unflatten(0, index.shape), batch[1])


def pair(batch: Any) -> Batch:
    """Return inputs and targets of a batch that a collate function has made.

    Raises:
        OwnCodeError: If it is neither a pair nor a mapping.
    """
    if isinstance(batch, Mapping):
        plain = dict(batch)
        return plain, plain
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    raise OwnCodeError(
        "a batch must be a pair (inputs, targets) or a mapping, got"
        f" {type(batch).__name__}{f' of {len(batch)}' if isinstance(batch, tuple | list) else ''}:"
        " give a collate_fn that makes one, through a DataLoader"
    )


def called(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return how a module is called: a mapping by names, several inputs by place, else one."""
    if isinstance(inputs, dict):
        return (), inputs
    if isinstance(inputs, tuple | list):
        return tuple(inputs), {}
    return (inputs,), {}


def outputs_on(module: nn.Module, inputs: Any) -> Any:
    """Return what a module makes of inputs."""
    by_place, by_name = called(inputs)
    return module(*by_place, **by_name)


def mapped(change: Callable[[Any], Any], batch: Any) -> Any:
    """Return a batch with all of its tensors and arrays changed."""
    if isinstance(batch, dict):
        return {key: mapped(change, part) for key, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(mapped(change, part) for part in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(mapped(change, part) for part in batch)
    return change(batch)


def leaves(batch: Any) -> list[Any]:
    """Return the tensors and arrays of a batch."""
    found: list[Any] = []
    mapped(found.append, batch)
    return found


def length_of(batch: Any) -> int:
    """Return the number of samples of a batch."""
    held = leaves(batch)
    return len(held[0]) if held else 0


def _cast(part: Any, dtype: torch.dtype) -> Any:
    """Return a tensor in a precision; whole numbers stay."""
    real = isinstance(part, Tensor) and part.is_floating_point()
    return part.to(dtype) if real else part
