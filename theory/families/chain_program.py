"""The chain program of a linear network, solved by listing every chain: slow and obvious.

A chain ``H_0 = x_0 >= x_1 >= ... >= x_L = r`` holds the ranks ``x_k`` of ``W_k ... W_1`` on a
stratum of the set of true parameters. Its cost ``sum_k (x_{k-1} - x_k) (H_k - x_k)`` is the number
of conditions that the stratum puts on the layers beyond the product. The fast algorithm in
``chain_descent`` is tested against this one.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known
from theory.families.rank_array import RankArray, admissible_ranks, balanced_ranks

Chain = tuple[int, ...]

_SOURCE = "lehalleur2024, quadratic integer program; aoyagi2024, main theorem"
_MOST_CHAINS = 2_000_000


def chain_program_global(widths: Sequence[int], rank: int) -> RLCT:
    """Return the least coefficient over all true parameters by listing every chain.

    Formula: ``2 lambda = r (H_0 + H_L - r) + min sum_k (x_{k-1} - x_k)(H_k - x_k)`` over integers
    ``H_0 = x_0 >= ... >= x_L = r``, ``x_k <= H_k``; ``m`` is the number of elements of the longest
    componentwise increasing sequence of minimisers.

    Args:
        widths: ``H_0 .. H_L``, input first.
        rank: r, rank of the true map.

    Raises:
        ValueError: an inadmissible width or rank, or so many chains that only the closed form
            ``deep_linear_global`` is sensible.

    Source: lehalleur2024 (quadratic integer program); agrees with aoyagi2024.
    """
    sizes = integers("widths", widths, 1, shortest=2)
    r = integer("rank", rank, 0, min(sizes))
    return _solve(sizes, balanced_ranks(len(sizes) - 1, r), "global")


def chain_program_local(widths: Sequence[int], ranks: RankArray) -> RLCT:
    """Return the coefficient at a point with the given rank array by listing every chain.

    Formula: as in ``chain_program_global`` with the further conditions
    ``r_ij <= H_i - x_i + x_j`` for all ``i < j``: the stratum must reach the point.

    Args:
        widths: ``H_0 .. H_L``, input first.
        ranks: ``r_ij = rank(W_j ... W_{i+1})`` for every pair ``i < j``.

    Raises:
        ValueError: an inadmissible width or rank array, or too many chains.

    Source: lehalleur2024 with the closure order of abeasis1985.
    """
    sizes = integers("widths", widths, 1, shortest=2)
    return _solve(sizes, admissible_ranks(sizes, ranks), "local")


def chain_cost(widths: Sequence[int], chain: Sequence[int]) -> int:
    """Return ``sum_k (x_{k-1} - x_k) (H_k - x_k)``."""
    return sum((chain[k - 1] - chain[k]) * (widths[k] - chain[k]) for k in range(1, len(widths)))


def feasible_chains(widths: Sequence[int], ranks: RankArray) -> Iterator[Chain]:
    """Yield every chain that satisfies the bounds and the conditions of the rank array."""
    depth = len(widths) - 1
    rank = ranks[0, depth]

    def extend(head: Chain) -> Iterator[Chain]:
        k = len(head)
        low = max(rank, *(ranks[i, k] - widths[i] + head[i] for i in range(k)))
        high = min(head[-1], widths[k])
        for x in range(low, high + 1) if k < depth else [rank] if low <= rank <= high else []:
            yield from (extend((*head, x)) if k < depth else [(*head, x)])

    return extend((widths[0],))


def minimisers(widths: Sequence[int], ranks: RankArray) -> tuple[int, list[Chain]]:
    """Return the least cost and every chain that attains it."""
    best: list[Chain] = []
    least = -1
    for chain in feasible_chains(widths, ranks):
        cost = chain_cost(widths, chain)
        if least < 0 or cost < least:
            least, best = cost, []
        if cost == least:
            best.append(chain)
    return least, best


def longest_sequence(chains: Sequence[Chain]) -> int:
    """Return how many of the chains can be put in componentwise increasing order."""
    length: dict[Chain, int] = {}
    for chain in sorted(chains, key=sum):
        below = (
            count
            for other, count in length.items()
            if all(y <= x for y, x in zip(other, chain, strict=True))
        )
        length[chain] = 1 + max(below, default=0)
    return max(length.values())


def _solve(widths: tuple[int, ...], ranks: RankArray, scope: str) -> RLCT:
    """List, minimise and wrap up."""
    if prod(h + 1 for h in widths[1:-1]) > _MOST_CHAINS:
        raise ValueError(
            f"widths must give at most {_MOST_CHAINS} chains to list, got {list(widths)};"
            " use deep_linear_global or deep_linear_local"
        )
    rank = ranks[0, len(widths) - 1]
    cost, best = minimisers(widths, ranks)
    regular = rank * (widths[0] + widths[-1] - rank)
    return known(
        Fraction(regular + cost, 2),
        longest_sequence(best),
        "global" if scope == "global" else "local",
        method="chain program, all chains listed",
        source=_SOURCE,
        conditions=f"linear network {list(widths)}, true rank {rank},"
        f" inputs of full second moment; {scope}",
        proof=(Step("chain program", f"{len(best)} chains of least cost {cost}", _SOURCE),),
    )
