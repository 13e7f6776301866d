"""From what a caller calls data to numbered samples."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
)

from llcbench.problems.modules.data import (
    CollatedSamples,
    Indexed,
    SampleSource,
    SampleSubset,
    StoredSamples,
    leaves,
    mapped,
)

_WANTED = (
    "data must be a pair (inputs, targets) of tensors or arrays, a mapping of them, a Dataset with"
    " a length, or a DataLoader of one"
)


def samples_of(data: Any) -> SampleSource:
    """Return the samples of what a caller calls data.

    A ``DataLoader`` gives its data set and its collate function. Its order, batch size and workers
    are not used: minibatches are independent draws, since passes over shuffled data, where no
    sample comes twice before all have come, bias the trace.

    Raises:
        TypeError: If it is nothing with numbered samples.
        ValueError: If parts do not fit together, or cannot be used here.
    """
    if isinstance(data, SampleSource):
        return data
    if isinstance(data, DataLoader):
        return _of_dataset(data.dataset, data.collate_fn)
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(data, Dataset):
        return _of_dataset(data, default_collate)
    if isinstance(data, Mapping):
        data = dict(data)
        return _stored(data, data)
    if isinstance(data, tuple | list):
        if len(data) == 2:
            return _stored(*data)
        raise TypeError(
            f"{_WANTED}, got {len(data)} of them; several inputs are a tuple or a dict in the first"
            " place of the pair"
        )
    if isinstance(data, Indexed) and not isinstance(data, Tensor | np.ndarray | str):
        return _of_dataset(data, default_collate)
    raise TypeError(f"{_WANTED}, got {type(data).__name__}")


def restricted(samples: SampleSource, chosen: Any) -> SampleSubset:
    """Return some of the samples.

    Args:
        samples: All of them.
        chosen: Their numbers, or a mask with a place for each.

    Raises:
        ValueError: If there are fewer than two, or numbers out of range.
    """
    numbers = torch.as_tensor(chosen)
    if numbers.dtype == torch.bool:
        if numbers.shape != (len(samples),):
            raise ValueError(
                f"the mask has the shape {tuple(numbers.shape)}, and there are {len(samples)}"
                " samples"
            )
        numbers = numbers.nonzero()[:, 0]
    if numbers.dim() != 1 or numbers.is_floating_point() or len(numbers) < 2:
        raise ValueError(
            f"samples are chosen by a mask or by at least 2 whole numbers, got"
            f" {tuple(numbers.shape)} in {numbers.dtype}"
        )
    if not (0 <= int(numbers.min()) and int(numbers.max()) < len(samples)):
        raise ValueError(f"numbers of samples lie in 0 ... {len(samples) - 1}")
    return SampleSubset(samples, numbers.long())


def _of_dataset(dataset: Any, collate: Callable[[list[Any]], Any]) -> SampleSource:
    if isinstance(dataset, IterableDataset) or not isinstance(dataset, Indexed):
        raise TypeError(
            f"a {type(dataset).__name__} has no numbered samples, and minibatches are drawn by"
            " number; give a Dataset with __len__ and __getitem__"
        )
    if len(dataset) < 2:
        raise ValueError(f"the data set has {len(dataset)} samples; give at least 2")
    if isinstance(dataset, TensorDataset) and collate is default_collate:
        if len(dataset.tensors) == 2:
            return _stored(*dataset.tensors)
    elif isinstance(dataset, Subset) and collate is default_collate:
        return SampleSubset(_of_dataset(dataset.dataset, collate), torch.as_tensor(dataset.indices))
    return CollatedSamples(dataset, collate)


def _stored(inputs: Any, targets: Any) -> StoredSamples:
    """Check parts and return them, without a history."""
    same = inputs is targets
    for what, part in (("inputs", inputs), ("targets", targets)):
        for leaf in leaves(part):
            _check_leaf(what, leaf)
    sizes = {"inputs": [len(leaf) for leaf in leaves(inputs)],
             "targets": [len(leaf) for leaf in leaves(targets)]}  # fmt: skip
    found = [size for each in sizes.values() for size in each]
    if not found or len({*found}) > 1 or found[0] < 2:
        raise ValueError(
            f"data hold {_listed(sizes['inputs'])} inputs and {_listed(sizes['targets'])} targets:"
            " give as many of both, at least 2"
        )
    with torch.inference_mode(False):
        plain = mapped(_plain, inputs)
        return StoredSamples(plain, plain if same else mapped(_plain, targets))


def _listed(sizes: Sequence[int]) -> str:
    return " and ".join(str(size) for size in dict.fromkeys(sizes)) or "no"


def _check_leaf(what: str, part: Any) -> None:
    if isinstance(part, np.ndarray):
        if part.dtype.kind not in "biuf" or part.dtype.hasobject:
            raise ValueError(f"{what} are an array of {part.dtype}; numbers are needed")
        if part.ndim == 0:
            raise ValueError(f"{what} are a single number; samples are along the first axis")
        return
    if not isinstance(part, Tensor):
        raise TypeError(
            f"{_WANTED}, got {type(part).__name__} in the {what}; stack them to one tensor, or give"
            " a Dataset and a collate function through a DataLoader"
        )
    if part.layout != torch.strided or part.is_nested:
        raise ValueError(f"{what} are not stored densely; give {what}.to_dense()")
    if part.device.type != "cpu":
        raise ValueError(f"{what} are on {part.device}; give {what}.cpu()")
    if part.dim() == 0:
        raise ValueError(f"{what} are a single number; samples are along the first axis")


def _plain(part: Any) -> Any:
    """Return data without a history; a tensor of inference mode takes part in no gradient."""
    if not isinstance(part, Tensor):
        return part
    return part.clone() if part.is_inference() else part.detach()
