"""The loss of a module over its data, with gradients by automatic differentiation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from llcbench.problems.modules.data import Batch, DataSource, call_of, in_memory, size_of
from llcbench.problems.modules.graphs import Engine, RecordedPass, engine_of
from llcbench.problems.modules.selection import FreeEntries
from llcbench.problems.modules.user_code import OwnCodeError, described, explained
from llcbench.sampling.surroundings import neutral

LossFunction = Callable[[Any, Any], Tensor]
# Samples that are evaluated together on the full batch.
CHUNK = 1024
# Losses of all samples are computed at once below so many parameters times samples; and of a data
# set that is not in memory, below so many samples, which stand for all where there are more.
WHOLE, SOME = 2**33, 4096
# Samples up to which losses at w_star are kept: of more, none comes twice in a run.
KEPT = 2**24
# Steps of a chain, times chains, from which a recorded pass pays for the recording.
LONG = 10_000
EVERY = FreeEntries()


def per_sample(loss: LossFunction, outputs: Any, targets: Any, count: int | None = None) -> Tensor:
    """Return one loss per sample.

    Args:
        loss: From outputs and targets to losses.
        outputs: What the module returns.
        targets: What they are compared with.
        count: Number of samples; None for that of the targets.

    Raises:
        ValueError: If the function raises or returns anything else.
    """
    shown = f"{described(outputs)} and targets {described(targets)}"
    with explained(f"per_sample_loss on outputs {shown}"):
        losses = loss(outputs, targets)
    if not isinstance(losses, Tensor):
        raise OwnCodeError(
            f"per_sample_loss returned {described(losses)}: it must be a tensor with one number per"
            " sample"
        )
    count = size_of(targets) if count is None else count
    if losses.shape != (count,):
        raise OwnCodeError(
            f"per_sample_loss returned the shape {tuple(losses.shape)} for {count} samples:"
            " it must be one number per sample, so ask for reduction='none' (and average over"
            " tokens yourself)"
        )
    if not losses.is_floating_point():
        raise OwnCodeError(
            f"per_sample_loss returned {described(losses)}: it must be real and differentiable,"
            " such as a cross entropy; the share of errors is no loss"
        )
    return losses


class SampleNumbers(NamedTuple):
    """A minibatch of every chain, or all samples.

    Attributes:
        numbers: Of the samples, ``(chains, batch)``; None for all of them.
    """

    numbers: Tensor | None


@final
@dataclass(frozen=True, eq=False)
class ModuleLoss:
    """``mean_i loss(f_w(x_i), y_i)`` as the excess over ``w_star``, sample by sample.

    The losses at ``w_star`` are computed once; the difference of two losses on the same samples
    is an estimate with little noise. Outputs are handed to the loss in double precision where it
    takes them, and differences are formed before the mean: a constant in the loss, however large,
    changes nothing in a run in single precision. Chains are evaluated one after the other, by
    automatic differentiation; long runs of small networks by a pass that is recorded once, see
    `llcbench.problems.modules.graphs`.

    Attributes:
        module: The network at ``w_star``, in the precision of the run.
        loss: From outputs and targets to one loss per sample.
        samples: The data, in the precision of the run.
        shapes: Shapes of the parameters that move, by name.
        wide: The loss for outputs in double precision; None where it does not take them.
        hint: What to do where the module fails in this precision.
        known: Losses at ``w_star`` if they were computed before, ``(num_data,)``.
        chunk: Samples that are evaluated together on the full batch; None for `CHUNK`.
        entries: Tensors of which only some entries move.
    """

    module: nn.Module
    loss: LossFunction
    samples: DataSource
    shapes: Mapping[str, torch.Size]
    wide: LossFunction | None = None
    hint: str = ""
    known: Tensor | None = None
    chunk: int | None = None
    entries: FreeEntries = EVERY

    @property
    def autograd(self) -> bool:
        """Gradients come from automatic differentiation."""
        return True

    @property
    def num_data(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def few(self) -> bool:
        """Whether the losses of all samples are quickly computed."""
        size = self.num_data * sum(w.numel() for w in self.module.parameters())
        return size <= WHOLE and (in_memory(self.samples) or self.num_data <= SOME)

    @property
    def reference(self) -> Tensor:
        """Losses of all samples at ``w_star`` in double precision, ``(num_data,)``."""
        return self._star(None)

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> SampleNumbers:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None:
            return SampleNumbers(None)
        shape = (num_chains, batch_size)
        with neutral():
            return SampleNumbers(torch.randint(self.num_data, shape, generator=rng))

    def excess(self, theta: Tensor, batch: SampleNumbers) -> Tensor:
        """Return the excess loss, ``(chains,)``."""
        with neutral(), torch.no_grad():
            rows = [self._chunks(batch, chain) for chain in range(len(theta))]
            sums = [
                torch.stack([self._mean(self._named(point), chunk) for chunk in chunks]).sum()
                for point, chunks in zip(theta, rows, strict=True)
            ]
            return torch.stack(sums).to(theta.dtype)

    def excess_and_grad(self, theta: Tensor, batch: SampleNumbers) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``."""
        with neutral():
            grad = torch.empty(theta.shape, dtype=theta.dtype)
        return self.excess_and_grad_into(theta, batch, grad), grad

    def excess_and_grad_into(self, theta: Tensor, batch: SampleNumbers, out: Tensor) -> Tensor:
        """Return the excess loss ``(chains,)`` and write its gradient into ``out``."""
        with neutral():
            excess = self._recorded_into(theta, batch, out)
            return (self._looped_into(theta, batch, out) if excess is None else excess).to(
                theta.dtype
            )

    def prepare(self, num_chains: int, batch_size: int | None, steps: int) -> None:
        """Expect many gradients of one shape: the pass is recorded at the first of them."""
        long = (
            self.samples.at_once
            and steps * num_chains >= LONG
            and (batch_size is None or batch_size <= (self.chunk or CHUNK))
        )
        if long and self._engine != "loop":
            self._passes.setdefault((num_chains, batch_size), {})

    @property
    def engine(self) -> str:
        """How gradients are evaluated: ``loop``, or ``trace`` or ``vmap`` once recorded."""
        made = [each for passes in self._passes.values() for each in passes.values()]
        return made[0].engine if made and made[0] is not None else "loop"

    @property
    def _engine(self) -> Engine:
        return engine_of({**self.shapes, **self.entries.shapes})

    def _recorded_into(self, theta: Tensor, batch: SampleNumbers, out: Tensor) -> Tensor | None:
        """Do as `excess_and_grad_into` by recorded passes; None where there are none."""
        numbers = batch.numbers
        passes = self._passes.get((len(theta), None if numbers is None else numbers.shape[1]))
        if passes is None:
            return None
        chunks = [(numbers, 1.0)] if numbers is not None else self._all
        total = torch.zeros(len(theta), dtype=torch.float64)
        for index, share in chunks:
            size, parts = index.shape[-1], self.take(index)
            if size not in passes:
                made = RecordedPass(self.sample_losses, self.shapes, self._engine, numbers is None)
                passes[size] = made if made.record(theta, parts) else None
            run = passes[size]
            if run is None:
                return None
            first = index is chunks[0][0]
            grad = out if first else torch.empty_like(out)
            losses = run.into(theta, parts, grad)
            total += share * (losses - self._star(index)).mean(1)
            if not first:
                out.add_(grad, alpha=share)
            elif share != 1:
                out.mul_(share)
        return total

    def _looped_into(self, theta: Tensor, batch: SampleNumbers, out: Tensor) -> Tensor:
        """Do as `excess_and_grad_into`, chain by chain, by automatic differentiation."""
        total = torch.zeros(len(theta), dtype=torch.float64)
        for chain, point in enumerate(theta):
            for place, chunk in enumerate(self._chunks(batch, chain)):
                with torch.enable_grad():
                    named = {
                        name: value.requires_grad_() for name, value in self._named(point).items()
                    }
                    value = self._mean(named, chunk)
                    parts = [part.reshape(-1) for part in self.slopes(value, named)]
                total[chain] += value.detach()
                if place:
                    out[chain] += torch.cat(parts)
                else:
                    torch.cat(parts, out=out[chain])
        return total

    def baseline(self, batch: SampleNumbers) -> Tensor:
        """Return the loss at ``w_star`` on the batch, ``(chains,)`` or a scalar."""
        if batch.numbers is None:
            return self._whole
        return self._star(batch.numbers).mean(1)

    def losses(self, named: Mapping[str, Tensor], index: Tensor) -> Tensor:
        """Return losses of some samples at parameters by name, in double precision, ``(batch,)``.

        Raises:
            OwnCodeError: If the module or the loss fails.
        """
        return self.sample_losses(named, self.take(index))

    def take(self, index: Tensor) -> Batch:
        """Return samples by their numbers; they are copies: what is written in place stays here.

        Args:
            index: Numbers, ``(batch,)``, and ``(chains, batch)`` for samples that can be taken at
                once; what is returned has these axes in front.

        Raises:
            OwnCodeError: If the data set or its collate function fails.
        """
        with explained("taking samples of the data"):
            return self.samples.take(index)

    def sample_losses(self, named: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the losses of a batch at parameters by name, in double precision, ``(batch,)``.

        Raises:
            OwnCodeError: If the module or the loss fails.
        """
        outputs, targets = self.outputs(named, batch)
        count = size_of(batch)
        if self.wide is not None:
            return per_sample(self.wide, widened(outputs), widened(targets), count).double()
        return per_sample(self.loss, outputs, targets, count).double()

    def outputs(self, named: Mapping[str, Tensor], batch: Batch) -> tuple[Any, Any]:
        """Return what the module makes of a batch, and what the loss compares it with.

        Raises:
            OwnCodeError: If the module fails.
        """
        call, whole = call_of(batch), self.entries.whole(self.module, named)
        with explained(f"the module on inputs {described(call.shown)}", self.hint):
            outputs = functional_call(self.module, whole, call.args, call.kwargs)
        return outputs, call.targets

    def named(self, point: Tensor) -> dict[str, Tensor]:
        """Return the parameters of a vector ``(dim,)`` by name."""
        return self._named(point)

    @cached_property
    def _whole(self) -> Tensor:
        """The loss at ``w_star`` on all data; on some, spread over them, where they take long."""
        if self.few or self.known is not None:
            return self.reference.mean()
        some = torch.arange(SOME) * (self.num_data - 1) // (SOME - 1)
        return self._star(torch.unique(some)).mean()

    @cached_property
    def _passes(self) -> dict[tuple[int, int | None], dict[int, RecordedPass | None]]:
        """Passes by chains and batch that are expected, and by samples that are evaluated."""
        return {}

    @cached_property
    def _all(self) -> list[tuple[Tensor, float]]:
        """Numbers of all samples, some at a time, each with its share."""
        parts = split(torch.arange(self.num_data), self.chunk)
        return [(part, len(part) / self.num_data) for part in parts]

    @cached_property
    def _cache(self) -> Tensor:
        """Losses at ``w_star`` as far as they are computed, NaN elsewhere."""
        if self.known is not None:
            return self.known.clone()
        return torch.full((self.num_data,), torch.nan, dtype=torch.float64)

    def _star(self, numbers: Tensor | None) -> Tensor:
        """Return losses at ``w_star`` of some samples, or of all.

        Raises:
            OwnCodeError: If the module or the loss fails or a loss is not finite.
        """
        with neutral(), torch.no_grad():
            if numbers is not None and self.num_data > KEPT:
                flat = [self.losses({}, rows) for rows in split(numbers.reshape(-1), self.chunk)]
                return torch.cat(flat).view(numbers.shape)
            held = self._cache if numbers is None else self._cache[numbers]
            if not bool(held.isnan().any()):
                return held
            wanted = torch.arange(self.num_data) if numbers is None else torch.unique(numbers)
            missing = wanted[self._cache[wanted].isnan()]
            for rows in split(missing, self.chunk):
                self._cache[rows] = self.losses({}, rows)
            held = self._cache[wanted]
            if not bool(held.isfinite().all()):
                first = int(wanted[~held.isfinite()][0])
                raise OwnCodeError(
                    f"the loss at w_star is not finite for {int((~held.isfinite()).sum())} of"
                    f" {len(wanted)} samples; the first is sample {first}, with the loss"
                    f" {float(self._cache[first]):g}: look at its input and target"
                )
            return self._cache if numbers is None else self._cache[numbers]

    def _chunks(self, batch: SampleNumbers, chain: int) -> Iterator[tuple[Tensor, float]]:
        """Return numbers of samples of a chain, some at a time, each with its share."""
        if batch.numbers is None:
            return iter(self._all)
        index = batch.numbers[chain]
        return ((chunk, len(chunk) / len(index)) for chunk in split(index, self.chunk))

    def _named(self, point: Tensor) -> dict[str, Tensor]:
        """Return the parameters of a vector by name, as leaves."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        # A tensor that was made in inference mode takes no gradient; a copy of it does.
        leaf = point.clone() if point.is_inference() else point.detach()
        parts = torch.split(leaf, sizes)
        shapes = self.shapes.items()
        return {name: part.view(shape) for (name, shape), part in zip(shapes, parts, strict=True)}

    def _mean(self, named: Mapping[str, Tensor], chunk: tuple[Tensor, float]) -> Tensor:
        """Return the share of some samples in the mean excess."""
        index, share = chunk
        return share * (self.losses(named, index) - self._star(index)).mean()

    def slopes(self, value: Tensor, named: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the derivatives of a value; 0 for parameters that do not enter it."""
        leaves = list(named.values())
        if not value.requires_grad:  # none of them enters
            return [torch.zeros_like(leaf) for leaf in leaves]
        with explained("the gradient of the loss"):
            parts = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        return [part.to_dense() if part.is_sparse else part for part in parts]


def split(index: Tensor, chunk: int | None = None) -> list[Tensor]:
    """Return numbers of samples, at most ``chunk`` at a time, and never one that is left over.

    Modules that squeeze their outputs fail on a single sample. The default is `CHUNK`.
    """
    parts = list(torch.split(index, chunk or CHUNK))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def widened(value: Any) -> Any:
    """Return tensors in single precision as ones in double, inside of tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(widened, value))
    if type(value) in (tuple, list):
        return type(value)(map(widened, value))
    if type(value) is dict:
        return {key: widened(part) for key, part in value.items()}
    return value
