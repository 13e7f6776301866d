"""Any torch module with a loss per sample: the empirical loss of a trained network."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from llcbench.problems.modules.loss import ModuleLoss, per_sample
from llcbench.types import Truth
from theory.coefficient import RLCT, Scope
from theory.tempered import Tempered

PerSampleLoss = Callable[[Tensor, Tensor], Tensor]
Tensors = tuple[Tensor, Tensor]
# Samples on which the loss is tried out, and how far it may be from that of a single sample.
TRIED = 4
TOLERANCE = 1e-3


def from_module(
    module: nn.Module,
    per_sample_loss: PerSampleLoss,
    data: Tensors | TensorDataset,
    *,
    w_star: Mapping[str, Tensor] | None = None,
    only: str | Sequence[str] = "*",
    name: str = "module",
) -> "ModuleProblem":
    """Return the loss of a module over a data set, at its weights, as a problem.

    ``L_n(w) = mean_i loss(f_w(x_i), y_i)``. The module is copied and put into evaluation mode:
    dropout is off and batch statistics stay what they were in training, so that the loss is a
    function of the weights. A penalty that training added to the loss does not belong here.

    Args:
        module: The network ``f_w``; it takes one tensor of inputs.
        per_sample_loss: From outputs and targets to one loss per sample, ``(batch,)``; for
            example ``lambda f, y: cross_entropy(f, y, reduction="none")``.
        data: Inputs and targets with samples along the first axis, or a ``TensorDataset`` of two.
        w_star: State at which to estimate; None for that of the module.
        only: Patterns such as ``"blocks.0.*"``; parameters that none of them matches stay fixed.
        name: Name in the results.

    Raises:
        ValueError: If the data have other shapes, no parameter is left, the loss is not one number
            per sample, not finite, depends on the other samples or is not the same twice.
    """
    inputs, targets = data.tensors if isinstance(data, TensorDataset) else data
    if len(inputs) != len(targets) or len(inputs) < 2:
        raise ValueError(
            f"data hold {len(inputs)} inputs and {len(targets)} targets: give as many of both,"
            " at least 2"
        )
    frozen = copy.deepcopy(module).eval().requires_grad_(False)
    if w_star is not None:
        frozen.load_state_dict(dict(w_star))
    patterns = (only,) if isinstance(only, str) else tuple(only)
    problem = ModuleProblem(name, frozen, per_sample_loss, (inputs, targets), patterns)
    _examine(problem)
    return problem


@final
@dataclass(frozen=True, eq=False)
class ModuleProblem:
    """The empirical loss of a module at its weights; made by `from_module`.

    No coefficient is known here: `truth` holds bounds, and the score of an estimate is its guards.

    Attributes:
        id: Name.
        module: The network in evaluation mode, with the weights of the reference point.
        per_sample_loss: From outputs and targets to a loss per sample.
        data: Inputs and targets.
        only: Patterns of the parameters that move.
        version: Always 1: the data and the weights are the caller's.
    """

    id: str
    module: nn.Module
    per_sample_loss: PerSampleLoss
    data: Tensors
    only: tuple[str, ...] = ("*",)
    version: int = 1

    @cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """Shapes of the parameters that move, by name, in the order of the vector.

        Raises:
            ValueError: If there are none.
        """
        named = dict(self.module.named_parameters())
        by_name = {
            name: value.shape
            for name, value in named.items()
            if any(fnmatch(name, pattern) for pattern in self.only)
        }
        if not by_name:
            raise ValueError(
                f"no parameter matches {', '.join(self.only)}; the module has {', '.join(named)}"
            )
        return by_name

    @property
    def dim(self) -> int:
        """Number of parameters that move."""
        return sum(shape.numel() for shape in self.shapes.values())

    @property
    def num_data(self) -> int:
        """Number of samples."""
        return len(self.data[0])

    @property
    def truth(self) -> Truth:
        """Bounds ``0 <= lambda <= d/2``, which hold if the reference point is a minimum."""
        return Truth(self._bounds("local"), self._bounds("global"))

    @property
    def formula(self) -> str:
        """The loss in one line."""
        return f"L(w) = mean over {self.num_data} samples, {type(self.module).__name__}"

    @property
    def why_hard(self) -> str:
        """What an estimator can get wrong here."""
        return "no coefficient is known; the trained point may be no minimum of this loss"

    @property
    def keywords(self) -> frozenset[str]:
        """Tags for selection."""
        return frozenset({"module", "data"})

    def w_star(self) -> Tensor:
        """Return the parameters that move, ``(dim,)``."""
        state = dict(self.module.named_parameters())
        return torch.cat([state[name].detach().reshape(-1) for name in self.shapes])

    def at(self, state: Mapping[str, Tensor], name: str | None = None) -> "ModuleProblem":
        """Return the same loss at other weights, such as those of a checkpoint."""
        module = copy.deepcopy(self.module)
        module.load_state_dict(dict(state))
        return replace(self, id=name or self.id, module=module)

    def restricted(self, *only: str) -> "ModuleProblem":
        """Return the loss as a function of the parameters that match a pattern."""
        return replace(self, id=f"{self.id}[{','.join(only)}]", only=only)

    def layers(self) -> dict[str, "ModuleProblem"]:
        """Return the loss as a function of each module that owns parameters, by its name."""
        owners = dict.fromkeys(name.rpartition(".")[0] for name in self.shapes)
        return {
            owner: self.restricted(
                *(name for name in self.shapes if name.rpartition(".")[0] == owner)
            )
            for owner in owners
        }

    def realised(self, link: Callable[[Tensor], Tensor] = lambda f: f) -> "ModuleProblem":
        """Return the loss on labels that the module itself gives.

        Then the reference point is a minimum, and no estimate of a perfect sampler is negative.

        Args:
            link: From outputs to targets: the identity for a squared loss, ``softmax`` for a
                cross entropy.
        """
        inputs, _ = self.data
        with torch.no_grad():
            labels = torch.cat([link(self.module(part)) for part in torch.split(inputs, 1024)])
        return replace(self, id=f"{self.id}/realised", data=(inputs, labels))

    def sample_data(self, rng: torch.Generator) -> Tensors:
        """Return the data, which are the caller's."""
        return self.data

    def bind(self, data: Tensors | None, dtype: torch.dtype) -> ModuleLoss:
        """Return the loss in a precision."""
        inputs, targets = (
            part.to(dtype) if part.is_floating_point() else part for part in data or self.data
        )
        module = copy.deepcopy(self.module).to(dtype)
        return ModuleLoss(module, self.per_sample_loss, inputs, targets, self.shapes)

    def tempered(self, nbeta: float, gamma: float, data: Any = None) -> Tempered | None:
        """Return None: what a perfect sampler would return is unknown."""
        return None

    def _bounds(self, scope: Scope) -> RLCT:
        return RLCT(
            lower=Fraction(0),
            upper=Fraction(self.dim, 2),
            multiplicity=None,
            scope=scope,
            method="number of parameters",
            source="elementary: the loss is at most quadratic at a minimum",
            conditions="if the reference point is a minimum of a smooth loss",
        )


def _examine(problem: ModuleProblem) -> None:
    """Try the loss on a few samples; the number of parameters refuses to be none."""
    assert problem.dim > 0
    inputs, targets = (part[:TRIED] for part in problem.data)
    with torch.no_grad():
        losses = per_sample(problem.per_sample_loss, problem.module(inputs), targets)
        again = problem.per_sample_loss(problem.module(inputs), targets)
        halves = (torch.split(part, max(1, len(inputs) // 2)) for part in (inputs, targets))
        apart = torch.cat(
            [problem.per_sample_loss(problem.module(x), y) for x, y in zip(*halves, strict=True)]
        )
    if not bool(losses.isfinite().all()):
        raise ValueError(f"the loss at w_star is {losses.tolist()}: not finite")
    if not torch.equal(losses, again):
        raise ValueError("the loss is not the same twice: the module is random even in eval()")
    scale = float(losses.abs().mean()) or 1.0
    change = float((losses - apart).abs().max()) / scale
    if not math.isfinite(change) or change > TOLERANCE:
        raise ValueError(
            f"the loss of a sample changes by {change:.2g} with the other samples in its batch:"
            " samples must not mix"
        )
