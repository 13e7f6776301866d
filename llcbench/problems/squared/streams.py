"""Data sets that are not stored: every entry is a hash of its index.

A million samples of three thousand inputs are 24 GB; a minibatch of them takes milliseconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from llcbench.problems.squared.batches import Moments
from llcbench.types import Data, InputDistribution

# A stored data set may take this much memory; larger ones are streams.
STORED_BYTES = 256 * 2**20
# Entries that are hashed at a time: torch leaves arrays of this length to one thread, in its cache.
ENTRIES = 2**15

# Increment and multipliers of splitmix64 as signed numbers (Steele, Lea and Flood 2014).
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def mixed(counter: Tensor) -> Tensor:
    """Return 64 hashed bits of every counter, as signed integers.

    The output function of splitmix64 applied to ``(counter + 1) * golden``: the generator with
    seed 0, at the place ``counter``. Integer products wrap around, as they must.
    """
    z = (counter + 1).mul_(_GOLDEN)
    z.bitwise_xor_(_shifted(z, 30)).mul_(_FIRST)
    z.bitwise_xor_(_shifted(z, 27)).mul_(_SECOND)
    return z.bitwise_xor_(_shifted(z, 31))


def uniforms(rows: Tensor, width: int, seed: int, plane: int) -> Tensor:
    """Return numbers in [0, 1), ``(rows, width)``, that depend on row, column, seed and plane.

    The seed and the plane give a key of 64 hashed bits; the place ``row * width + column`` is
    hashed, joined with the key and hashed again, so that two keys share no run of numbers.
    """
    key = mixed(mixed(torch.tensor(seed)) + plane)
    place = rows.unsqueeze(-1) * width + torch.arange(width)
    bits = mixed(mixed(place).bitwise_xor_(key))
    return _shifted(bits, 11).double().mul_(2.0**-53)


@final
@dataclass(frozen=True)
class Stream:
    """A regression data set whose rows are made on demand.

    Attributes:
        num_data: Number of samples.
        inputs: Width of an input.
        outputs: Width of an output.
        distribution: That of the entries of the inputs: standard normal, or uniform on [-10, 10).
        noise_sd: Standard deviation of the label noise.
        seed: What all entries depend on.
    """

    num_data: int
    inputs: int
    outputs: int
    distribution: InputDistribution
    noise_sd: float
    seed: int

    def rows(self, index: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Return inputs ``(..., in)`` and label noise ``(..., out)`` of rows ``(...)``.

        The noise is None where its standard deviation is 0.
        """
        inputs = self._filled(index, self.inputs, dtype, self._inputs)
        if not self.noise_sd:
            return inputs, None
        return inputs, self._filled(index, self.outputs, dtype, self._noise)

    def stored(self) -> Data:
        """Return all rows in double precision, for small data sets."""
        inputs, noise = self.rows(torch.arange(self.num_data), torch.float64)
        if noise is None:
            noise = inputs.new_zeros(()).expand(self.num_data, self.outputs)
        return Data(inputs, noise)

    def second_moment(self) -> Tensor:
        """Return the mean of ``x x^T`` in double precision, ``(in, in)``; takes a pass."""
        return StreamMoments(self, torch.float64).second

    def noise_free(self) -> "Stream":
        """Return the same inputs without label noise."""
        return replace(self, noise_sd=0.0)

    def _inputs(self, rows: Tensor) -> Tensor:
        if self.distribution == "uniform10":
            return uniforms(rows, self.inputs, self.seed, 0).mul_(20).sub_(10)
        return _normal(rows, self.inputs, self.seed, 0)

    def _noise(self, rows: Tensor) -> Tensor:
        return _normal(rows, self.outputs, self.seed, 2).mul_(self.noise_sd)

    def _filled(
        self, index: Tensor, width: int, dtype: torch.dtype, make: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Make rows in blocks, so that hashes of the whole never exist at once."""
        out = torch.empty(index.numel(), width, dtype=dtype)
        step = max(ENTRIES // width, 1)
        for rows, place in zip(
            torch.split(index.flatten(), step), torch.split(out, step), strict=True
        ):
            place.copy_(make(rows))
        return out.view(*index.shape, width)


@final
class StreamMoments:
    """Moments of a stream, computed in blocks of rows on demand.

    They take a pass over all rows and ``n in (in + out)`` multiplications in double precision.
    """

    def __init__(self, stream: Stream, dtype: torch.dtype) -> None:
        """Prepare for moments of a precision."""
        self._stream, self._dtype = stream, dtype

    @property
    def second(self) -> Tensor:
        """Mean of ``x x^T``, ``(in, in)``."""
        return self._moments.second

    @property
    def cross(self) -> Tensor:
        """Mean of ``noise x^T``, ``(out, in)``."""
        return self._moments.cross

    @cached_property
    def noise(self) -> Tensor:
        """Mean of ``|noise|^2``, a scalar; needs no pass where there is no noise."""
        if not self._stream.noise_sd:
            return torch.zeros((), dtype=self._dtype)
        return self._moments.noise

    @cached_property
    def _moments(self) -> Moments:
        stream = self._stream
        second = torch.zeros(stream.inputs, stream.inputs, dtype=torch.float64)
        cross = torch.zeros(stream.outputs, stream.inputs, dtype=torch.float64)
        total = torch.zeros((), dtype=torch.float64)
        size = max(128 * ENTRIES // stream.inputs, 1)
        for index in torch.split(torch.arange(stream.num_data), size):
            x, noise = stream.rows(index, torch.float64)
            second.addmm_(x.mT, x)
            if noise is not None:
                cross.addmm_(noise.mT, x)
                total += noise.square().sum()
        parts = (second, cross, total)
        return Moments(*(part.div_(stream.num_data).to(self._dtype) for part in parts))


def _normal(rows: Tensor, width: int, seed: int, plane: int) -> Tensor:
    """Return standard normal numbers by Box-Muller, from two planes of hashes."""
    radius = uniforms(rows, width, seed, plane).neg_().log1p_().mul_(-2).sqrt_()
    angle = uniforms(rows, width, seed, plane + 1).mul_(2 * math.pi)
    return radius.mul_(angle.cos_())


def _shifted(bits: Tensor, places: int) -> Tensor:
    """Shift to the right and fill with zeros; the operator fills with the sign."""
    return (bits >> places).bitwise_and_((1 << (64 - places)) - 1)
