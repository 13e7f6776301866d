"""Any torch module with a loss per sample: the empirical loss of a trained network."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor, nn

from llcbench.problems.modules import intake, trials
from llcbench.problems.modules.accepted import accepted, in_precision, numbers_of
from llcbench.problems.modules.data import (
    DataSource,
    Relabelled,
    chosen,
    held,
    is_pair,
    prepared_like,
)
from llcbench.problems.modules.digests import digest_of, digest_of_data
from llcbench.problems.modules.loss import ModuleLoss
from llcbench.problems.modules.reference import split
from llcbench.problems.modules.selection import FreeEntries, Part, matches, select
from llcbench.problems.modules.user_code import OwnCodeError, explained
from llcbench.sampling.surroundings import neutral
from llcbench.types import DType, Truth
from theory.coefficient import RLCT, Scope
from theory.tempered import Tempered

PerSampleLoss = Callable[[Any, Any], Tensor]


@final
@dataclass(frozen=True, eq=False)
class ModuleProblem:
    """The empirical loss of a module at its weights; made by `llcbench.from_module`.

    No coefficient is known here: `truth` holds bounds, and the score of an estimate is its guards.

    Attributes:
        id: Name.
        module: The network in evaluation mode, with the weights of the reference point.
        per_sample_loss: From outputs and targets to a loss per sample.
        data: A pair of tensors, a mapping of them, or samples of another kind.
        only: Patterns of the parameters that move.
        version: Always 1: the data and the weights are the caller's.
        fixed: Names of parameters that stay fixed whatever the patterns say.
        notes: What was done that the caller may not expect, a sentence each.
        losses: Losses of all samples at ``w_star`` in the precision of the module, if computed.
        chunk: Samples that are evaluated together on the full batch; None for the usual number.
        counting: What ``n`` counts in `nbeta`, such as tokens; None for samples.
        entries: Tensors of which only some entries move.
    """

    id: str
    module: nn.Module
    per_sample_loss: PerSampleLoss
    data: Any
    only: tuple[str, ...] = ("*",)
    version: int = 1
    fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    losses: Tensor | None = None
    chunk: int | None = None
    counting: Callable[[DataSource], int] | None = None
    entries: FreeEntries = field(default_factory=FreeEntries)

    @cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """Shapes of what moves, by name, in the order of the vector.

        That of a tensor of which only some entries move is their number, ``(entries,)``.

        Raises:
            ValueError: If there are none.
        """
        named = dict(self.module.named_parameters())
        if not named:
            raise ValueError("the module has no parameters: there is nothing to move")
        chosen = {name: w.shape for name, w in named.items() if matches(name, self.only)}
        if not chosen:
            raise ValueError(
                f"no parameter matches {', '.join(self.only)}; the module has {', '.join(named)}"
            )
        by_name = {name: shape for name, shape in chosen.items() if name not in self.fixed}
        if not by_name:
            raise ValueError(
                f"{intake.listed(chosen)} cannot move: requires_grad is False; call"
                " requires_grad_() on what should move"
            )
        if not any(shape.numel() for shape in by_name.values()):
            raise ValueError(f"{intake.listed(by_name)} are empty: there is nothing to move")
        return {name: self.entries.free(name, shape) for name, shape in by_name.items()}

    @property
    def precision(self) -> DType:
        """Precision of the module, in which it is evaluated unless settings say otherwise."""
        return "float64" if self._dtype == torch.float64 else "float32"

    @property
    def _dtype(self) -> torch.dtype:
        return intake.precision_of(self.module)

    @property
    def dim(self) -> int:
        """Number of parameters that move."""
        return sum(shape.numel() for shape in self.shapes.values())

    @property
    def num_data(self) -> int:
        """Number of samples."""
        return len(held(self.data))

    @property
    def nbeta(self) -> float:
        """``n / log n``, where ``n`` counts samples, or tokens where that was asked for."""
        count = self.num_data if self.counting is None else self.counting(held(self.data))
        return count / math.log(count)

    @property
    def truth(self) -> Truth:
        """Bounds ``0 <= lambda <= d/2``, which hold if the reference point is a minimum."""
        return Truth(self._bounds("local"), self._bounds("global"))

    @cached_property
    def flops(self) -> float:
        """Floating point operations of a gradient on one sample, as counted."""
        return self.bind(None, self._dtype).flops

    @property
    def trained(self) -> bool:
        """True: the reference point is where the caller's training ended."""
        return True

    @property
    def formula(self) -> str:
        """The loss in one line."""
        fixed = f", {len(self.fixed)} tensors fixed" if self.fixed else ""
        return f"L(w) = mean over {self.num_data} samples, {type(self.module).__name__}{fixed}"

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
        return torch.cat([self.entries.of(name, state[name].detach()) for name in self.shapes])

    def at(self, state: Mapping[str, Tensor], name: str | None = None) -> "ModuleProblem":
        """Return the same loss at other weights, such as those of a checkpoint.

        Raises:
            TypeError: If the state is no mapping of names to tensors.
            ValueError: If it is that of another network, or the loss there is none that chains can
                use, as in `from_module`.
        """
        with neutral():
            module = intake.copied(self.module)
            intake.load(module, state)
            return examined(replace(self, id=name or self.id, module=module, losses=None))

    def restricted(self, *only: Part, name: str | None = None) -> "ModuleProblem":
        """Return the loss as a function of those of its parameters that any part names.

        Args:
            only: Patterns of names such as ``"blocks.0.*"``; or mappings from names to entries
                within the tensor: booleans in its shape, or for each axis in a tuple a slice, whole
                numbers, or a mask. `llcbench.attention_head` makes those of a head.
            name: Name in the results; None adds the parts, and a digest of the entries.

        Raises:
            TypeError: If a part is neither.
            ValueError: If none of the parameters that move is named, or entries do not fit.
        """
        if not only:
            raise ValueError('restricted needs a pattern of names, such as restricted("0.*")')
        named = dict(self.module.named_parameters())
        shapes = {each: named[each].shape for each in self.shapes}
        with neutral():
            chosen = select(shapes, self.entries, only)
        fixed = tuple(each for each in named if each not in chosen.names)
        part = replace(
            self,
            id=name or f"{self.id}[{chosen.label}]",
            only=chosen.only,
            fixed=(*self.fixed, *fixed),
            entries=chosen.entries,
        )
        assert part.dim > 0
        return part

    def layers(self) -> dict[str, "ModuleProblem"]:
        """Return the loss as a function of each module that owns parameters, by its name."""
        owners = dict.fromkeys(name.rpartition(".")[0] for name in self.shapes)
        return {
            owner: self.restricted(
                *(name for name in self.shapes if name.rpartition(".")[0] == owner)
            )
            for owner in owners
        }

    def on(self, data: Any, name: str | None = None) -> "ModuleProblem":
        """Return the loss of the same weights on other data, or on some of the samples.

        Args:
            data: As in `from_module`; or which samples: a mask of booleans, ``(num_data,)``, whole
                numbers, a range or a slice.
            name: Name in the results; None adds ``on ... samples`` and a digest of which.

        Raises:
            TypeError: If the data are of another kind.
            ValueError: If they do not fit, or the loss is none that chains can use, as in
                `from_module`.
        """
        with neutral():
            numbers = numbers_of(data, self.num_data)
            notes: tuple[str, ...] = ()
            if numbers is not None:
                other, digest = chosen(self.data, numbers), digest_of(numbers)
            else:
                given = accepted(data)
                other = prepared_like(in_precision(given.data, self._dtype), self.data)
                notes, digest = given.notes, digest_of_data(other)
            id_ = name or f"{self.id} on {len(held(other))} samples #{digest}"
            part = replace(self, id=id_, data=other, losses=None, notes=(*self.notes, *notes))
            return examined(part)

    def realised(self, link: Callable[[Any], Tensor] = lambda f: f) -> "ModuleProblem":
        """Return the loss on labels that the module itself gives: another loss.

        Then the reference point is a minimum, and no estimate of a perfect sampler is negative. The
        last of `notes` says by how much the loss at the reference point changes.

        Args:
            link: From outputs to targets: the identity for a squared loss, ``softmax`` for a
                cross entropy, ``lambda f: f.logits.softmax(-1)`` for outputs that are objects.

        Raises:
            ValueError: If the labels are no finite tensor with one row per sample, or the loss is
                not smallest at them.
        """
        with neutral(), torch.no_grad():
            loss = self.bind(None, self._dtype)
            made = []
            for rows in split(torch.arange(self.num_data), self.chunk):
                outputs, _ = loss.outputs({}, loss.take(rows))
                with explained("link on the outputs of the module"):
                    labels = link(outputs)
                if not isinstance(labels, Tensor) or labels.shape[:1] != (len(rows),):
                    raise OwnCodeError(
                        "link must return a tensor with one row of labels per sample; the module"
                        f" returns {type(outputs).__name__}, link {type(labels).__name__}"
                    )
                made.append(labels)
            targets = torch.cat(made)
            if not bool(targets.isfinite().all()):
                raise OwnCodeError("the labels that link makes are not finite")
            problem = replace(self, id=f"{self.id}/realised", data=self._with(targets), losses=None)
            trials.minimal(problem, self._dtype, trials.some_rows(problem))
            made_of = examined(problem)
            note = trials.change(self, made_of, self._dtype)
            return replace(made_of, notes=(*self.notes, note))

    def _with(self, targets: Tensor) -> Any:
        """Return the data with other targets; a pair stays a pair."""
        if is_pair(self.data):
            return self.data[0], targets
        return Relabelled(held(self.data), targets)

    def sample_data(self, rng: torch.Generator) -> Any:
        """Return the data, which are the caller's."""
        return self.data

    def bind(self, data: Any, dtype: torch.dtype) -> ModuleLoss:
        """Return the loss in a precision."""
        with neutral():
            samples = held(self.data if data is None else data).to(dtype)
            own = self._dtype
            hint = "" if dtype == own else (
                f"the module is in {self.precision}: sample it in that, dtype={self.precision!r}"
            )  # fmt: skip
            loss = ModuleLoss(
                intake.copied(self.module).to(dtype),
                _in_precision(self.per_sample_loss, dtype),
                samples,
                self.shapes,
                hint=hint,
                chunk=self.chunk,
                entries=self.entries,
                known=self.losses if dtype == own and (data is None or data is self.data) else None,
            )
            if dtype == torch.float64:
                return loss
            wide = replace(loss, wide=_in_precision(self.per_sample_loss, torch.float64))
            return wide if trials.takes_double(wide) else loss

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


def examined(problem: ModuleProblem) -> ModuleProblem:
    """Return a problem whose loss was tried out, with the losses at its point."""
    assert problem.dim > 0  # or the shapes say why there is none
    return replace(problem, losses=trials.examine(problem, problem._dtype))


def _in_precision(loss: PerSampleLoss, dtype: torch.dtype) -> PerSampleLoss:
    """Return a loss whose constants are in a precision, where they can be reached."""
    if not isinstance(loss, nn.Module):
        return loss
    twin: PerSampleLoss = intake.copied(loss).eval().requires_grad_(False).to(dtype)
    return twin
