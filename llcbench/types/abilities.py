"""Optional abilities of losses, problems and data sets, and the plain data that they hand out.

Each ability has an answer that stands for its absence, so that a wrapper forwards it whatever it
wraps. `llcbench.sampling.loss_abilities` asks for each of them in one place.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from llcbench.settings import DType, Matmul
from llcbench.types.problems import InputDistribution, Loss, Problem


class LayerGradient(NamedTuple):
    """The gradient in one layer as a product that has not been formed.

    Attributes:
        start: First of its columns among all parameters.
        stop: First column after them.
        weight: Factor of the product.
        slopes: Slopes in what leaves the layer, ``(chains, H_k, batch)``.
        inputs: What enters it, ``(chains, batch, H_{k-1})``.
    """

    start: int
    stop: int
    weight: float
    slopes: Tensor
    inputs: Tensor

    def add_to(self, part: Tensor, factor: float) -> None:
        """Add a multiple to the weights of the layer, ``(chains, stop - start)``, in place."""
        shape = (len(part), self.slopes.shape[1], self.inputs.shape[2])
        part.view(shape).baddbmm_(self.slopes, self.inputs, alpha=factor * self.weight)


# Is handed the gradient of a layer and may move its weights.
Visit = Callable[[LayerGradient], None]


class Minibatches(Protocol):
    """Yields the batches of all chains, one after the other."""

    def next(self, rng: torch.Generator) -> Any:
        """Return the next batch; it may take the memory of the one before."""

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on from here, as tensors and numbers."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on as from a state; the generator's own state is for the caller to set."""


class NoiseSource(NamedTuple):
    """Label noise of one data set, which enters the excess through a cross moment C alone.

    The excess is ``-2 weight tr(D C^T)`` plus what does not depend on C, where
    ``D = M(w) - M(w_star)`` and ``Cov(C_ij, C_ik) = sd^2 S_jk / num_data``.

    Attributes:
        second: S, mean of ``x x^T``, ``(in, in)``.
        cross: C of this data set, mean of ``noise x^T``, ``(out, in)``.
        sd: Standard deviation of the noise.
        num_data: Number of samples.
        weight: Factor of the mean squared error in the loss.
    """

    second: Tensor
    cross: Tensor
    sd: float
    num_data: int
    weight: float


class MomentForm(NamedTuple):
    """A squared loss through a matrix M as plain data.

    The excess is ``scale * tr(D S D^T - 2 D C^T)`` with ``D = M(w) - M(w_star)``.

    Attributes:
        scale: Factor of the mean squared error.
        second: S, ``(in, in)``, or a number that stands for that multiple of the identity.
        cross: C, ``(out, in)``; None for 0.
    """

    scale: float
    second: Tensor | float
    cross: Tensor | None


class LayerForm(NamedTuple):
    """``M = W_L ... W_1``, first layer first among the parameters.

    Attributes:
        widths: ``(H_0, ..., H_L)``, inputs first.
    """

    widths: tuple[int, ...]

    def layers(self, theta: Tensor) -> list[Tensor]:
        """Return the weight matrices of ``(chains, dim)`` as views, ``(chains, H_k, H_{k-1})``."""
        views, start = [], 0
        for columns, rows in pairwise(self.widths):
            stop = start + rows * columns
            views.append(theta[:, start:stop].view(theta.shape[0], rows, columns))
            start = stop
        return views


class GeneratorForm(NamedTuple):
    """``M = (g_1(w), ..., g_J(w))``, one row of polynomials.

    Attributes:
        generators: Coefficients of each polynomial by the exponents of its monomials.
    """

    generators: tuple[Mapping[tuple[int, ...], Any], ...]


class DiagonalForm(NamedTuple):
    """``M = (s_1 w_1, ..., s_d w_d)``, one row.

    Attributes:
        scales: Factor of each parameter.
    """

    scales: tuple[float, ...]


class SquaredForm(NamedTuple):
    """A problem ``y = M(w) x + noise`` with squared loss, as plain data.

    Attributes:
        map: The structure of M; None where it is none of the three.
        inputs: Columns of M.
        outputs: Rows of M.
        scale: Factor of the mean squared error.
        distribution: That of the entries of an input.
        variance: Variance of an entry; 0 where entries have no common one.
        noise_sd: Standard deviation of the label noise.
        single: Whether the reference point is kept in single precision.
        streamed: Whether its data set is too large to be stored.
    """

    map: LayerForm | GeneratorForm | DiagonalForm | None
    inputs: int
    outputs: int
    scale: float
    distribution: InputDistribution
    variance: float
    noise_sd: float
    single: bool
    streamed: bool


@runtime_checkable
class Placeable(Protocol):
    """A loss whose tensors can move to a device, and its matrix products to another precision."""

    def dtype(self) -> torch.dtype | None:
        """Return the precision of its tensors, None where it has none of its own."""

    def placed(self, device: str, matmul: Matmul) -> Loss:
        """Return the loss on a device; itself where nothing changes.

        Raises:
            ValueError: If it cannot be there.
        """


@runtime_checkable
class GradientBuffer(Protocol):
    """A loss that writes its gradient into memory that the caller brings."""

    def excess_and_grad_into(self, theta: Tensor, batch: Any, out: Tensor) -> Tensor:
        """Return the excess loss ``(chains,)`` and write its gradient, ``(chains, dim)``.

        Buffers may be kept for the next call with the same two tensors; see `Releasable`.
        """


@runtime_checkable
class LayerwiseGradient(Protocol):
    """A loss that hands out its gradient layer by layer, without forming it."""

    def num_parts(self, batch: Any) -> int:
        """Return in how many layers the gradient on a batch can be had, 0 where in none."""

    def excess_and_visit(self, theta: Tensor, batch: Any, visit: Visit) -> Tensor:
        """Return the excess loss ``(chains,)``, and hand out its gradient, last layer first.

        Only where `num_parts` counts any. ``visit`` may move a layer in place once it is called
        with its gradient. What is left of the batch is `spent`.
        """

    def spent(self, batch: Any) -> Any:
        """Return a batch without what a visit writes over."""


@runtime_checkable
class Releasable(Protocol):
    """A loss that keeps buffers from one call to the next."""

    def release(self) -> None:
        """Forget the buffers that were kept for the next call."""


@runtime_checkable
class Preparable(Protocol):
    """A loss that is faster for many gradients of one shape if it knows of them."""

    def prepare(self, num_chains: int, batch_size: int | None, steps: int) -> None:
        """Expect so many gradients of all chains on minibatches of a size, None for all data."""


@runtime_checkable
class MinibatchSource(Protocol):
    """A loss that draws minibatches faster than one by one, with the same random numbers."""

    def minibatches(self, num_chains: int, batch_size: int | None) -> Minibatches:
        """Return the source of the batches of a run; a size of None gives the full batch."""


@runtime_checkable
class RowLookup(Protocol):
    """A loss whose samples have numbers."""

    def row_lookup(self) -> Callable[[Tensor], Any] | None:
        """Return what takes numbers ``(chains, batch)`` to a batch; None where nothing does."""


@runtime_checkable
class ReferenceGradient(Protocol):
    """A loss whose minibatch gradient at one point follows from sums over the batch."""

    def gradient_at(self, point: Tensor) -> Callable[[Any], Tensor] | None:
        """Return the map from a batch to the gradient at a point ``(dim,)``, ``(chains, dim)``.

        It is made once and evaluates no gradient afterwards; None where it would take too much
        memory.
        """


@runtime_checkable
class LabelNoiseResponse(Protocol):
    """A loss that knows how the label noise of its data set enters it."""

    def noisy_labels(self) -> bool:
        """Return whether the gradient at ``w_star`` on a batch differs from 0."""

    def noise_sources(self) -> tuple[NoiseSource, ...] | None:
        """Return the independent sources of label noise; None where they are not known."""

    def excess_and_deltas(self, theta: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the excess on all data, ``(chains,)``, and D of every source.

        ``D = M(w) - M(w_star)``, ``(chains, out, in)``. Only where sources are known.
        """


@runtime_checkable
class SquaredLossForm(Protocol):
    """A loss that may be the square of a linear map's error."""

    def moment_form(self) -> MomentForm | None:
        """Return the loss on all data or in population, None where it is no such square."""


@runtime_checkable
class SquaredProblem(Protocol):
    """A problem that may be regression with squared loss."""

    def squared_form(self) -> SquaredForm | None:
        """Return the problem as plain data, None where it has no such form."""


@runtime_checkable
class TakesData(Protocol):
    """A population problem that has a version on sampled data."""

    def with_data(self, num_data: int) -> Problem:
        """Return the same problem on so many samples."""


@runtime_checkable
class Precise(Protocol):
    """A problem with a precision of its own. Default: any will do."""

    @property
    def precision(self) -> DType:
        """The precision in which it is evaluated unless settings say otherwise."""


@runtime_checkable
class Costly(Protocol):
    """A problem whose gradients may take long."""

    @property
    def flops(self) -> float:
        """Floating point operations of a gradient on one sample."""


@runtime_checkable
class Restrictable(Protocol):
    """A problem about a network of named layers."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the network that its owner may not expect, a sentence each."""

    def restricted(self, *only: str | Mapping[str, Any], name: str | None = None) -> Problem:
        """Return the loss as a function of what patterns, or entries by tensor, name."""

    def on(self, data: Any, name: str | None = None) -> Problem:
        """Return the loss at the same weights on other data, or on some of the samples."""

    def layers(self) -> Mapping[str, Problem]:
        """Return the loss as a function of each layer that owns parameters, by its name."""

    def at(self, state: Mapping[str, Tensor], name: str | None = None) -> Problem:
        """Return the same loss at other weights."""


@runtime_checkable
class Streamed(Protocol):
    """A data set that is too large to be stored; its rows are made when they are asked for."""

    def second_moment(self) -> Tensor:
        """Return the mean of ``x x^T`` in double precision, ``(in, in)``; takes a pass."""

    def noise_free(self) -> "Streamed":
        """Return the same inputs without label noise."""


@runtime_checkable
class FromTraining(Protocol):
    """A problem whose reference point comes from a training, and may be no minimum."""

    @property
    def trained(self) -> bool:
        """Whether that is so."""
