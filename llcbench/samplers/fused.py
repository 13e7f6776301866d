"""Updates with noise, block by block, in place."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor

from llcbench.samplers.normals import Normals
from llcbench.sampling.target import Target
from llcbench.types import LayerGradient

# Up to this size everything is moved at once.
WHOLE = 2**18
# Above it in blocks that stay in the cache and are still long enough for two threads.
BLOCK = 2**17
# Weights of a layer, on average, from which on layers are moved separately. Thinner ones are slower
# so: every layer costs as many calls, however few its weights are.
LAYER = 2**16
# Below 16 numbers torch draws normals in another way.
SHORTEST = 16

_THREAD = threading.local()

# Takes the noise, w* and the parts of all tensors that belong to a block, and moves them in place.
Move = Callable[..., None]
# Takes a number of coordinates.
Noise = Callable[[int], Tensor]


def update(move: Move, star: Tensor, tensors: Sequence[Tensor], rng: torch.Generator) -> None:
    """Call ``move(noise, star, *tensors)`` on blocks that cover all chains.

    Args:
        move: The update; it must treat every coordinate alike.
        star: The reference point, ``(dim,)``.
        tensors: Tensors that are read or moved, ``(chains, dim)`` each, the parameters first.
        rng: Source of the noise. Up to ``WHOLE`` numbers, in double precision and on other devices
            the noise is that of a single fill of all of them. Else `Normals` are seeded from it
            anew.
    """
    first = tensors[0]
    if first.numel() <= WHOLE:
        noise = torch.empty_like(first).normal_(generator=rng)
        move(noise, star, *tensors)
        return
    _blocks(move, star, tensors, _noise(first, rng))


def by_layer(target: Target, theta: Tensor) -> bool:
    """Return whether `langevin_by_layer` is faster than `update` on all parameters together."""
    return theta.numel() > WHOLE and 0 < LAYER * target.num_parts <= target.dim


def langevin_by_layer(
    step_size: float, target: Target, theta: Tensor, rng: torch.Generator
) -> Tensor:
    """Move all chains by a step of SGLD, ``w -= eps/2 (nbeta g + gamma (w - w*)) - sqrt(eps) xi``.

    Noise and pull are added in place to a layer once the backward pass has read it; then its
    gradient is added in the product that forms it. A layer that fits into the cache is thus fetched
    once, and no gradient is stored.

    Returns:
        The loss before the move, ``(chains,)``.
    """
    drift, spread = -0.5 * step_size * target.nbeta, step_size**0.5
    pull = 0.5 * spread * target.gamma

    def move(noise: Tensor, star: Tensor, part: Tensor) -> None:
        # The pull goes into the noise: alone it may be too small to change a weight.
        noise.add_(star, alpha=pull).sub_(part, alpha=pull)
        part.add_(noise, alpha=spread)

    return move_by_layer(move, drift, target, (theta,), rng)


def move_by_layer(
    move: Move, drift: float, target: Target, tensors: Sequence[Tensor], rng: torch.Generator
) -> Tensor:
    """Call a move on blocks of each layer as the backward pass has read it, and add its gradient.

    Args:
        move: As for `update`, without the gradient.
        drift: Factor of the gradient of the loss.
        target: What is sampled, for which `by_layer` holds.
        tensors: As for `update`.
        rng: Source of the noise, from which a stream is seeded anew.

    Returns:
        The loss before the move, ``(chains,)``.
    """
    noise = _noise(tensors[0], rng)

    def visit(gradient: LayerGradient) -> None:
        columns = slice(gradient.start, gradient.stop)
        parts = [tensor[:, columns] for tensor in tensors]
        _blocks(move, target.w_star[columns], parts, noise)
        gradient.add_to(parts[0], drift)

    return target.loss_and_visit(tensors[0], visit)


def _blocks(move: Move, star: Tensor, tensors: Sequence[Tensor], noise: Noise) -> None:
    """Call a move on blocks of all coordinates, counted through all chains."""
    size, dim = tensors[0].numel(), star.shape[0]
    for low, high in _cuts(size):
        xi = noise(high - low)
        for rows, columns in _rectangles(low, high, dim):
            at = rows.start * dim + columns.start - low
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            parts = [tensor[rows, columns] for tensor in tensors]
            move(xi[at : at + shape[0] * shape[1]].view(shape), star[columns], *parts)


def _noise(like: Tensor, rng: torch.Generator) -> Noise:
    """Return a source of blocks of noise, each of which overwrites the one before."""
    if like.dtype == torch.float32 and like.device.type == "cpu":
        return _normals(rng).next
    room = like.new_empty(BLOCK + SHORTEST)
    return lambda size: room[:size].normal_(generator=rng)


def _normals(rng: torch.Generator) -> Normals:
    """Return the stream of this thread, seeded anew: a new one would cost more than its seed.

    It serves one update at a time: a move that began another would take away its numbers.
    """
    size = BLOCK + SHORTEST
    if not hasattr(_THREAD, "normals") or _THREAD.normals.size < size:
        _THREAD.normals = Normals(size)
    _THREAD.normals.seed(rng)
    return cast(Normals, _THREAD.normals)


def _cuts(size: int) -> Iterator[tuple[int, int]]:
    """Cut a range into blocks; the last one takes what would be too short for one of its own."""
    edges = [*range(0, size - SHORTEST, BLOCK), size]
    return pairwise(edges) if len(edges) > 1 else iter([(0, size)])


def _rectangles(low: int, high: int, dim: int) -> Iterator[tuple[slice, slice]]:
    """Cut a range that counts through all chains into rectangles: whole rows, or part of one."""
    while low < high:
        row, left = divmod(low, dim)
        rows = 1 if left else max(1, (high - low) // dim)
        right = min(dim, left + high - low)
        yield slice(row, row + rows), slice(left, right)
        low += rows * (right - left)
