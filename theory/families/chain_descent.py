"""The chain program solved by steepest descent with minimum cuts: exact, for any width.

The cost ``sum_k (x_{k-1} - x_k)(H_k - x_k)`` is, up to linear terms, half of
``sum_k (x_{k-1} - x_k)^2`` plus squares of its end points, and every condition bounds a
difference: the program is L-natural-convex. Then a point that no step ``x + 1_S`` or ``x - 1_S``
improves is a minimum (murota2003, theorem 7.14), the best S is a minimum cut, and long steps
``2^p`` first make the number of cuts logarithmic in the widths.
"""

from collections.abc import Sequence

from theory.families.chain_program import Chain, chain_cost
from theory.families.minimum_cut import CutLattice, minimise_set_function
from theory.families.rank_array import RankArray

Bounds = dict[tuple[int, int], int]


def descend(widths: Sequence[int], ranks: RankArray) -> tuple[int, Chain, int]:
    """Return the least cost, the least chain that attains it, and the multiplicity.

    Formula: minimise ``sum_k (x_{k-1} - x_k)(H_k - x_k)`` over integers with ``x_0 = H_0``,
    ``x_L = r_0L``, ``x_k <= x_{k-1}``, ``x_k <= H_k`` and ``r_ij <= H_i - x_i + x_j``. The
    minimisers form a distributive lattice, all of whose maximal sequences have the same length:
    the multiplicity.

    Args:
        widths: ``H_0 .. H_L``.
        ranks: an admissible rank array for them; it is not checked again.

    Source: murota2003, sections 7.3 and 10.3.
    """
    depth = len(widths) - 1
    bounds = _difference_bounds(widths, ranks)
    # The ranks of W_k ... W_1 at the point itself are feasible, by the inequality of Frobenius.
    chain = (widths[0], *(ranks[0, k] for k in range(1, depth + 1)))
    step = 1 << max(widths).bit_length()
    while step:
        chain = _settle(widths, bounds, chain, step)
        step //= 2
    least = _bottom(widths, bounds, chain)
    return chain_cost(widths, least), least, 1 + _height(widths, bounds, least)


def _difference_bounds(widths: Sequence[int], ranks: RankArray) -> Bounds:
    """Return ``c_ij`` with ``x_i - x_j <= c_ij``.

    ``x_k <= H_k`` needs no bound of its own: it follows from the pair (k, L), as r_kL >= r_0L.
    """
    bounds = {(i, j): widths[i] - rank for (i, j), rank in ranks.items()}
    bounds.update({(k, k - 1): 0 for k in range(1, len(widths))})
    return bounds


def _settle(widths: Sequence[int], bounds: Bounds, chain: Chain, step: int) -> Chain:
    """Take steps of one length, up or down, until none of them lowers the cost."""
    while True:
        up = _best_set(widths, bounds, chain, step)
        down = _best_set(widths, bounds, chain, -step)
        if min(up.value, down.value) >= 0:
            return chain
        if up.value <= down.value:
            chain = _shift(chain, up.least, step)
        else:
            chain = _shift(chain, down.least, -step)


def _bottom(widths: Sequence[int], bounds: Bounds, chain: Chain) -> Chain:
    """Walk from any minimiser down to the least one."""
    while True:
        down = _best_set(widths, bounds, chain, -1).greatest
        if not down:
            return chain
        chain = _shift(chain, down, -1)


def _height(widths: Sequence[int], bounds: Bounds, chain: Chain) -> int:
    """Count the covers on a maximal walk from the least minimiser to the greatest."""
    covers = 0
    while True:
        up = _best_set(widths, bounds, chain, 1)
        if not up.greatest:
            return covers
        covers += up.height
        chain = _shift(chain, up.greatest, 1)


def _best_set(widths: Sequence[int], bounds: Bounds, chain: Chain, step: int) -> CutLattice:
    """Minimise ``cost(x + step 1_S) - cost(x)`` over the sets S that keep x feasible."""
    depth = len(widths) - 1
    square = step * step
    weights = [0] * (depth + 1)
    for k in range(1, depth):
        slope = 2 * chain[k] - chain[k - 1] - chain[k + 1] - widths[k] + widths[k + 1]
        # Both neighbours' pair terms -step^2 [k in S][k+1 in S] are split into a unary part at k
        # and a penalty for k in S without k+1.
        weights[k] = step * slope + square - (square if k + 1 < depth else 0)
    separation = {(k, k + 1): square for k in range(1, depth - 1)}
    size = abs(step)
    implications = [
        (i, j) if step > 0 else (j, i)
        for (i, j), bound in bounds.items()
        if chain[i] - chain[j] + size > bound
    ]
    return minimise_set_function(weights, separation, implications, (0, depth))


def _shift(chain: Chain, nodes: frozenset[int], step: int) -> Chain:
    """Return ``x + step 1_S``."""
    return tuple(x + step if k in nodes else x for k, x in enumerate(chain))
