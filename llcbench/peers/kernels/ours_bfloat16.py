"""Ours with the option ``--matmul bfloat16``: the factors of the gradient's products are rounded.

Not quite the work of the others, hence a row of its own; whether it still samples
their distribution is in the column for that.
"""

from collections.abc import Callable

from llcbench.peers.kernels import ours
from llcbench.peers.work import Losses, Work


def prepare(work: Work) -> Callable[[int], Losses]:
    """Return the run of a seed."""
    return ours.prepare(work, "bfloat16")
