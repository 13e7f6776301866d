"""Sums of rank-one tensors."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known


def rank_one_tensor(dims: Sequence[int]) -> RLCT:
    """Return the least coefficient of ``u_1 x ... x u_k`` (outer product) when the truth is zero.

    Formula: ``K = |u_1|^2 ... |u_k|^2``, so ``lambda = (least dimension)/2`` and ``m`` is the
    number of factors of that dimension, where all factors vanish. For a nonzero truth see
    ``identifiable_cp`` with rank 1.

    Args:
        dims: dimensions of the factors, at least 1.

    Raises:
        ValueError: a dimension is not a positive integer.

    Source: watanabe2009 (normal crossings in polar coordinates).
    """
    sizes = integers("dims", dims, 1)
    least = min(sizes)
    return known(
        Fraction(least, 2),
        sizes.count(least),
        "global",
        method="norm product",
        source="watanabe2009, normal crossings",
        conditions="minimum over all true factors, attained where all of them vanish; zero truth",
        proof=(
            Step("norms", "the norm of an outer product is the product of the norms"),
            Step("polar coordinates", f"ratios {[f'{d}/2' for d in sizes]}", "watanabe2009"),
        ),
    )


def identifiable_cp(dims: Sequence[int], rank: int) -> RLCT:
    """Return the coefficient of a sum of R rank-one tensors at generic identifiable factors.

    Formula: ``lambda = R (sum d_i - k + 1)/2``, ``m = 1``. By Kruskal's theorem generic factors are
    unique up to order and scales when ``sum_i min(d_i, R) >= 2R + k - 1``; a generic fibre of
    dimension ``R (k-1)``, the scales, is smooth and the map is a submersion across it.

    Args:
        dims: dimensions ``d_1 .. d_k``; at least three factors unless the rank is 1.
        rank: R, the rank of the truth and the number of terms of the model, at least 1.

    Raises:
        ValueError: an entry is not a positive integer, or Kruskal's condition fails.

    Source: kruskal1977; sidiropoulos2000 for more than three factors.
    """
    sizes = integers("dims", dims, 1)
    terms = integer("rank", rank, 1)
    order = len(sizes)
    if terms > 1:
        integers("dims", dims, 1, shortest=3)
        kruskal, needed = sum(min(d, terms) for d in sizes), 2 * terms + order - 1
        if kruskal < needed:
            raise ValueError(
                f"rank must satisfy sum_i min(dims[i], rank) >= 2 rank + {order - 1}, got {rank!r}"
                f" with dims {sizes!r}: {kruskal} < {needed}, not identifiable by Kruskal's theorem"
            )
    regular = terms * (sum(sizes) - order + 1)
    return known(
        Fraction(regular, 2),
        1,
        "global",
        method="regular up to scales",
        source="kruskal1977, uniqueness theorem, with sidiropoulos2000",
        conditions="at generic true factors with as many terms as the rank of the truth; the same"
        " at every true parameter, since these differ by order and scales",
        proof=(
            Step("uniqueness", "factors unique up to order and scales", "kruskal1977"),
            Step("regular", f"{regular} coordinates across the smooth fibre", "watanabe2009"),
        ),
    )
