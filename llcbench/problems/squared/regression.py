"""Regression with squared loss through any parametrised linear map.

Every built-in problem is ``y = M(w) x + noise``; polynomials are one-row maps whose entries are the
generators, so that the population loss is their sum of squares. The loss is quadratic in ``M``,
hence data enter through two moments only, and one small class serves all families.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from llcbench.problems.squared.batches import Moments, Population
from llcbench.problems.squared.loss import Map, SquaredLoss
from llcbench.problems.squared.streams import STORED_BYTES, Stream, StreamMoments
from llcbench.types import Data, InputDistribution, SquaredForm, Truth
from theory.tempered import Tempered

Array = NDArray[np.float64]
# A point of more parameters than this is handed out without a copy; nobody may write to it.
COPIED = 2**20
# Rows of a data set whose products are added up in the precision of the data.
BLOCK_ROWS = 2**13


@final
@dataclass(frozen=True)
class Inputs:
    """Distribution of inputs: independent entries, standard normal or uniform on [-10, 10].

    The second is the published one for deep linear networks (Lau et al. 2023).
    """

    kind: InputDistribution = "normal"

    @property
    def second_moment(self) -> float:
        """Variance of an entry."""
        return 1.0 if self.kind == "normal" else 100.0 / 3.0

    def sample(self, shape: tuple[int, int], rng: torch.Generator) -> Tensor:
        """Draw a matrix of inputs in double precision."""
        if self.kind == "normal":
            return torch.randn(shape, generator=rng, dtype=torch.float64)
        return torch.rand(shape, generator=rng, dtype=torch.float64).mul_(20).sub_(10)


# (nbeta, gamma, second moment, cross moment) -> the tempered truth; moments are None in population.
TemperedFunction = Callable[[float, float, Array | None, Array | None], Tempered | None]
# (number of samples, source of randomness) -> data of a distribution of their own.
DataFunction = Callable[[int, torch.Generator], Data]


@final
@dataclass(frozen=True)
class Regression:
    """A problem ``y = M(w) x + noise`` with known coefficients at a point.

    Attributes:
        id: Stable name, with ``/n<samples>`` when it has data.
        map: The parametrisation ``M(w)``.
        point_function: Computes the reference point ``w_star``, ``(dim,)``, when it is needed.
        truth_function: Computes both exact coefficients; called once, on demand.
        tempered_function: Computes the tempered truth.
        formula: The loss in one line.
        why_hard: What an estimator can get wrong here.
        keywords: Tags for selection.
        scale: Factor of the mean squared error; 1/2 for a unit-variance Gaussian likelihood.
        inputs: Distribution of the inputs.
        noise_sd: Standard deviation of the label noise in sampled data.
        num_data: Number of samples, None for the population loss.
        version: Raised when the density changes.
        single: Whether the point is kept in single precision.
        data_function: Draws data whose inputs are not independent entries of one variance; such a
            problem has no population loss. None for ``inputs`` and ``noise_sd``.
    """

    id: str
    map: Map
    point_function: Callable[[], Array]
    truth_function: Callable[[], Truth]
    tempered_function: TemperedFunction
    formula: str
    why_hard: str
    keywords: frozenset[str] = frozenset()
    scale: float = 0.5
    inputs: Inputs = Inputs()
    noise_sd: float = 1.0
    num_data: int | None = None
    version: int = 1
    single: bool = False
    data_function: DataFunction | None = None

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return self.map.dim

    @cached_property
    def truth(self) -> Truth:
        """Exact local and global coefficients."""
        return self.truth_function()

    @cached_property
    def point(self) -> Array:
        """The reference point ``w_star``, ``(dim,)``."""
        return self.point_function()

    def w_star(self) -> Tensor:
        """Return the reference point in the precision in which it is stored.

        A large one is the stored array itself, which must not be written to.
        """
        return torch.from_numpy(self.point if self.point.size > COPIED else self.point.copy())

    def with_data(self, num_data: int) -> "Regression":
        """Return the same problem on sampled data with label noise instead of the population."""
        keywords = self.keywords | {"data"}
        return replace(self, id=f"{self.id}/n{num_data}", num_data=num_data, keywords=keywords)

    def sample_data(self, rng: torch.Generator) -> Any:
        """Draw inputs and label noise, None for the population loss.

        Returns:
            `Data`, or a `Stream` where storing them would take more than ``STORED_BYTES``.
        """
        if self.num_data is None:
            return None
        if self.data_function is not None:
            return self.data_function(self.num_data, rng)
        if self._streamed:
            seed = int(torch.randint(2**62, (), generator=rng))
            widths = (self.map.inputs, self.map.outputs)
            return Stream(self.num_data, *widths, self.inputs.kind, self.noise_sd, seed)
        inputs = self.inputs.sample((self.num_data, self.map.inputs), rng)
        shape = (self.num_data, self.map.outputs)
        if not self.noise_sd:
            return Data(inputs, inputs.new_zeros(()).expand(shape))
        noise = torch.randn(shape, generator=rng, dtype=torch.float64).mul_(self.noise_sd)
        return Data(inputs, noise)

    @property
    def _streamed(self) -> bool:
        if self.data_function is not None:
            return False
        stored = self.map.inputs + (self.map.outputs if self.noise_sd else 0)
        return 8 * (self.num_data or 0) * stored > STORED_BYTES

    def squared_form(self) -> SquaredForm:
        """Return the problem as plain data."""
        return SquaredForm(
            map=self.map.form(),
            inputs=self.map.inputs,
            outputs=self.map.outputs,
            scale=self.scale,
            distribution=self.inputs.kind,
            variance=0.0 if self.data_function is not None else self.inputs.second_moment,
            noise_sd=self.noise_sd,
            single=self.single,
            streamed=self._streamed,
        )

    def bind(self, data: Data | Stream | None, dtype: torch.dtype) -> SquaredLoss:
        """Return the loss on a data set, or in population.

        Raises:
            ValueError: If there is no population loss.
        """
        self._require_data(data)
        # In the stored precision if that is the wider one: no copy of a large point.
        point = self.w_star()
        point = point.to(torch.promote_types(point.dtype, dtype)).unsqueeze(0)
        reference = self.map.value(point).to(dtype)
        if data is None:
            population = Population(self.inputs.second_moment)
            return SquaredLoss(self.map, self.scale, reference, population, None)
        if isinstance(data, Stream):
            moments = StreamMoments(data, dtype)
            noisy = data.noise_sd > 0
            return SquaredLoss(self.map, self.scale, reference, moments, data, noisy)
        noisy = bool(data.noise[:1].any() or data.noise.any())
        noise = data.noise.to(dtype) if noisy else reference.new_zeros(()).expand(data.noise.shape)
        kept = Data(data.inputs.to(dtype), noise)
        full = Moments(*(moment.to(dtype) for moment in _moments(kept)))
        sd = self.noise_sd
        return SquaredLoss(self.map, self.scale, reference, full, kept, noisy, noise_sd=sd)

    def tempered(
        self, nbeta: float, gamma: float, data: Data | Stream | None = None
    ) -> Tempered | None:
        """Return the estimate of a perfect sampler, on the given data or in population.

        A stream without label noise counts as its population: its second moment differs by
        ``1/sqrt(n)`` an entry, which moves the value by the square of that, and takes minutes.

        Raises:
            ValueError: If there is no population loss.
        """
        self._require_data(data)
        if data is None:
            return self.tempered_function(nbeta, gamma, None, None)
        if isinstance(data, Stream) and not data.noise_sd:
            truth = self.tempered_function(nbeta, gamma, None, None)
            method = f"{truth.method}, population moments" if truth else ""
            return replace(truth, method=method) if truth else None
        moments = StreamMoments(data, torch.float64) if isinstance(data, Stream) else _moments(data)
        return self.tempered_function(nbeta, gamma, moments.second.numpy(), moments.cross.numpy())

    def _require_data(self, data: Data | Stream | None) -> None:
        """Refuse the population loss where data have a distribution of their own.

        Raises:
            ValueError: If there are no data.
        """
        if data is None and self.data_function is not None:
            raise ValueError(
                f"{self.id}: the inputs are correlated and there is no population loss; give the"
                " data that sample_data returns"
            )


def _moments(data: Data) -> Moments:
    """Return the moments of a data set in double precision.

    Products are formed in the precision of the data, blocks of rows are added up in double.
    """
    inputs, outputs = data.inputs.shape[1], data.noise.shape[1]
    second = torch.zeros(inputs, inputs, dtype=torch.float64)
    cross = torch.zeros(outputs, inputs, dtype=torch.float64)
    squares = torch.zeros((), dtype=torch.float64)
    blocks = (torch.split(part, BLOCK_ROWS) for part in data)
    for x, noise in zip(*blocks, strict=True):
        second += x.mT @ x
        size = torch.linalg.vector_norm(noise, dtype=torch.float64)
        if size:
            cross += noise.mT @ x
            squares += size.square()
    return Moments(*(part.div_(len(data.inputs)) for part in (second, cross, squares)))


def flat(parts: list[Any]) -> Array:
    """Concatenate arrays into one flat double-precision vector."""
    return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
