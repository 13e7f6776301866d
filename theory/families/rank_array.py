"""Rank arrays: the ranks of all partial products of a chain of matrices.

For layers ``W_k`` of shape ``H_k x H_{k-1}`` the array holds ``r_ij = rank(W_j ... W_{i+1})`` for
``i < j``, with ``r_ii = H_i``. Two chains have the same array exactly when they differ by changes
of bases at the nodes, and the number of summands that live on the nodes i..j only,
``r_ij - r_{i-1,j} - r_{i,j+1} + r_{i-1,j+1}``, must not be negative (abeasis1985).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from theory.checks import integer

RankArray = Mapping[tuple[int, int], int]


def admissible_ranks(widths: Sequence[int], ranks: RankArray) -> dict[tuple[int, int], int]:
    """Return a complete rank array as a dictionary, or name the first pair that no chain has.

    Formula: ``r_{i,j-1} + r_{i+1,j} - r_{i+1,j-1} <= r_ij <= min(r_{i,j-1}, r_{i+1,j})`` (the
    inequality of Frobenius and monotonicity). Together these are necessary and sufficient.

    Args:
        widths: ``H_0 .. H_L``.
        ranks: ``r_ij`` for every pair ``0 <= i < j <= L``.

    Raises:
        ValueError: a pair is missing or unknown, or its rank is not admissible.

    Source: abeasis1985.
    """
    depth = len(widths) - 1
    if not isinstance(ranks, Mapping):
        raise ValueError(f"ranks must be a mapping from pairs (i, j) to ranks, got {ranks!r}")
    pairs = set(combinations(range(depth + 1), 2))
    for pair in ranks:
        if pair not in pairs:
            raise ValueError(
                f"ranks has the key {pair!r}; allowed are the pairs (i, j), 0 <= i < j <= {depth}"
            )
    full = {(i, i): h for i, h in enumerate(widths)}
    for span in range(1, depth + 1):
        for i in range(depth + 1 - span):
            j = i + span
            if (i, j) not in ranks:
                raise ValueError(
                    f"ranks has no entry ({i}, {j}), the rank of W_{j} ... W_{i + 1};"
                    f" every pair 0 <= i < j <= {depth} is needed"
                )
            left, right = full[i, j - 1], full[i + 1, j]
            low = max(0, left + right - full[i + 1, j - 1]) if span > 1 else 0
            full[i, j] = integer(f"ranks[({i}, {j})]", ranks[i, j], low, min(left, right))
    return {pair: rank for pair, rank in full.items() if pair[0] < pair[1]}


def balanced_ranks(depth: int, rank: int) -> dict[tuple[int, int], int]:
    """Return the array of a point where every partial product has the rank of the whole."""
    return dict.fromkeys(combinations(range(depth + 1), 2), rank)


def generic_ranks(layer_ranks: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return the array of independent generic layers: ``r_ij`` is the least rank of i+1..j.

    The image of one generic factor and the kernel of the next are in general position, so a
    product of ranks a and b has rank min(a, b) whatever the width between them.
    """
    array: dict[tuple[int, int], int] = {}
    for i in range(len(layer_ranks)):
        for j in range(i + 1, len(layer_ranks) + 1):
            array[i, j] = min(layer_ranks[i:j])
    return array


def collapse(
    widths: Sequence[int], ranks: RankArray
) -> tuple[tuple[int, ...], dict[tuple[int, int], int]]:
    """Remove what is regular at the point: the common rank, then every node that is smooth.

    1. The rank r of the whole product splits off: widths and ranks become ``H_i - r``,
       ``r_ij - r``, and ``r (H_0 + H_L - r)`` regular coordinates leave.
    2. At a hidden node k where the layer before is injective or the layer after is surjective,
       ``(W_{k+1}, W_k) -> W_{k+1} W_k`` is a submersion, so the two layers count as one.

    The two-layer chain or the zero point that may be left over has a proved closed form.

    Args:
        widths: ``H_0 .. H_L``.
        ranks: an admissible array for them.

    Returns:
        The widths and the array of the chain that is left, with product rank 0.
    """
    rank = ranks[0, len(widths) - 1]
    nodes = list(range(len(widths)))
    left = {(i, i): h - rank for i, h in enumerate(widths)}
    left.update({pair: value - rank for pair, value in ranks.items()})
    position = 1
    while position < len(nodes) - 1:
        before, node, after = nodes[position - 1 : position + 2]
        if left[before, node] == left[before, before] or left[node, after] == left[after, after]:
            # The neighbour on the left sees a new layer after it, so look at it again.
            del nodes[position]
            position = max(1, position - 1)
        else:
            position += 1
    kept = {(a, b): left[nodes[a], nodes[b]] for a, b in combinations(range(len(nodes)), 2)}
    return tuple(left[node, node] for node in nodes), kept
