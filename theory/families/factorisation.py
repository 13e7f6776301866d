"""Factorisations that reduce to linear networks or to positive quadratic forms."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, integers
from theory.coefficient import RLCT, Step, known
from theory.combine import equivalent
from theory.families.deep_linear import deep_linear_global

_GRAM = "watanabe2009, quasi-homogeneous germs after an implicit function"


def softmax_linear(widths: Sequence[int], rank: int) -> RLCT:
    """Return the least coefficient of a linear network with a softmax output.

    Formula: ``deep_linear_global`` with the last width lowered by one. The softmax forgets the mean
    of the logits, and its Fisher information is positive on the centred ones, so
    ``K ~ |P (W - W*)|^2`` with P the projection off the constant vector; P W_L is a free matrix
    with ``H_L - 1`` rows.

    Args:
        widths: ``H_0 .. H_L``, input first; the last, the number of classes, at least 2.
        rank: rank of the centred true map ``P W*``, at most every width and ``H_L - 1``.

    Raises:
        ValueError: a width or the rank is inadmissible.

    Source: aoyagi2024, main theorem, for the centred network.
    """
    sizes = integers("widths", widths, 1, shortest=2)
    last = len(sizes) - 1
    classes = integer(f"widths[{last}]", sizes[last], 2)
    centred = (*sizes[:last], classes - 1)
    r = integer("rank", rank, 0, min(centred))
    return equivalent(
        deep_linear_global(centred, r),
        f"softmax over {classes} classes sees the centred logits only: widths {list(centred)}",
    )


def symmetric_factorisation(size: int, columns: int, rank: int) -> RLCT:
    """Return the coefficient of ``K = |W W^T - S|^2``, W of shape N x H, S of rank r.

    Formula: ``lambda = [rN - r(r-1)/2]/2 + (N-r)(H-r)/4``, ``m = 1``, at every true W. In a basis
    where S lives on the first r coordinates, the upper r rows of W hold ``rN - r(r-1)/2``
    regular coordinates, and what is left is ``E M E^T`` with M positive definite and E of shape
    ``(N-r) x (H-r)``: it is of the size of ``|E|^2`` and so contributes ``|E|^4``.

    Args:
        size: N, rows of W, at least 1.
        columns: H, columns of W, at least 1.
        rank: r, rank of S, between 0 and min(N, H).

    Raises:
        ValueError: a size is not a positive integer or the rank exceeds one.

    Source: the elimination above.
    """
    n = integer("size", size, 1)
    h = integer("columns", columns, 1)
    r = integer("rank", rank, 0, min(n, h))
    regular = r * n - r * (r - 1) // 2
    rest = (n - r) * (h - r)
    value = Fraction(regular, 2) + Fraction(rest, 4)
    return known(
        value,
        1,
        "local",
        method="elimination",
        source=_GRAM,
        conditions=f"at every W ({n} x {h}) with W W^T = S of rank {r}, so it is also the least",
        proof=(
            Step("implicit functions", f"{regular} regular coordinates"),
            Step("quasi-homogeneous", f"|E|^4 in {rest} coordinates", "watanabe2009"),
        ),
    )


def phase_retrieval(dim: int, true_zero: bool) -> RLCT:
    """Return the coefficient of ``y = (w . x)^2`` with w in R^dim.

    Formula: ``dim/4`` when the true w is zero (``K ~ |w|^4``) and ``dim/2`` otherwise; ``m = 1``.
    The quadratic form of x determines ``w w^T``, so ``K ~ |w w^T - w* w*^T|^2``: one column of
    ``symmetric_factorisation``.

    Args:
        dim: dimension of w, at least 1.
        true_zero: whether the true w is the origin.

    Raises:
        ValueError: dim is not a positive integer or true_zero is no boolean.

    Source: as ``symmetric_factorisation``; inputs whose fourth moments are nondegenerate.
    """
    dim = integer("dim", dim, 1)
    if not isinstance(true_zero, bool):
        raise ValueError(f"true_zero must be True or False, got {true_zero!r}")
    return equivalent(
        symmetric_factorisation(dim, 1, 0 if true_zero else 1),
        "(w.x)^2 determines w w^T: a symmetric factorisation with one column",
    )
