"""Conversion of sampler states to lists of tensors and numbers, and back.

A state is a tree: tuples, lists, dictionaries and dataclasses down to tensors, arrays, numbers and
numpy generators. Only these leaves are ever stored; their structure is that of the state that the
sampler starts with.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from llcbench.sampling.target import Target

PLAIN = (int, float, bool, str, type(None))


class NotStorable(ValueError):
    """Raised for a state with anything but tensors, numbers and their containers."""


class StateLeaf(NamedTuple):
    """One value of a state.

    Attributes:
        path: Where it is, such as ``.layers[2]``.
        kind: ``tensor``, ``array``, ``scalar`` (of numpy) or ``plain``.
        value: The value itself.
    """

    path: str
    kind: str
    value: Any


@final
@dataclasses.dataclass(frozen=True)
class Outline:
    """The shape of a state without its values.

    Attributes:
        names: Path and kind of every leaf, in order.
    """

    names: list[str]
    _build: Callable[[Iterator[Any]], Any]

    def filled(self, names: Sequence[str], values: Sequence[Any]) -> Any:
        """Return a state with stored values; tensors and arrays are copies of them.

        Raises:
            NotStorable: If the values were taken from a state of another shape.
        """
        if list(names) != self.names or len(values) != len(names):
            raise NotStorable("it was written by a sampler whose state had another shape")
        copies = [
            _decoded(name.rpartition(":")[2], value)
            for name, value in zip(names, values, strict=True)
        ]
        return self._build(iter(copies))


def outline(state: Any) -> Outline:
    """Return the shape of a state.

    Raises:
        NotStorable: If the state holds anything that cannot be stored.
    """
    walked, build = _walk(state, "")
    return Outline([f"{leaf.path}:{leaf.kind}" for leaf in walked], build)


def values(state: Any) -> tuple[list[str], list[Any]]:
    """Return paths with kinds and the values of all leaves, ready for ``torch.save``.

    Raises:
        NotStorable: If the state holds anything that cannot be stored, or tensors that share
            memory, which they would no longer do when read back.
    """
    walked, _ = _walk(state, "")
    _check_apart(walked)
    return [f"{leaf.path}:{leaf.kind}" for leaf in walked], [_encoded(leaf) for leaf in walked]


def _walk(node: Any, path: str) -> tuple[list[StateLeaf], Callable[[Iterator[Any]], Any]]:
    """Return the leaves under a node and a function that builds it from their values."""
    kind = _kind(node)
    if kind is not None:
        return [StateLeaf(path, kind, node)], next
    names, children, make = _parts(node, path)
    leaves: list[StateLeaf] = []
    builders = []
    for name, child in zip(names, children, strict=True):
        below, build = _walk(child, f"{path}{name}")
        leaves += below
        builders.append(build)
    return leaves, lambda source: make([build(source) for build in builders])


def _kind(node: Any) -> str | None:
    if type(node) is Tensor and not node.requires_grad:
        return "tensor"
    if type(node) is np.ndarray:
        return "array"
    if isinstance(node, np.generic):
        return "scalar"
    return "plain" if type(node) in PLAIN else None


def _parts(node: Any, path: str) -> tuple[list[str], list[Any], Callable[[list[Any]], Any]]:
    """Return names and values of what a container holds, and what makes it again."""
    kind = type(node)
    if kind in (list, tuple):
        return [f"[{index}]" for index in range(len(node))], list(node), kind
    if isinstance(node, tuple) and hasattr(kind, "_fields"):
        return [f".{name}" for name in kind._fields], list(node), lambda made: kind(*made)
    if kind is dict and all(type(key) in (str, int) for key in node):
        keys = list(node)
        return (
            [f"[{key!r}]" for key in keys],
            list(node.values()),
            lambda made: dict(zip(keys, made, strict=True)),
        )
    if kind is np.random.Generator:
        source = type(node.bit_generator)
        return [".state"], [node.bit_generator.state], lambda made: _generator(source, made[0])
    if dataclasses.is_dataclass(node) and not isinstance(node, type | Target):
        return _fields(node, path)
    raise NotStorable(f"its state{path} is a {kind.__name__}, neither a tensor nor a number")


def _fields(node: Any, path: str) -> tuple[list[str], list[Any], Callable[[list[Any]], Any]]:
    kind, names = type(node), [field.name for field in dataclasses.fields(node)]
    if set(getattr(node, "__dict__", {})) - set(names):
        raise NotStorable(f"its state{path} keeps more than the fields of {kind.__name__}")

    def make(made: list[Any]) -> Any:
        new = object.__new__(kind)
        for name, value in zip(names, made, strict=True):
            object.__setattr__(new, name, value)
        return new

    return [f".{name}" for name in names], [getattr(node, name) for name in names], make


def _generator(source: Any, state: Any) -> np.random.Generator:
    bits = source()
    bits.state = state
    return np.random.Generator(bits)


def _encoded(leaf: StateLeaf) -> Any:
    if leaf.kind == "plain":
        return leaf.value
    tensor = leaf.value
    if leaf.kind != "tensor":
        try:
            tensor = torch.from_numpy(np.asarray(leaf.value))
        except (TypeError, ValueError) as error:
            raise NotStorable(f"its state{leaf.path}: {error}") from None
    # A view would take the whole of its storage into the file.
    whole = tensor.untyped_storage().nbytes() <= tensor.numel() * tensor.element_size()
    return tensor if whole else tensor.clone()


def _decoded(kind: str, value: Any) -> Any:
    if kind == "plain":
        return value
    own = value.clone()
    if kind == "tensor":
        return own
    return own.numpy() if kind == "array" else own.numpy()[()]


def _check_apart(leaves: list[StateLeaf]) -> None:
    spans = sorted(
        (*_span(leaf.value), leaf.path) for leaf in leaves if leaf.kind in ("tensor", "array")
    )
    for (_, end, first), (start, stop, second) in pairwise(spans):
        if start < end and stop > start:
            raise NotStorable(f"its state{first} and state{second} share memory")


def _span(value: Any) -> tuple[int, int]:
    """Return first and last address of a tensor or array, the last one excluded."""
    if isinstance(value, np.ndarray):
        low, high = np.lib.array_utils.byte_bounds(value)
        return int(low), int(high) if value.size else int(low)
    if not value.numel():
        return 0, 0
    reach = sum((n - 1) * s for n, s in zip(value.shape, value.stride(), strict=True))
    return value.data_ptr(), value.data_ptr() + (reach + 1) * value.element_size()
