"""Precision of matrix products."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from llcbench.types import Matmul


def precision(matmul: Matmul) -> AbstractContextManager[None]:
    """Return a context in which products of float32 matrices have the given precision."""
    return nullcontext() if matmul == "full" else _reduced()


@contextmanager
def _reduced() -> Iterator[None]:
    """Round the factors to bfloat16 and add up in float32, where the machine is faster so."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
