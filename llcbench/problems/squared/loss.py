"""The squared loss through a parametrised linear map, and its gradient."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast, final

import torch
from torch import Tensor

from llcbench.problems.squared.batches import ChainMoments, Moments, Population, Samples
from llcbench.problems.squared.linear_map import LayerPass, LinearNetwork, ProductPass, Pullback
from llcbench.problems.squared.minibatches import GatheredBatches, MomentBlocks, narrow
from llcbench.problems.squared.precision import precision
from llcbench.problems.squared.reference_noise import cross_moment, unit_crosses
from llcbench.problems.squared.streams import Stream, StreamMoments
from llcbench.sampling.minibatches import DrawnBatches
from llcbench.types import (
    Data,
    DiagonalForm,
    GeneratorForm,
    LayerForm,
    Matmul,
    Minibatches,
    MomentForm,
    NoiseSource,
    Visit,
)

PassT = TypeVar("PassT", ProductPass, LayerPass)
OutT = TypeVar("OutT", Tensor, Tensor | None)
# From this length on an inner product is worth an operation of its own.
LONG = 2**13
# Numbers in the matrix from cross moments to gradients at the reference point.
TABLE = 2**22

Batch = Population | Moments | StreamMoments | ChainMoments | Samples


class Map(Protocol):
    """A parametrised linear map ``M(w)``, batched over chains."""

    @property
    def dim(self) -> int:
        """Number of parameters."""

    @property
    def outputs(self) -> int:
        """Rows of ``M``."""

    @property
    def inputs(self) -> int:
        """Columns of ``M``."""

    def form(self) -> LayerForm | GeneratorForm | DiagonalForm | None:
        """Return the structure of ``M`` as plain data, None where it has no such form."""

    def value(self, theta: Tensor) -> Tensor:
        """Return ``M``, ``(chains, out, in)``."""

    def value_and_pullback(self, theta: Tensor) -> tuple[Tensor, Pullback]:
        """Return ``M`` and the function that takes ``dL/dM`` to ``dL/dw``, ``(chains, dim)``."""


@final
@dataclass(frozen=True)
class SquaredLoss:
    """``L(w) = scale * mean |y - M(w) x|^2``, as the excess over ``w_star`` on the same batch.

    With ``D = M(w) - M(w_star)`` the excess is ``scale * mean (D x) . (D x - 2 noise)``: the noise
    that both losses share is never formed, so nothing cancels in single precision.

    Attributes:
        map: ``M``.
        scale: Factor of the mean squared error.
        reference: ``M(w_star)``, ``(1, out, in)``.
        moments: The full data set, or the population.
        data: What minibatches are drawn from; None in population.
        noisy: Whether labels carry noise.
        matmul: Precision of the matrix products on the way back, see `precision`.
        noise_sd: Standard deviation of the distribution that the label noise was drawn from.
    """

    map: Map
    scale: float
    reference: Tensor
    moments: Moments | StreamMoments | Population
    data: Data | Stream | None
    noisy: bool = True
    matmul: Matmul = "full"
    noise_sd: float = 0.0
    # Buffers of the last pass of each kind, for callers that bring their own gradient.
    _passes: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def autograd(self) -> bool:
        """Gradients are closed."""
        return False

    @cached_property
    def true_outputs(self) -> Tensor:
        """``M(w_star) x`` of all samples of a stored data set, ``(num_data, out)``."""
        assert isinstance(self.data, Data)
        return self.data.inputs @ self.reference[0].mT

    @cached_property
    def noise_squares(self) -> Tensor:
        """``|noise|^2`` of all samples of a stored data set, ``(num_data,)``."""
        assert isinstance(self.data, Data)
        return self.data.noise.square().sum(1)

    def draw(self, num_chains: int, batch_size: int | None, rng: torch.Generator) -> Batch:
        """Draw independently with replacement, a minibatch of its own for every chain."""
        if batch_size is None or self.data is None:
            return self.moments
        return self.rows(self.indices((num_chains, batch_size), rng))

    def indices(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Draw numbers of samples, uniformly and independently."""
        assert self.data is not None
        return torch.randint(
            num_rows(self.data), shape, generator=rng, device=self.reference.device
        )

    def rows(self, index: Tensor) -> Samples:
        """Return the samples of given numbers, ``(..., batch)``."""
        assert self.data is not None
        if isinstance(self.data, Stream):
            return Samples(*self.data.rows(index, self.reference.dtype))
        noise = self.data.noise[index] if self.noisy else None
        return Samples(self.data.inputs[index], noise)

    def excess(self, theta: Tensor, batch: Batch) -> Tensor:
        """Return the excess loss, ``(chains,)``; automatic differentiation may pass through."""
        network = self._sent(batch)
        if network is None:
            return self.head(self.map.value(theta) - self.reference, batch)[0]
        assert isinstance(batch, Samples)
        return excess_of(
            network.errors(theta, batch.inputs, self.reference), batch.noise, self.scale
        )

    def excess_and_grad(
        self, theta: Tensor, batch: Batch, out: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the excess loss ``(chains,)`` and its gradient ``(chains, dim)``.

        Args:
            theta: Parameters, ``(chains, dim)``.
            batch: What the loss is evaluated on.
            out: Where the gradient is written, ``(chains, dim)``; buffers are then kept for the
                next call with the same two tensors. None for a fresh gradient.
        """
        if not isinstance(self.map, LinearNetwork):
            value, pullback = self.map.value_and_pullback(theta)
            loss, slope = self.head(value - self.reference, batch)
            grad = pullback(slope)
            return loss, grad if out is None else out.copy_(grad)
        gradient, keep = (torch.empty_like(theta), False) if out is None else (out, True)
        network = self._sent(batch)
        if network is None:
            formed = self._pass(ProductPass, self.map, theta, gradient, keep)
            loss, slope = self.head(formed.difference(self.reference), batch)
            if self.matmul == "full":
                formed.backward(slope)
            else:
                with precision(self.matmul):
                    formed.backward(slope)
            return loss, gradient
        sent = self._pass(LayerPass, network, theta, gradient, keep)
        loss, residual = self._through(sent, batch)
        with precision(self.matmul):
            sent.backward(residual, 2 * self.scale / residual.shape[1])
        return loss, gradient

    def excess_and_grad_into(self, theta: Tensor, batch: Batch, out: Tensor) -> Tensor:
        """Return the excess loss ``(chains,)`` and write its gradient; buffers are kept."""
        return self.excess_and_grad(theta, batch, out)[0]

    def num_parts(self, batch: Batch) -> int:
        """Return in how many layers the gradient on a batch can be had, 0 where in none."""
        network = self._sent(batch)
        return 0 if network is None else len(network.widths) - 1

    def excess_and_visit(self, theta: Tensor, batch: Batch, visit: Visit) -> Tensor:
        """Return the excess loss ``(chains,)``, and hand out its gradient layer by layer.

        ``visit`` may move a layer in place once it is called with its gradient; the whole gradient
        is never formed. Only where `num_parts` counts any. True outputs that the batch knows are
        written over; `spent` is what is left of it.
        """
        network = self._sent(batch)
        assert network is not None
        sent = self._pass(LayerPass, network, theta, None, keep=True)
        loss, residual = self._through(sent, batch, spend=True)
        with precision(self.matmul):
            sent.visit(residual, 2 * self.scale / residual.shape[1], visit)
        return loss

    def spent(self, batch: Batch) -> Batch:
        """Return the batch without the true outputs, whose memory serves for something else."""
        return batch._replace(outputs=None) if isinstance(batch, Samples) else batch

    def release(self) -> None:
        """Forget the buffers that were kept for the next call."""
        self._passes.clear()

    def dtype(self) -> torch.dtype:
        """Return the precision of its tensors."""
        return self.reference.dtype

    def placed(self, device: str, matmul: Matmul) -> "SquaredLoss":
        """Return the loss with its tensors on a device and a precision of matrix products."""
        if matmul == self.matmul and self.reference.device == torch.device(device):
            return self
        moments, data = self.moments, self.data
        if isinstance(moments, Moments):
            moments = Moments(*(part.to(device) for part in moments))
        if isinstance(data, Data):
            data = Data(*(part.to(device) for part in data))
        if isinstance(data, Stream) and device != "cpu":
            raise ValueError(
                f"device={device!r}: a data set of {data.num_data} samples is too large to be"
                " stored and is made on the CPU; use fewer samples, or device='cpu'"
            )
        reference = self.reference.to(device)
        return replace(
            self, reference=reference, moments=moments, data=data, matmul=matmul, _passes={}
        )

    def minibatches(self, num_chains: int, batch_size: int | None) -> Minibatches:
        """Return the source of the batches of a run; a size of None gives the full batch."""
        if batch_size is None or not isinstance(self.data, Data):
            return DrawnBatches(self, num_chains, batch_size)
        shape = (num_chains, batch_size)
        sent = isinstance(self.map, LinearNetwork) and self.map.through_layers(batch_size)
        noise = self.data.noise if self.noisy else None
        rows = None if sent else narrow(self.data.inputs, noise, batch_size)
        if rows is not None:
            return MomentBlocks(shape, rows, (self.map.inputs, self.map.outputs), self.scale)
        star = self.scale / batch_size * self.noise_squares if self.noisy else None
        return GatheredBatches(
            shape, self.data.inputs, noise, self.true_outputs if sent else None, star
        )

    def row_lookup(self) -> Callable[[Tensor], Samples] | None:
        """Return `rows`; None in population."""
        return None if self.data is None else self.rows

    def gradient_at(self, point: Tensor) -> Callable[[Batch], Tensor] | None:
        """Return the map from a batch to the gradient at ``w_star``, ``(chains, dim)``.

        There the errors are the label noise alone, so that the gradient is a linear function of the
        cross moment of noise and inputs. None where its matrix is too large.
        """
        size = self.map.inputs * self.map.outputs
        if size * max(self.map.dim, self.map.inputs**2) > TABLE:
            return None
        table = self.excess_and_grad(point.expand(size, -1).clone(), unit_crosses(self.reference))
        return lambda batch: cross_moment(batch, self.reference, self.scale).flatten(1) @ table[1]

    def noisy_labels(self) -> bool:
        """Return whether labels carry noise."""
        return self.noisy

    def noise_sources(self) -> tuple[NoiseSource, ...] | None:
        """Return the label noise of a stored data set, nothing without any.

        None for a data set that is too large to be stored: its effect is not known.
        """
        if isinstance(self.data, Stream):
            return None if self.noisy else ()
        if not self.noise_sd or not isinstance(self.moments, Moments):
            return ()
        second, cross, count = self.moments.second, self.moments.cross, num_rows(self.data)
        return (NoiseSource(second, cross, self.noise_sd, count, self.scale),)

    def excess_and_deltas(self, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the excess on all data, ``(chains,)``, and ``M(w) - M(w_star)``, if noisy."""
        delta = self.map.value(theta) - self.reference
        return self.head(delta, self.moments)[0], (delta,) if self.noise_sources() else ()

    def moment_form(self) -> MomentForm:
        """Return the loss on all data, or in population."""
        if isinstance(self.moments, Population):
            return MomentForm(self.scale, self.moments.second, None)
        return MomentForm(self.scale, self.moments.second, self.moments.cross)

    def baseline(self, batch: Batch) -> Tensor:
        """Return the loss at ``w_star``: a scalar for the full batch, else ``(chains,)``."""
        if isinstance(batch, ChainMoments):
            return batch.star
        if isinstance(batch, Population):
            return torch.zeros(())
        if not isinstance(batch, Samples):
            return self.scale * batch.noise
        if batch.star is not None:
            return batch.star
        if batch.noise is None:
            return batch.inputs.new_zeros(batch.inputs.shape[0])
        return self.scale * batch.noise.square().sum(2).mean(1)

    def head(self, delta: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the excess and its gradient in ``M`` at ``delta``, ``(chains, out, in)``."""
        if isinstance(batch, ChainMoments):
            # With S and C the moments: D.(D S - 2 C) and 2 (D S - C), in as few operations as can
            # be, for each costs more than its arithmetic.
            moved = torch.bmm(delta, batch.second)
            rest = torch.sub(moved, batch.cross, alpha=2)
            chains = delta.shape[0]
            loss = torch.bmm(delta.view(chains, 1, -1), rest.view(chains, -1, 1))
            return loss.view(-1), moved.add_(rest)
        if isinstance(batch, Population):
            grad = delta * (2 * self.scale * batch.second)
            return 0.5 * (delta * grad).sum((1, 2)), grad
        if isinstance(batch, Samples):
            error = batch.inputs @ delta.mT
            loss = excess_of(error, batch.noise, self.scale)
            residual = error if batch.noise is None else error - batch.noise
            return loss, (2 * self.scale / error.shape[1]) * (residual.mT @ batch.inputs)
        moved = delta @ batch.second - batch.cross
        loss = (delta * (moved - batch.cross)).sum((1, 2))
        return self.scale * loss, (2 * self.scale) * moved

    def _sent(self, batch: Batch) -> LinearNetwork | None:
        """Return the network if the samples of a batch are sent through its layers."""
        if not isinstance(batch, Samples) or not isinstance(self.map, LinearNetwork):
            return None
        return self.map if self.map.through_layers(batch.inputs.shape[1]) else None

    def _through(self, sent: LayerPass, batch: Batch, spend: bool = False) -> tuple[Tensor, Tensor]:
        """Return the excess loss and the residuals of samples sent through the layers."""
        assert isinstance(batch, Samples)
        error = sent.forward(batch.inputs, self.reference, batch.outputs, spend)
        return excess_and_residual(error, batch.noise, self.scale)

    def _pass(
        self,
        kind: Callable[[LinearNetwork, Tensor, OutT], PassT],
        network: LinearNetwork,
        theta: Tensor,
        out: OutT,
        keep: bool,
    ) -> PassT:
        """Return the buffers of a pass; if they are kept, those of the last call where they fit."""
        if not keep:
            return kind(network, theta, out)
        found = self._passes.get(kind)
        if found is None or found.theta is not theta or found.out is not out:
            # Buffers that are made in inference mode could not be written to outside of it.
            with torch.inference_mode(False):
                found = self._passes[kind] = kind(network, theta, out)
        return cast(PassT, found)


def excess_of(error: Tensor, noise: Tensor | None, scale: float) -> Tensor:
    """Return ``scale * mean (D x) . (D x - 2 noise)``, ``(chains,)``.

    Args:
        error: ``D x`` with ``D = M(w) - M(w_star)``, ``(chains, batch, out)``.
        noise: Noise of the labels, likewise; None where there is none.
        scale: Factor of the mean squared error.
    """
    squares = _products(error, error)
    if noise is not None:
        squares = squares - 2 * _products(error, noise)
    return (scale / error.shape[1]) * squares


def excess_and_residual(error: Tensor, noise: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """Return the excess and ``D x - noise``, which is written over the errors."""
    if noise is None or error[0].numel() < LONG:
        loss = excess_of(error, noise, scale)
        return loss, error if noise is None else error.sub_(noise)
    # Chain by chain, as long as its errors are in the cache; a view, for in a copy they would stay
    # as they are.
    squares = []
    for one, own in zip(error.view(len(error), -1), noise.flatten(1), strict=True):
        squares.append(torch.dot(one, one).sub_(torch.dot(one, own), alpha=2))
        one.sub_(own)
    return torch.stack(squares).mul_(scale / error.shape[1]), error


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner products of the rows of two arrays, ``(chains,)``."""
    if a[0].numel() < LONG:
        return (a * b).flatten(1).sum(1)
    # Nothing is written: twice as fast as a product and its sum, and their memory is not needed.
    pairs = zip(a.flatten(1), b.flatten(1), strict=True)
    return torch.stack([torch.dot(x, y) for x, y in pairs])


def num_rows(data: Data | Stream | None) -> int:
    """Return the number of samples."""
    assert data is not None
    return data.num_data if isinstance(data, Stream) else data.inputs.shape[0]
