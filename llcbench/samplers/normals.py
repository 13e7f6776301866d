"""Standard normal numbers for large states, by vectorised Box-Muller from 64-bit integers."""

import math
from typing import final

import numpy as np
import torch
from torch import Tensor

# Of each half of an integer the lowest 23 bits become the fraction of a number in [1, 2). The last
# one is set: the numbers are the midpoints of 2^22 intervals, so that no logarithm is of zero.
_FRACTION = 0x007FFFFF_007FFFFE
_ONE = 0x3F800001_3F800001


@final
class Normals:
    """A stream of standard normal numbers in single precision, from SFC64.

    ``sqrt(-2 log u) (cos 2 pi v, sin 2 pi v)`` for u, v uniform on the midpoints of ``2^22``
    intervals; none is above 5.65. The generator of torch makes one number at a time, which takes
    longer than all the arithmetic on them; here one call gives the bits of two, and the rest is
    vectorised and may use several threads, which change nothing.

    Source: Box and Muller 1958; SFC64: Doty-Humphrey, PractRand.
    """

    def __init__(self, rng: torch.Generator, size: int) -> None:
        """Take a seed from a generator and make room for blocks of up to a number of values."""
        self._bits = np.random.SFC64(int(torch.randint(2**63 - 1, (), generator=rng)))
        self._room = torch.empty(size + size % 2)

    def next(self, size: int) -> Tensor:
        """Return the next numbers, ``(size,)``; they overwrite those of the call before."""
        half = (size + 1) // 2
        bits = torch.from_numpy(self._bits.random_raw(half).view(np.int64))
        uniform = bits.bitwise_and_(_FRACTION).bitwise_or_(_ONE).view(torch.float32)
        radius, angle = uniform[:half], uniform[half:]
        radius.sub_(1.0).log_().mul_(-2.0).sqrt_()
        angle.mul_(2 * math.pi)
        torch.cos(angle, out=self._room[:half]).mul_(radius)
        torch.sin(angle, out=self._room[half : 2 * half]).mul_(radius)
        return self._room[:size]
