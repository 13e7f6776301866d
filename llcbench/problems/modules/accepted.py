"""What the caller hands over as data: tensors, data sets and loaders, checked."""

import mmap
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from llcbench.problems.modules.data import (
    KINDS,
    Batch,
    FromDataset,
    InMemory,
    held,
    is_pair,
    leaves,
    mapped,
)

_DATA = (
    "data must be a pair (inputs, targets), a mapping of tensors, or a map-style Dataset or"
    " DataLoader"
)
_UNNAMED = ("inputs", "targets")
# Bytes that systems read ahead at a fault of a mapped file.
READ_AHEAD = 2**17


class Accepted(NamedTuple):
    """Data that were looked at.

    Attributes:
        data: A pair or mapping of tensors and arrays, or samples.
        notes: What was done that the caller may not expect, a sentence each.
    """

    data: Any
    notes: tuple[str, ...] = ()


def accepted(data: Any) -> Accepted:
    """Return data of any kind as what a loss takes batches of.

    Raises:
        TypeError: If they are of another kind.
        ValueError: If their parts do not fit together, or cannot be used here.
    """
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(data, KINDS):
        return Accepted(data)
    if isinstance(data, DataLoader):
        return _of_loader(data)
    if isinstance(data, TensorDataset):
        raise TypeError(
            f"a TensorDataset must hold two tensors, inputs and targets, got {len(data.tensors)};"
            " give several inputs as ((first, second), targets), and inputs that are their own"
            " targets twice"
        )
    if isinstance(data, Dataset) or _has_rows(data):
        return Accepted(_of_dataset(data, rows))
    if not isinstance(data, tuple | list | Mapping):
        raise TypeError(f"{_DATA}, got {type(data).__name__}")
    if not isinstance(data, Mapping) and not is_pair(data):
        raise TypeError(
            f"{_DATA}, got {len(data)} parts; give several inputs as ((first, second), targets)"
        )
    return Accepted(_in_memory(data))


def rows(samples: list[Any]) -> Batch:
    """Return a batch of samples; lists of numbers in the rows of a table are tensors."""

    def plain(sample: Any) -> Any:
        if not isinstance(sample, Mapping):
            return sample
        return {
            key: torch.as_tensor(value) if isinstance(value, list) else value
            for key, value in sample.items()
            if value is not None
        }

    return default_collate([plain(sample) for sample in samples])


def _of_loader(loader: DataLoader[Any]) -> Accepted:
    if loader.batch_size is None and loader.batch_sampler is None:
        raise TypeError(
            "the samples of a DataLoader with batch_size=None are batches; give a DataLoader, or a"
            " Dataset, of single samples"
        )
    notes: tuple[str, ...] = ()
    batches = loader.batch_sampler
    own = loader.sampler if batches is None else batches
    sampler = batches.sampler if type(batches) is BatchSampler else own
    if type(sampler) not in (SequentialSampler, RandomSampler):
        notes = (
            f"the {type(sampler).__name__} of the DataLoader is not used: every sample of"
            " its data set counts once; torch.utils.data.Subset leaves some out",
        )
    dataset, collate = loader.dataset, loader.collate_fn
    if isinstance(dataset, TensorDataset) and collate is default_collate:
        return Accepted(accepted(dataset).data, notes)
    return Accepted(_of_dataset(dataset, rows if collate is default_collate else collate), notes)


def _of_dataset(dataset: Any, collate: Any) -> FromDataset:
    kind = type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not (
        hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    ):
        raise TypeError(
            f"{kind} has no samples by number, and minibatches are independent uniform draws; give"
            " a map-style Dataset with __len__ and __getitem__"
        )
    if len(dataset) < 2:
        raise ValueError(f"{kind} holds {len(dataset)} samples: give at least 2")
    return FromDataset(dataset, collate)


def _has_rows(data: Any) -> bool:
    """Return whether data are a table that gives its rows by number, such as those of datasets."""
    return (
        not isinstance(data, tuple | list | Mapping | str | Tensor | np.ndarray)
        and hasattr(data, "__len__")
        and hasattr(data, "__getitem__")
    )


def _in_memory(data: Any) -> Any:
    pair = not isinstance(data, Mapping)
    counts = {}
    for path, part in leaves(data):
        name = (_UNNAMED[int(path[1])] + path[3:]) if pair else f"data{path}"
        _check_part(name, part)
        counts[name] = len(part)
        if isinstance(part, np.ndarray):
            _expect_single_rows(part)
    if len(set(counts.values())) != 1 or min(counts.values()) < 2:
        shown = " and ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
        many = "both" if len(counts) == 2 else "all"
        raise ValueError(f"data hold {shown}: give as many of {many}, at least 2")
    with torch.inference_mode(False):
        found = mapped(lambda p: _plain(p) if isinstance(p, Tensor) else p, data)
    return tuple(found) if pair else found


def _check_part(what: str, part: Any) -> None:
    if isinstance(part, np.ndarray):
        # Not by name: np.float128 exists on some platforms only.
        if part.dtype.kind not in "biuf" or part.dtype.itemsize > 8:
            raise TypeError(f"{what} are an array of {part.dtype}; numbers are needed")
        if part.ndim == 0:
            raise ValueError(f"{what} are a single number; samples are along the first axis")
        return
    if not isinstance(part, Tensor):
        raise TypeError(
            f"{_DATA}, got {type(part).__name__} as {what}; stack them to one tensor, or give a"
            " Dataset and a collate function in a DataLoader"
        )
    if part.layout != torch.strided or part.is_nested:
        raise ValueError(f"{what} are not stored densely; give {what}.to_dense()")
    if part.is_meta:
        raise ValueError(f"{what} are on meta, the device without numbers")
    if part.dim() == 0:
        raise ValueError(f"{what} are a single number; samples are along the first axis")


def _expect_single_rows(array: np.ndarray) -> None:
    """Switch off reading ahead for an array in a mapped file: rows are read in random order.

    It is a hint for the caller's mapping and changes no value. Rows that are longer than what is
    read ahead keep it, and so do systems without such hints.
    """
    owner: Any = array.base
    while isinstance(owner, np.ndarray):
        owner = owner.base
    short = array.nbytes <= READ_AHEAD * len(array)
    if isinstance(owner, mmap.mmap) and short and hasattr(mmap, "MADV_RANDOM"):
        owner.madvise(mmap.MADV_RANDOM)


def _plain(part: Tensor) -> Tensor:
    """Return data on the CPU and without a history.

    A tensor of inference mode takes part in no gradient.
    """
    return (part.clone() if part.is_inference() else part.detach()).cpu()


def in_precision(data: Any, dtype: torch.dtype) -> Any:
    """Return data in a precision; a pair of tensors or a mapping stays one, arrays wait."""
    samples = held(data).to(dtype)
    if isinstance(samples, InMemory) and all(isinstance(p, Tensor) for _, p in leaves(data)):
        return samples.batch
    return samples


def numbers_of(index: Any, count: int) -> Tensor | None:
    """Return numbers of samples that a mask or an index chooses; None if it is none.

    Raises:
        ValueError: If it fits no data of this size, or chooses fewer than 2 samples.
    """
    if isinstance(index, list | tuple) and index and all(isinstance(i, int) for i in index):
        index = torch.tensor(index)
    if isinstance(index, range | slice):
        index = torch.arange(count)[index] if isinstance(index, slice) else torch.tensor(index)
    if isinstance(index, np.ndarray):
        index = torch.from_numpy(index)
    if not isinstance(index, Tensor):
        return None
    if index.dim() != 1 or index.is_floating_point() or index.is_complex():
        raise ValueError(
            f"samples are chosen by a mask of {count} booleans or by whole numbers, along one axis;"
            f" got {tuple(index.shape)} in {index.dtype}"
        )
    if index.dtype == torch.bool:
        if len(index) != count:
            raise ValueError(f"the mask has {len(index)} entries for {count} samples")
        index = index.nonzero()[:, 0]
    if len(index) < 2:
        raise ValueError(f"{len(index)} samples are chosen: at least 2 are needed")
    if int(index.min()) < 0 or int(index.max()) >= count:
        raise ValueError(f"numbers of samples lie in 0 ... {count - 1}")
    numbers: Tensor = index.long()
    return numbers
