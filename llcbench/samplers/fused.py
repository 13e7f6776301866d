"""Updates with noise, block by block, in place."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from llcbench.samplers.normals import Normals

# Up to this size everything is moved at once.
WHOLE = 2**18
# Above it in blocks that stay in the cache and are still long enough for two threads.
BLOCK = 2**17
# Below 16 numbers torch draws normals in another way.
SHORTEST = 16

# Takes the noise, w* and the parts of all tensors that belong to a block, and moves them in place.
Move = Callable[..., None]


def update(move: Move, star: Tensor, tensors: Sequence[Tensor], rng: torch.Generator) -> None:
    """Call ``move(noise, star, *tensors)`` on blocks that cover all chains.

    Args:
        move: The update; it must treat every coordinate alike.
        star: The reference point, ``(dim,)``.
        tensors: What is read or moved, ``(chains, dim)`` each, the parameters first.
        rng: Source of the noise. Up to ``WHOLE`` numbers, in double precision and on other devices
            the noise is that of a single fill of all of them. Else `Normals` are seeded from it
            anew.
    """
    first = tensors[0]
    size, dim = first.numel(), star.shape[0]
    if size <= WHOLE:
        noise = torch.empty_like(first).normal_(generator=rng)
        move(noise, star, *tensors)
        return
    for low, high, noise in _noise(first, rng):
        for row, left, right in _rows(low, high, dim):
            at = row * dim + left - low
            parts = [tensor[row, left:right] for tensor in tensors]
            move(noise[at : at + right - left], star[left:right], *parts)


def langevin(
    step_size: float, nbeta: float, gamma: float
) -> Callable[[Tensor, Tensor, Tensor, Tensor], None]:
    """Return the move ``w -= eps/2 (nbeta g + gamma (w - w*)) - sqrt(eps) xi``."""
    pull, drift, spread = 0.5 * step_size * gamma, -0.5 * step_size * nbeta, step_size**0.5

    def move(noise: Tensor, star: Tensor, theta: Tensor, grad: Tensor) -> None:
        # Towards w* by a share of the distance: an operation and a temporary less.
        theta.lerp_(star, pull).add_(grad, alpha=drift).add_(noise, alpha=spread)

    return move


def _noise(like: Tensor, rng: torch.Generator) -> Iterator[tuple[int, int, Tensor]]:
    """Cut all coordinates, counted through all chains, into blocks with noise for each."""
    cuts = _cuts(like.numel())
    if like.dtype == torch.float32 and like.device.type == "cpu":
        normals = Normals(rng, BLOCK + SHORTEST)
        yield from ((low, high, normals.next(high - low)) for low, high in cuts)
    else:
        room = like.new_empty(BLOCK + SHORTEST)
        yield from ((low, high, room[: high - low].normal_(generator=rng)) for low, high in cuts)


def _cuts(size: int) -> Iterator[tuple[int, int]]:
    """Cut a range into blocks; the last one takes what would be too short for one of its own."""
    edges = [*range(0, size - SHORTEST, BLOCK), size]
    return pairwise(edges) if len(edges) > 1 else iter([(0, size)])


def _rows(low: int, high: int, dim: int) -> Iterator[tuple[int, int, int]]:
    """Cut a range that counts through all chains into rows with their columns."""
    while low < high:
        row, left = divmod(low, dim)
        right = min(dim, left + high - low)
        yield row, left, right
        low += right - left
