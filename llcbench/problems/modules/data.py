"""Data of a network: batches of any kind, by the numbers of their samples."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from llcbench.problems.modules.user_code import OwnCodeError

# A tensor, or tuples, lists and mappings of them; samples are along the first axis.
Batch = Any
# Name of new targets beside old ones in a mapping.
REALISED = "realised"


class DataSource(Protocol):
    """Data of which batches can be taken."""

    def __len__(self) -> int:
        """Return the number of samples."""

    @property
    def at_once(self) -> bool:
        """Whether the samples of all chains can be taken at once, by numbers with more axes."""

    def take(self, index: Tensor) -> Batch:
        """Return some samples.

        Args:
            index: Their numbers, ``(batch,)``, or ``(chains, batch)`` where `at_once` is true.
        """

    def to(self, dtype: torch.dtype) -> "DataSource":
        """Return data whose real numbers are in a precision; whole numbers stay."""


@final
@dataclass(frozen=True)
class Call:
    """A batch as the arguments of a module and the second argument of a loss.

    Attributes:
        args: Positional arguments.
        kwargs: Arguments by name.
        targets: Second argument of the loss: the targets of a pair, or the whole batch.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    targets: Any

    @property
    def shown(self) -> Any:
        """What a message describes: the input if there is one, or all of them."""
        if self.kwargs:
            return self.kwargs
        return self.args[0] if len(self.args) == 1 else self.args


def call_of(batch: Batch) -> Call:
    """Return how a module is called on a batch.

    A pair is ``(inputs, targets)``, anything else is both. Inputs that are a tuple or a list are
    several arguments, a mapping has arguments by name.
    """
    inputs, targets = batch if is_pair(batch) else (batch, batch)
    if isinstance(inputs, Mapping):
        return Call((), dict(inputs), targets)
    if isinstance(inputs, tuple | list):
        return Call(tuple(inputs), {}, targets)
    return Call((inputs,), {}, targets)


def is_pair(batch: Batch) -> bool:
    """Return whether a batch is ``(inputs, targets)``."""
    return isinstance(batch, tuple | list) and len(batch) == 2


@final
@dataclass(frozen=True, eq=False)
class InMemory:
    """Tensors and arrays in memory, or in a file that is mapped into it.

    Attributes:
        batch: All samples. Arrays are read where samples are taken.
        dtype: Precision of what is taken; None for that of the data.
    """

    batch: Batch
    dtype: torch.dtype | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return size_of(self.batch)

    @property
    def at_once(self) -> bool:
        """True: rows of tensors are picked."""
        return True

    def take(self, index: Tensor) -> Batch:
        """Return copies of some samples."""

        def rows(part: Any) -> Tensor:
            if not isinstance(part, Tensor):
                return torch.from_numpy(np.array(part[index.cpu().numpy()]))
            if index.dim() == 1:
                own: Tensor = part[index]
                return own
            picked = part.index_select(0, index.reshape(-1))
            return picked.reshape(*index.shape, *part.shape[1:])

        return cast(mapped(rows, self.batch), self.dtype)

    def to(self, dtype: torch.dtype) -> "InMemory":
        """Return the same data; tensors are converted now, arrays where they are taken."""
        tensors = mapped(lambda p: cast(p, dtype) if isinstance(p, Tensor) else p, self.batch)
        return InMemory(tensors, dtype)


@final
@dataclass(frozen=True, eq=False)
class FromDataset:
    """Samples of a map-style data set, read where they are taken.

    Attributes:
        dataset: It has a length and samples by number.
        collate: From a list of samples to a batch.
        dtype: Precision of what is taken; None for that of the data.
    """

    dataset: Any
    collate: Callable[[list[Any]], Batch] = default_collate
    dtype: torch.dtype | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    @property
    def at_once(self) -> bool:
        """False: a collate function makes one batch."""
        return False

    def take(self, index: Tensor) -> Batch:
        """Return the batch that the collate function makes of some samples.

        Raises:
            OwnCodeError: If it makes more or fewer of them.
        """
        numbers = index.tolist()
        if hasattr(self.dataset, "__getitems__"):  # many at once, as a DataLoader asks for them
            rows = self.dataset.__getitems__(numbers)
        else:
            rows = [self.dataset[number] for number in numbers]
        batch = self.collate(list(rows))
        if size_of(batch) != len(numbers):
            raise OwnCodeError(
                f"the collate function makes {size_of(batch)} samples of {len(numbers)}: every"
                " sample has one row, along the first axis; torch.utils.data.Subset leaves some out"
            )
        return cast(batch, self.dtype)

    def to(self, dtype: torch.dtype) -> "FromDataset":
        """Return the same samples in a precision."""
        return replace(self, dtype=dtype)


@final
@dataclass(frozen=True, eq=False)
class Selected:
    """Some samples of others.

    Attributes:
        base: All samples.
        numbers: Those that are kept, ``(num_data,)``.
    """

    base: DataSource
    numbers: Tensor

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.numbers)

    @property
    def at_once(self) -> bool:
        """That of all samples."""
        return self.base.at_once

    def take(self, index: Tensor) -> Batch:
        """Return some of the kept samples."""
        return self.base.take(self.numbers[index])

    def to(self, dtype: torch.dtype) -> "Selected":
        """Return the same samples in a precision."""
        return Selected(self.base.to(dtype), self.numbers)


@final
@dataclass(frozen=True, eq=False)
class Relabelled:
    """Inputs of others with new targets; old ones that are a mapping get them by a name.

    Attributes:
        base: Pairs, or batches that are inputs as a whole.
        targets: One row per sample.
    """

    base: DataSource
    targets: Tensor

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    @property
    def at_once(self) -> bool:
        """That of the others."""
        return self.base.at_once

    def take(self, index: Tensor) -> Batch:
        """Return pairs of the old inputs and the new targets."""
        batch, targets = self.base.take(index), InMemory(self.targets).take(index)
        if not is_pair(batch):
            return batch, targets
        inputs, old = batch
        return inputs, ({**old, REALISED: targets} if isinstance(old, Mapping) else targets)

    def to(self, dtype: torch.dtype) -> "Relabelled":
        """Return the same samples in a precision."""
        return Relabelled(self.base.to(dtype), cast(self.targets, dtype))


@final
@dataclass(frozen=True, eq=False)
class Changed:
    """Batches of others, each changed by a function.

    Attributes:
        base: The others.
        change: From a batch to a batch.
    """

    base: DataSource
    change: Callable[[Batch], Batch]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    @property
    def at_once(self) -> bool:
        """That of the others."""
        return self.base.at_once

    def take(self, index: Tensor) -> Batch:
        """Return the changed batch of some samples."""
        return self.change(self.base.take(index))

    def to(self, dtype: torch.dtype) -> "Changed":
        """Return the same samples in a precision."""
        return Changed(self.base.to(dtype), self.change)


KINDS = (InMemory, FromDataset, Selected, Relabelled, Changed)


def held(data: Any) -> DataSource:
    """Return data as samples; a pair of tensors or a nested batch lies in memory."""
    if isinstance(data, KINDS):
        return data
    return InMemory(data)


def chosen(data: Any, numbers: Tensor) -> Any:
    """Return some samples; those of tensors in memory stay tensors."""
    samples = held(data)
    if isinstance(samples, InMemory) and in_memory(samples):
        return samples.take(numbers)
    return Selected(samples, numbers)


def prepared_like(data: Any, given: Any) -> Any:
    """Return new data whose batches are changed as those of given ones are."""
    samples = held(given)
    while isinstance(samples, Selected | Relabelled):
        samples = samples.base
    return Changed(held(data), samples.change) if isinstance(samples, Changed) else data


def in_memory(samples: DataSource) -> bool:
    """Return whether all samples are tensors that are there already."""
    if isinstance(samples, Selected | Relabelled | Changed):
        return in_memory(samples.base)
    return isinstance(samples, InMemory) and all(
        isinstance(part, Tensor) for _, part in leaves(samples.batch)
    )


def mapped(change: Callable[[Any], Any], batch: Batch) -> Batch:
    """Return a batch with all its tensors and arrays changed; mappings become dicts."""
    if isinstance(batch, Tensor | np.ndarray):
        return change(batch)
    if isinstance(batch, Mapping):
        return {key: mapped(change, part) for key, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(mapped(change, part) for part in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(mapped(change, part) for part in batch)
    return batch


def leaves(batch: Batch, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a batch is made of, with the path to it, such as ``['mask'][0]``."""
    if isinstance(batch, Mapping):
        for key, part in batch.items():
            yield from leaves(part, f"{name}[{key!r}]")
    elif isinstance(batch, tuple | list):
        for number, part in enumerate(batch):
            yield from leaves(part, f"{name}[{number}]")
    else:
        yield name, batch


def size_of(batch: Batch) -> int:
    """Return the number of samples of a batch, that of its first tensor."""
    sizes = (len(x) for _, x in leaves(batch) if isinstance(x, Tensor | np.ndarray) and x.ndim)
    return next(sizes, 0)


def cast(batch: Batch, dtype: torch.dtype | None) -> Batch:
    """Return a batch with real numbers in a precision."""
    if dtype is None:
        return batch
    return mapped(lambda part: part.to(dtype) if part.is_floating_point() else part, batch)
