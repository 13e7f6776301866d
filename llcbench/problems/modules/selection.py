"""Which weights of a module move: whole tensors by pattern, and entries within a tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor, nn

from llcbench.checks import nearest, printable, shortened
from llcbench.problems.modules.digests import digest_of
from llcbench.problems.modules.graphs import Engine, engine_of

# A pattern of names, or entries by the name of their tensor.
Part = str | Mapping[str, Any]
_ALLOWED = (
    "give booleans in the shape of the tensor, or for each axis a slice, whole numbers, or a mask"
)


@final
@dataclass(frozen=True, eq=False)
class FreeEntries:
    """Tensors of which only some entries move; the others keep the values of the module.

    Attributes:
        numbers: Places of the free entries in the flat tensor, ascending, by its name.
        shapes: Shapes of these tensors, by name.
    """

    numbers: Mapping[str, Tensor] = field(default_factory=dict)
    shapes: Mapping[str, torch.Size] = field(default_factory=dict)

    def free(self, name: str, shape: torch.Size) -> torch.Size:
        """Return the shape of what moves of a tensor: its own, or that of a list of entries."""
        numbers = self.numbers.get(name)
        return shape if numbers is None else torch.Size([len(numbers)])

    def engine(self, shapes: Mapping[str, torch.Size]) -> Engine:
        """Return how a network is evaluated, of which some tensors move in part."""
        return engine_of({**shapes, **self.shapes})

    def of(self, name: str, tensor: Tensor) -> Tensor:
        """Return what moves of a tensor, flat."""
        flat, numbers = tensor.reshape(-1), self.numbers.get(name)
        return flat if numbers is None else flat[numbers.to(flat.device)]

    def whole(self, module: nn.Module, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return parameters by name with lists of entries put into the tensors of a module.

        Differentiable in the entries, and right under ``vmap`` and in a recorded pass.
        """
        tensors = dict(named)
        for name, shape in self.shapes.items():
            if name in tensors:
                base = module.get_parameter(name).detach()
                flat = base.reshape(-1).scatter(0, self.numbers[name], tensors[name].to(base.dtype))
                tensors[name] = flat.view(shape)
        return tensors

    def placed(self, device: str) -> "FreeEntries":
        """Return the same entries with their places on a device."""
        numbers = {name: places.to(device) for name, places in self.numbers.items()}
        return FreeEntries(numbers, self.shapes)


EVERY = FreeEntries()


class Selection(NamedTuple):
    """What a restriction leaves free.

    Attributes:
        only: Patterns or names of the tensors of which something moves.
        names: The tensors themselves.
        entries: Those of which only a part moves.
        label: The restriction in a few characters, as it stands in the id.
    """

    only: tuple[str, ...]
    names: tuple[str, ...]
    entries: FreeEntries
    label: str


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is one of some, or matches one of some patterns."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def select(
    shapes: Mapping[str, torch.Size], entries: FreeEntries, parts: Sequence[Part]
) -> Selection:
    """Return the union of parts, within what moves already.

    Args:
        shapes: Of the whole tensors of which something moves, by name.
        entries: Those of which only a part moves already.
        parts: Patterns, and mappings from names or patterns to entries.

    Raises:
        TypeError: If a part is neither.
        ValueError: If nothing is left, a name is unknown, or entries fit no tensor.
    """
    patterns = tuple(part for part in parts if isinstance(part, str))
    given = [part for part in parts if not isinstance(part, str)]
    for part in given:
        if not isinstance(part, Mapping):
            raise TypeError(
                "a part is a pattern of names, or a mapping of names to entries; got"
                f" {type(part).__name__}"
            )
        if not part:
            raise ValueError("a part is an empty mapping: name the tensors whose entries move")
    masks: dict[str, Tensor] = {}
    for name, index in (item for part in given for item in part.items()):
        hit = [known for known in shapes if isinstance(name, str) and matches(known, (name,))]
        if not hit:
            like = nearest(str(name), list(shapes))
            raise ValueError(
                f"no parameter matches {shortened(printable(str(name)))}; those that move are"
                f" {', '.join(shapes)}{like}"
            )
        for known in hit:
            mask = mask_of(known, shapes[known], index)
            masks[known] = mask | masks[known] if known in masks else mask
    names = tuple(name for name in shapes if name in masks or matches(name, patterns))
    if not names:
        raise ValueError(
            f"no parameter matches {', '.join(patterns)}; those that move are {', '.join(shapes)}"
        )
    numbers = {}
    for name in names:
        free = None if matches(name, patterns) else masks[name].reshape(-1)
        if name in entries.numbers:
            held = torch.zeros(shapes[name].numel(), dtype=torch.bool)
            held[entries.numbers[name]] = True
            free = held if free is None else free & held
        if free is None or bool(free.all()):
            continue
        numbers[name] = free.nonzero()[:, 0]
        if not len(numbers[name]):
            raise ValueError(f"no entry of {name} is free: the restriction before fixes them")
    label = ",".join((*patterns, *masks))
    if masks and numbers:
        label += f"#{digest_of(numbers)}"
    chosen = FreeEntries(numbers, {name: shapes[name] for name in numbers})
    return Selection((*patterns, *masks), names, chosen, label)


def mask_of(name: str, shape: torch.Size, index: Any) -> Tensor:
    """Return which entries of a tensor are chosen, as booleans in its shape.

    Args:
        name: Of the tensor.
        shape: Of the tensor.
        index: Booleans in this shape, or a choice for each axis in a tuple: a slice, whole
            numbers (one, a list, a range, a tensor), or a mask; axes that are not named are whole.
            ``weight[rows][:, columns]`` is ``(rows, columns)``. A single choice is one of the first
            axis.

    Raises:
        ValueError: If it fits no tensor of this shape, or chooses nothing.
    """
    if isinstance(index, np.ndarray):
        index = torch.from_numpy(index)
    if isinstance(index, Tensor) and index.dtype == torch.bool and index.shape == shape:
        mask = index.detach().cpu().clone()
    elif isinstance(index, Tensor) and index.dim() > 1:
        raise ValueError(
            f"{name} has the shape {tuple(shape)}, its entries are chosen by {tuple(index.shape)}"
            f" in {str(index.dtype).removeprefix('torch.')}: {_ALLOWED}"
        )
    else:
        axes = index if isinstance(index, tuple) else (index,)
        if len(axes) > len(shape):
            raise ValueError(
                f"{name} has {len(shape)} axes, its entries are chosen along {len(axes)}:"
                f" {_ALLOWED}"
            )
        mask = torch.ones(shape, dtype=torch.bool)
        for axis, choice in enumerate(axes):
            along = _along(name, axis, shape[axis], choice)
            mask &= along.view([-1 if each == axis else 1 for each in range(len(shape))])
    if not bool(mask.any()):
        raise ValueError(f"no entry of {name} is chosen: at least one has to move")
    return mask


def _along(name: str, axis: int, size: int, choice: Any) -> Tensor:
    """Return which places along an axis are chosen, ``(size,)``."""
    mask = torch.zeros(size, dtype=torch.bool)
    where = f"along axis {axis} of {name}, which has {size} places"
    if isinstance(choice, np.ndarray):
        choice = torch.from_numpy(choice)
    if isinstance(choice, slice):
        mask[choice] = True
        return mask
    if not isinstance(choice, Tensor):
        try:
            choice = torch.tensor(list(choice) if isinstance(choice, range) else choice)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            choice = torch.tensor(0.5)
    choice = choice.detach().cpu()
    if choice.dtype == torch.bool and choice.shape == mask.shape:
        mask[choice] = True
        return mask
    if choice.dim() > 1 or choice.is_floating_point() or choice.is_complex():
        raise ValueError(f"a choice {where}, is of another kind: {_ALLOWED}")
    if choice.dtype == torch.bool:
        raise ValueError(f"a mask {where}, has {choice.numel()} entries: {_ALLOWED}")
    numbers = choice.reshape(-1).long()
    if len(numbers) and not (int(numbers.min()) >= -size and int(numbers.max()) < size):
        raise ValueError(f"a number {where}, is outside of 0 ... {size - 1}")
    mask[numbers] = True
    return mask
