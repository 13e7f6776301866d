"""The loss of a module over its data, with gradients by automatic differentiation."""

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from llcbench.problems.modules import placing
from llcbench.problems.modules.cost import COUNTED, flops_of
from llcbench.problems.modules.data import Batch, DataSource, call_of, in_memory, size_of
from llcbench.problems.modules.graphs import RecordedPass
from llcbench.problems.modules.host_numbers import HostNumbers, SampleNumbers
from llcbench.problems.modules.intake import copied
from llcbench.problems.modules.placing import numbers_on
from llcbench.problems.modules.reference import CHUNK, ReferenceLosses, split
from llcbench.problems.modules.sample_loss import LossFunction, moved_to, per_sample, widened
from llcbench.problems.modules.selection import EVERY, FreeEntries
from llcbench.problems.modules.user_code import described, explained
from llcbench.sampling.minibatches import DrawnBatches
from llcbench.sampling.surroundings import neutral
from llcbench.types import Matmul, Minibatches

# Losses of all samples are computed at once below so many parameters times samples; and of a data
# set that is not in memory, below so many samples, which stand for all where there are more.
WHOLE, SOME = 2**33, 4096
# Steps of a chain, times chains, from which a recorded pass pays for the recording.
LONG = 10_000
# The same in floating point operations, some tens of seconds.
EXPENSIVE = 4e11


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
        device: Where the module is, by its name in torch.
        matmul: ``bfloat16`` evaluates the module under autocast.
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
    device: str = "cpu"
    matmul: Matmul = "full"
    entries: FreeEntries = EVERY

    def dtype(self) -> torch.dtype | None:
        """Return None: the module is in the precision in which it was bound."""
        return None

    def placed(self, device: str, matmul: Matmul) -> "ModuleLoss":
        """Return the loss on a device, and with another precision of products.

        Data in memory of up to `placing.RESIDENT` bytes are copied to the device, others batch by
        batch.
        """
        if (device, matmul) == (self.device, self.matmul):
            return self
        return replace(
            self,
            module=copied(self.module).to(device),
            loss=moved_to(self.loss, device),
            wide=None if self.wide is None else moved_to(self.wide, device),
            samples=placing.placed(self.samples, device),
            known=None if self.known is None or matmul != self.matmul else self.known,
            entries=self.entries.placed(device),
            device=device,
            matmul=matmul,
        )

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
        return self._reference.all()

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> SampleNumbers:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None:
            return SampleNumbers(None)
        shape = (num_chains, batch_size)
        with neutral():
            index = torch.randint(self.num_data, shape, generator=rng, device=rng.device)
            return SampleNumbers(index.to(self._numbers))

    def minibatches(self, num_chains: int, batch_size: int | None) -> Minibatches:
        """Return the source of batches: numbers that the host needs are fetched in blocks."""
        if batch_size is None or self._numbers == self.device:
            return DrawnBatches(self, num_chains, batch_size)
        return HostNumbers(self.num_data, (num_chains, batch_size), self.device)

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
            grad = torch.empty(theta.shape, dtype=theta.dtype, device=theta.device)
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
        large = batch_size is not None and batch_size > (self.chunk or CHUNK)
        if large or self.entries.engine(self.shapes) == "loop" or not self.samples.at_once:
            return
        size, gradients = batch_size or self.num_data, steps * num_chains
        if gradients >= LONG or gradients * size * self.flops >= EXPENSIVE:
            self._passes.setdefault((num_chains, batch_size), {})

    @cached_property
    def flops(self) -> float:
        """Floating point operations of a gradient on one sample, as counted."""
        some = torch.arange(min(COUNTED, self.num_data), device=self._numbers)
        return flops_of(self.module, lambda rows: self.losses({}, rows), some)

    @property
    def engine(self) -> str:
        """How gradients are evaluated: ``loop``, or ``trace`` or ``vmap`` once recorded."""
        made = [each for passes in self._passes.values() for each in passes.values()]
        return made[0].engine if made and made[0] is not None else "loop"

    def _recorded_into(self, theta: Tensor, batch: SampleNumbers, out: Tensor) -> Tensor | None:
        """Do as `excess_and_grad_into` by recorded passes; None where there are none."""
        numbers = batch.numbers
        passes = self._passes.get((len(theta), None if numbers is None else numbers.shape[1]))
        if passes is None:
            return None
        chunks = [(numbers, 1.0)] if numbers is not None else self._all
        total = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
        for index, share in chunks:
            size, parts = index.shape[-1], self.take(index)
            if size not in passes:
                engine = self.entries.engine(self.shapes)
                made = RecordedPass(self.sample_losses, self.shapes, engine, numbers is None)
                passes[size] = made if made.record(theta, parts) else None
            run = passes[size]
            if run is None:
                return None
            first = index is chunks[0][0]
            grad = out if first else torch.empty_like(out)
            losses = run.into(theta, parts, grad)
            total += share * (losses - self._reference.of(index)).mean(1)
            if not first:
                out.add_(grad, alpha=share)
            elif share != 1:
                out.mul_(share)
        return total

    def _looped_into(self, theta: Tensor, batch: SampleNumbers, out: Tensor) -> Tensor:
        """Do as `excess_and_grad_into`, chain by chain, by automatic differentiation."""
        total = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
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
        return self._reference.of(batch.numbers).mean(1)

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
        kind = torch.device(self.device).type
        narrow = (
            torch.autocast(kind, torch.bfloat16) if self.matmul == "bfloat16" else nullcontext()
        )
        with explained(f"the module on inputs {described(call.shown)}", self.hint), narrow:
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
        some = torch.arange(SOME, device=self._numbers) * (self.num_data - 1) // (SOME - 1)
        return self._reference.of(torch.unique(some)).mean()

    @cached_property
    def _passes(self) -> dict[tuple[int, int | None], dict[int, RecordedPass | None]]:
        """Passes by chains and batch that are expected, and by samples that are evaluated."""
        return {}

    @cached_property
    def _all(self) -> list[tuple[Tensor, float]]:
        """Numbers of all samples, some at a time, each with its share."""
        parts = split(torch.arange(self.num_data, device=self._numbers), self.chunk)
        return [(part, len(part) / self.num_data) for part in parts]

    @cached_property
    def _reference(self) -> ReferenceLosses:
        """Losses at ``w_star``."""
        return ReferenceLosses(
            lambda rows: self.losses({}, rows),
            self.num_data,
            self.device,
            numbers=self._numbers,
            whole=self.few,
            known=self.known,
            chunk=self.chunk,
        )

    @property
    def _numbers(self) -> str:
        """Where numbers of samples are."""
        return numbers_on(self.samples, self.device)

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
        return share * (self.losses(named, index) - self._reference.of(index)).mean()

    def slopes(self, value: Tensor, named: Mapping[str, Tensor]) -> list[Tensor]:
        """Return the derivatives of a value; 0 for parameters that do not enter it."""
        leaves = list(named.values())
        if not value.requires_grad:  # none of them enters
            return [torch.zeros_like(leaf) for leaf in leaves]
        with explained("the gradient of the loss"):
            parts = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        return [part.to_dense() if part.is_sparse else part for part in parts]
