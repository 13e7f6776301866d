"""Deep linear networks ``y = W_L ... W_1 x``: least coefficient and coefficient at a point.

``W_k`` has shape ``H_k x H_{k-1}``; ``widths`` is ``H_0 .. H_L``, input first; r is the rank of the
true map. The loss is a regular likelihood of the map (squared error), without biases, with inputs
of full second moment. The least coefficient over all true parameters is attained where every
partial product has rank r; elsewhere the coefficient depends on the ranks of all partial products
and can be larger.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known
from theory.families.chain_descent import descend
from theory.families.rank_array import (
    RankArray,
    admissible_ranks,
    balanced_ranks,
    collapse,
    generic_ranks,
)

_GLOBAL_SOURCE = "aoyagi2024, main theorem"
_LOCAL_SOURCE = "lehalleur2024, quadratic integer program, with abeasis1985"


def deep_linear_global(widths: Sequence[int], rank: int) -> RLCT:
    """Return the least coefficient over all true parameters in closed form.

    Formula: sort ``M_k = H_k - r``. There is a unique l in 1..L such that the sum S of the l+1
    smallest satisfies ``S >= l max`` over them and ``S < l next``, the next larger one. With
    ``M = ceil(S/l)`` and ``a = S - (M-1) l``,
    ``lambda = r(H_0+H_L-r)/2 + a(l-a)/(4l) - l(l-1)(S/l)^2/4 + (1/2) sum_{i<j} M_i M_j`` over the
    l+1 smallest, and ``m = a(l-a) + 1``.

    Args:
        widths: ``H_0 .. H_L``, at least two of them, each at least 1.
        rank: r, between 0 and the least width.

    Raises:
        ValueError: a width is not a positive integer or the rank exceeds a width.

    Source: aoyagi2024, main theorem; also stated in lau2025.
    """
    sizes = integers("widths", widths, 1, shortest=2)
    r = integer("rank", rank, 0, min(sizes))
    smallest, total = _active_widths(sorted(h - r for h in sizes))
    layers = len(smallest) - 1
    ceiling = -(-total // layers)
    a = total - (ceiling - 1) * layers
    pairs = (total * total - sum(x * x for x in smallest)) // 2
    value = (
        Fraction(r * (sizes[0] + sizes[-1] - r), 2)
        + Fraction(a * (layers - a), 4 * layers)
        - Fraction((layers - 1) * total * total, 4 * layers)
        + Fraction(pairs, 2)
    )
    order = a * (layers - a) + 1
    return known(
        value,
        order,
        "global",
        method="closed form",
        source=_GLOBAL_SOURCE,
        conditions=f"minimum over all true parameters of the linear network {list(sizes)} with true"
        f" rank {r}; attained where all partial products have rank {r};"
        " inputs of full second moment",
        proof=(
            Step(
                "closed form",
                f"l = {layers}, S = {total}, M = {ceiling}, a = {a}: lambda = {value}, m = {order}",
                _GLOBAL_SOURCE,
            ),
        ),
    )


def deep_linear_local(widths: Sequence[int], ranks: Mapping[tuple[int, int], int]) -> RLCT:
    """Return the coefficient at a true parameter with the given ranks of partial products.

    Formula: ``2 lambda = r(H_0+H_L-r) + min sum_k (x_{k-1} - x_k)(H_k - x_k)`` over integers
    ``H_0 = x_0 >= ... >= x_L = r = r_0L`` with ``r_ij <= H_i - x_i + x_j`` for all ``i < j``;
    ``m`` is the length of the longest increasing sequence of minimisers. The minimum is the
    least codimension among the strata of true parameters that pass through the point.

    The multiplicity is marked provisional unless removing the product's rank and the nodes with
    an injective layer before or a surjective layer after leaves two layers, or the zero point,
    where the published theorems apply.

    Args:
        widths: ``H_0 .. H_L``, at least two of them, each at least 1.
        ranks: ``r_ij = rank(W_j ... W_{i+1})`` for every pair ``0 <= i < j <= L``.

    Raises:
        ValueError: a width is not a positive integer, a pair is missing or unknown, or no chain
            of matrices has these ranks; the message names the pair.

    Source: lehalleur2024 (strata and their codimensions), abeasis1985 (which strata meet at the
    point); solved exactly by discrete convex descent (murota2003).
    """
    sizes = integers("widths", widths, 1, shortest=2)
    return _at_point(sizes, admissible_ranks(sizes, ranks))


def deep_linear_generic(widths: Sequence[int], layer_ranks: Sequence[int]) -> RLCT:
    """Return the coefficient where the layers are independent and generic of the given ranks.

    Formula: ``deep_linear_local`` with ``r_ij = min(layer_ranks of i+1..j)``.

    Args:
        widths: ``H_0 .. H_L``, at least two of them, each at least 1.
        layer_ranks: rank of ``W_1 .. W_L``; each at most the two widths beside its layer.

    Raises:
        ValueError: a width or a rank is inadmissible or their numbers do not match.

    Source: as ``deep_linear_local``; this is how lau2025 draws its true parameters.
    """
    sizes = integers("widths", widths, 1, shortest=2)
    given = integers("layer_ranks", layer_ranks, 0)
    if len(given) != len(sizes) - 1:
        raise ValueError(
            f"layer_ranks must have {len(sizes) - 1} entries, one for each layer, got {len(given)}"
        )
    for k, rank in enumerate(given):
        integer(f"layer_ranks[{k}]", rank, 0, min(sizes[k], sizes[k + 1]))
    return _at_point(sizes, generic_ranks(given))


def _active_widths(ordered: Sequence[int]) -> tuple[list[int], int]:
    """Return the l+1 smallest reduced widths that decide the closed form, and their sum."""
    total = ordered[0]
    for count in range(1, len(ordered)):
        total += ordered[count]
        last = count + 1 == len(ordered)
        if total >= count * ordered[count] and (last or total < count * ordered[count + 1]):
            return list(ordered[: count + 1]), total
    # Unreachable: S >= l next at one l gives S >= l max at the following one, up to the last.
    raise AssertionError(f"no admissible prefix in {list(ordered)}")


# Half the codimension of a smooth stratum through the point is always an upper bound.
_UNPROVED = (
    "; three or more layers away from the zero point: that no pole is smaller rests on comparison"
    " with the solver and between three programs, not on a proof"
)


def _at_point(widths: tuple[int, ...], ranks: RankArray) -> RLCT:
    """Solve the chain program at a checked rank array and say how sure the multiplicity is."""
    depth = len(widths) - 1
    rank = ranks[0, depth]
    cost, chain, order = descend(widths, ranks)
    regular = rank * (widths[0] + widths[-1] - rank)
    core, core_ranks = collapse(widths, ranks)
    proved = len(core) <= 3 or not any(core_ranks.values())
    balanced = dict(ranks) == balanced_ranks(depth, rank)
    point = "where every partial product has that rank" if balanced else "at the given rank array"
    return known(
        Fraction(regular + cost, 2),
        order,
        "local",
        method="chain program",
        source=_LOCAL_SOURCE,
        conditions=f"linear network {list(widths)} with true rank {rank}, {point};"
        " inputs of full second moment" + ("" if proved else _UNPROVED),
        proof=(
            Step("product rank", f"{regular} regular coordinates from rank {rank}"),
            Step(
                "chain program",
                f"least codimension {cost}, first attained by the chain {list(chain)};"
                f" {order} minimisers in a longest sequence",
                _LOCAL_SOURCE,
            ),
            Step(
                "collapse",
                f"what is left after the smooth nodes has widths {list(core)}; multiplicity"
                f" {'covered by the published theorems' if proved else 'provisional'}",
                "aoyagi2005, aoyagi2024" if proved else "",
            ),
        ),
        multiplicity_provisional=not proved,
    )
