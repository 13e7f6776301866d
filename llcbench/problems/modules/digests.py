"""Short digests of data, states and choices, by which they are told apart in ids and files."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llcbench.problems.modules.data import DataSource, held, leaves
from llcbench.problems.modules.user_code import explained

DIGITS = 8
# Samples of large data that stand for all.
READ = 1024


def digest_of(tensors: Any, *, digits: int = DIGITS) -> str:
    """Return hex digits of the SHA-256 of tensors and arrays with their names and shapes.

    Args:
        tensors: A tensor or array, or nested tuples, lists and mappings of them. What is neither
            enters by its text.
        digits: Length.
    """
    total = hashlib.sha256()
    for path, part in leaves(tensors):
        total.update(path.encode())
        if isinstance(part, Tensor):
            plain = part.detach().cpu().contiguous()
            total.update(f"{plain.dtype} {tuple(plain.shape)}".encode())
            total.update(plain.reshape(-1).view(torch.uint8).numpy().data)
        elif isinstance(part, np.ndarray):
            total.update(f"{part.dtype} {part.shape}".encode())
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            total.update(repr(part).encode())
    return total.hexdigest()[:digits]


def digest_of_data(data: Any) -> str:
    """Return the digest of samples: of all, or of some that are spread over many.

    Raises:
        OwnCodeError: If the data set or its collate function fails.
    """
    samples: DataSource = held(data)
    count = len(samples)
    read = min(count, READ)
    rows = torch.arange(read) * (count - 1) // max(read - 1, 1)
    with explained("taking samples of the data"):
        return digest_of({"samples": torch.tensor(count), "some": samples.take(rows)})


def digest_of_state(state: Mapping[str, Any]) -> str:
    """Return the digest of weights and buffers by name, whatever their order."""
    return digest_of({name: state[name] for name in sorted(state)}, digits=16)
