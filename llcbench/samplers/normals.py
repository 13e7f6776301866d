"""Standard normal numbers for large states, by vectorised Box-Muller, a pair from 32 bits."""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor

# The lowest 23 bits of each half of an integer become the fraction of a number in [1, 2).
_FRACTION = 0x007FFFFF_007FFFFF
_ONE = 0x3F800000_3F800000
# Odd, and over 2^23 a continued fraction near the golden ratio's, with no quotient above 3.
_TURN = 5177519


@final
class Normals:
    """A stream of standard normal numbers in single precision, from SFC64.

    ``sqrt(-2 log u) (sin 2 pi v, cos 2 pi v)`` with, for 32 bits ``w = 2^23 k + j``,
    ``u = (j + 1/2) / 2^23`` and ``v = T w / 2^32 mod 1 = T k / 2^9 + T j / 2^32 mod 1``. T is odd:
    every radius has 512 angles, equally spaced, so that all moments in the angle up to order 511
    are exact; and the continued fraction of ``T / 2^23`` has small quotients, so that the ``2^32``
    points ``(u, v)`` fill the square evenly. No number is above 5.77.

    The generator of torch makes one number at a time, which takes longer than all the arithmetic on
    them; here one call gives the bits of four, and the rest is vectorised and may use several
    threads, which change nothing.

    Source: Box and Muller 1958; SFC64: Doty-Humphrey, PractRand; lattices of two dimensions by
    continued fractions: Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods, 1992,
    chapter 5.
    """

    def __init__(self, size: int) -> None:
        """Make room for blocks of up to a number of values; `seed` comes first."""
        self.size = size
        self._bits = np.random.SFC64(0)
        self._state = self._bits.state
        self._views: tuple[Tensor, Tensor, Tensor, Tensor] | None = None
        # Room, and views of it, that are made in inference mode could not be written to outside.
        with torch.inference_mode(False):
            self._room = torch.empty(size + size % 2, dtype=torch.float32, device="cpu")

    def seed(self, rng: torch.Generator) -> None:
        """Start a stream at a state of SFC64 that a generator draws."""
        words = torch.empty(3, dtype=torch.int64, device="cpu")
        words.random_(-(2**63), None, generator=rng)
        state = self._state["state"]["state"]
        state[:3] = words.numpy().view(np.uint64)
        # The fourth word is the counter, which starts at one.
        state[3] = 1
        self._bits.state = self._state

    def next(self, size: int) -> Tensor:
        """Return the next numbers, ``(size,)``; they overwrite those of the call before."""
        if self._views is None or len(self._views[0]) != size:
            self._views = self._cut(size)
        result, sines, cosines, turned = self._views
        half = len(sines)
        bits = torch.from_numpy(self._bits.random_raw((half + 1) // 2).view(np.int64))
        words = bits.view(torch.int32)[:half]
        angle = sines.copy_(torch.mul(words, _TURN, out=turned)).mul_(2 * math.pi / 2**32)
        bits.bitwise_and_(_FRACTION).bitwise_or_(_ONE)
        radius = words.view(torch.float32).sub_(1 - 2**-24).log_().mul_(-2.0).sqrt_()
        torch.cos(angle, out=cosines).mul_(radius)
        angle.sin_().mul_(radius)
        return result

    def _cut(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the room of the result, of its sines and cosines, and of the latter as integers.

        All is made in that room: the less memory, the more of it is in the cache.
        """
        half = (size + 1) // 2
        with torch.inference_mode(False):
            sines, cosines = self._room[:half], self._room[half : 2 * half]
            return self._room[:size], sines, cosines, cosines.view(torch.int32)
