"""Randomness of a training: one generator for each use, and wrong labels."""

import hashlib
from dataclasses import replace
from typing import Literal

import torch

from llcbench.networks.data import DataSet

Use = Literal["batches", "inputs", "probes", "labels", "langevin", "spectral"]


def generator(seed: int, use: Use) -> torch.Generator:
    """Return a generator of its own for a use: more of one leaves the others as they were."""
    digest = hashlib.sha256(f"training\x1f{use}\x1f{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def with_label_noise(data: DataSet, share: float, seed: int) -> DataSet:
    """Return the data with ``round(share n)`` training labels replaced, and the test as it is.

    A replaced label is uniform on the *other* classes, so the share is that of wrong labels. (A
    convention that draws from all ``k`` classes leaves ``1/k`` of them right.)

    Raises:
        ValueError: If there are no classes to choose from.
    """
    inputs, targets = data.train
    if not share:
        return data
    if data.classes is None or data.classes < 2 or targets.dim() != 1:
        raise ValueError(f"label noise needs one class per sample, {data.name} has none")
    rng = generator(seed, "labels")
    chosen = torch.randperm(len(targets), generator=rng)[: round(share * len(targets))]
    shift = torch.randint(1, data.classes, chosen.shape, generator=rng)
    noisy = targets.clone()
    noisy[chosen] = (noisy[chosen] + shift) % data.classes
    return replace(data, train=(inputs, noisy))
