"""Updates with noise, block by block, in place."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

# Up to this size everything is moved at once.
WHOLE = 2**18
# Above it in blocks that stay in the cache, and that torch does not spread over threads by itself.
BLOCK = 2**15
# From this size on the noise comes from several generators at once.
LARGE = 2**22
PARTS = 4
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
        rng: Source of the noise. Below ``LARGE`` numbers the noise is that of a single fill of
            all of them, however they are cut. From there on, ``PARTS`` generators seeded from it
            anew fill a part each, in as many threads as torch has: the numbers depend on the
            parts, not on the threads.
    """
    first = tensors[0]
    size = first.numel()
    if size <= WHOLE:
        noise = torch.empty_like(first).normal_(generator=rng)
        move(noise, star, *tensors)
    elif size < LARGE or first.device.type != "cpu":
        _sweep(move, star, tensors, 0, size, rng)
    else:
        _spread(move, star, tensors, rng)


def langevin(
    step_size: float, nbeta: float, gamma: float
) -> Callable[[Tensor, Tensor, Tensor, Tensor], None]:
    """Return the move ``w -= eps/2 (nbeta g + gamma (w - w*)) - sqrt(eps) xi``."""
    pull, drift, spread = 0.5 * step_size * gamma, -0.5 * step_size * nbeta, step_size**0.5

    def move(noise: Tensor, star: Tensor, theta: Tensor, grad: Tensor) -> None:
        # Towards w* by a share of the distance: an operation and a temporary less.
        theta.lerp_(star, pull).add_(grad, alpha=drift).add_(noise, alpha=spread)

    return move


def _sweep(
    move: Move,
    star: Tensor,
    tensors: Sequence[Tensor],
    start: int,
    stop: int,
    rng: torch.Generator,
) -> None:
    """Move the coordinates from start to stop, as counted through all chains."""
    dim = star.shape[0]
    room = tensors[0].new_empty(BLOCK + SHORTEST)
    for low, high in _cuts(start, stop):
        noise = room[: high - low].normal_(generator=rng)
        for row, left, right in _rows(low, high, dim):
            at = row * dim + left - low
            parts = [tensor[row, left:right] for tensor in tensors]
            move(noise[at : at + right - left], star[left:right], *parts)


def _spread(move: Move, star: Tensor, tensors: Sequence[Tensor], rng: torch.Generator) -> None:
    """Move all coordinates in parts of their own noise."""
    size = tensors[0].numel()
    edges = [size * part // PARTS for part in range(PARTS + 1)]
    seeds = torch.randint(2**32, (PARTS,), generator=rng).tolist()
    inference = torch.is_inference_mode_enabled()

    def run(part: int) -> None:
        own = torch.Generator().manual_seed(seeds[part])
        # Grad modes belong to a thread.
        with torch.inference_mode(inference), torch.no_grad():
            _sweep(move, star, tensors, edges[part], edges[part + 1], own)

    threads = min(torch.get_num_threads(), PARTS)
    if threads == 1:
        for part in range(PARTS):
            run(part)
    else:
        list(_pool(threads).map(run, range(PARTS)))


def _cuts(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a range into blocks; the last one takes what would be too short for one of its own."""
    edges = [*range(start, stop - SHORTEST, BLOCK), stop]
    return pairwise(edges) if len(edges) > 1 else iter([(start, stop)])


def _rows(low: int, high: int, dim: int) -> Iterator[tuple[int, int, int]]:
    """Cut a range that counts through all chains into rows with their columns."""
    while low < high:
        row, left = divmod(low, dim)
        right = min(dim, left + high - low)
        yield row, left, right
        low += right - left


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="noise")
