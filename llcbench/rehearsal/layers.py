"""The dense layers of a module, in the order in which they run, and what goes into the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from llcbench.problems.modules.loss import ModuleLoss
from llcbench.problems.modules.problem import ModuleProblem
from llcbench.sampling.surroundings import neutral

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Rows of inputs whose second moment is taken, and numbers in them.
ROWS, NUMBERS = 4096, 2**25
# Samples that run together.
TOGETHER = 64


@final
@dataclass(frozen=True)
class DenseLayer:
    """A layer that is a matrix, ``(rows, columns)``.

    A convolution is the matrix from its patches, ``in * k * k`` columns, to its channels.

    Attributes:
        name: Of the module.
        rows: Outputs.
        columns: Inputs.
    """

    name: str
    rows: int
    columns: int

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.rows * self.columns


def dense_layers(problem: ModuleProblem, loss: ModuleLoss) -> list[DenseLayer]:
    """Return the layers of a network that are matrices and move, in the order in which they run.

    They are ``Linear``, convolutions without groups, and the transposed ``Conv1D`` of language
    models. One that runs several times counts once.

    Raises:
        ValueError: If there are none.
    """
    modules = dict(loss.module.named_modules())
    # By identity: tied and parametrised weights have several names.
    moving = {id(w) for name, w in loss.module.named_parameters() if name in problem.shapes}
    shapes = {name: shape for name, part in modules.items()
              if (shape := _matrix(part)) is not None}  # fmt: skip
    kept = {
        name: shape
        for name, shape in shapes.items()
        if any(id(w) in moving and w.ndim > 1 for w in modules[name].parameters())
    }
    if not kept:
        kinds = sorted({type(part).__name__ for part in modules.values()
                        if next(part.parameters(recurse=False), None) is not None})  # fmt: skip
        where = "that moves" if shapes else f"among {', '.join(kinds)}"
        raise ValueError(
            f"{problem.id} has no dense layer {where}: a rehearsal needs nn.Linear or a convolution"
            " without groups, whose shapes the linear networks take"
        )
    order: list[str] = []
    with _recorded(loss.module, kept, lambda name, inputs: order.append(name)):
        _run(loss, torch.arange(1))
    names = dict.fromkeys(order)
    if not names:
        raise ValueError(
            f"{problem.id}: none of {', '.join(kept)} is called when the network runs:"
            " neither their order nor their inputs are known"
        )
    return [DenseLayer(name, *kept[name]) for name in names]


def first_inputs(loss: ModuleLoss, layer: DenseLayer) -> Tensor:
    """Return rows of inputs of a layer, ``(rows, columns)``, in double precision.

    They come from samples spread over the data; of a convolution they are patches, of a network on
    sequences tokens.
    """
    most = max(2, min(ROWS, NUMBERS // layer.columns))
    part = loss.module.get_submodule(layer.name)
    taken: list[Tensor] = []

    def take(name: str, inputs: Tensor) -> None:
        rows = _patches(part, inputs).reshape(-1, layer.columns)
        places = torch.arange(min(share, len(rows))) * len(rows) // min(share, len(rows))
        taken.append(rows[places].double().cpu())

    count = min(loss.num_data, most)
    numbers = torch.arange(count) * loss.num_data // count
    with _recorded(loss.module, (layer.name,), take):
        for rows in torch.split(numbers, TOGETHER):
            share = max(1, most * len(rows) // count)
            _run(loss, rows)
    return torch.cat(taken)


def _matrix(part: nn.Module) -> tuple[int, int] | None:
    """Return rows and columns of the matrix that a module is, None where it is none."""
    if isinstance(part, nn.Linear):
        return part.out_features, part.in_features
    if isinstance(part, CONVOLUTIONS):
        return (part.weight.shape[0], part.weight[0].numel()) if part.groups == 1 else None
    # The layer of GPT-2, told by its name: the package is none of ours.
    if type(part).__name__ == "Conv1D" and type(part).__module__.startswith("transformers."):
        held: Any = part
        return held.weight.shape[1], held.weight.shape[0]
    return None


def _patches(part: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a layer multiplies its matrix with, columns last."""
    if not isinstance(part, CONVOLUTIONS):
        return inputs
    shape = part.weight.shape[1:]
    # Convolved with the unit vectors, a patch is its own channels.
    units = torch.eye(shape.numel(), dtype=inputs.dtype, device=inputs.device).view(-1, *shape)
    patches: Tensor = part._conv_forward(inputs, units, None)
    return patches.movedim(-len(shape), -1)


@contextmanager
def _recorded(module: nn.Module, names: Any, take: Any) -> Iterator[None]:
    """Hand out the inputs of some layers whenever they are called."""

    def hook_of(name: str) -> Any:
        def hook(part: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given = (*args, *kwargs.values())
            take(name, given[0].detach())

        return hook

    handles = [
        module.get_submodule(name).register_forward_pre_hook(hook_of(name), with_kwargs=True)
        for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _run(loss: ModuleLoss, rows: Tensor) -> None:
    with neutral(), torch.no_grad():
        loss.outputs({}, loss.take(rows))
