"""Minors of a matrix: the singular values give normal crossings."""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known

_SOURCE = "docampo2013"


def minors(p: int, q: int, k: int) -> RLCT:
    """Return the coefficient at ``A = 0`` of the sum of the squared k-minors of a p x q matrix.

    Formula: ``lambda = (1/2) min_{0 <= i < k} (p-i)(q-i)/(k-i)``; ``m`` is the number of i that
    attain it (at most two).

    Proof over the reals: the k-minors are, up to orthogonal factors, of the size of the product
    of the k largest singular values ``s_1 >= s_2 >= ...``, whose density is
    ``prod s_i^|q-p| prod_{i<j} (s_i^2 - s_j^2)``. With ``s_i = u_1 ... u_i`` this is a normal
    crossing: ``u_j`` has exponent ``2(k-j+1)`` in K and ``(p-j+1)(q-j+1) - 1`` in the density.

    Args:
        p: number of rows, at least 1.
        q: number of columns, at least 1.
        k: size of the minors, between 1 and min(p, q).

    Raises:
        ValueError: a size is not a positive integer or k exceeds p or q.

    Source: docampo2013; johnson2003 for the multiplier ideals.
    """
    p, q = integer("p", p, 1), integer("q", q, 1)
    k = integer("k", k, 1, min(p, q))
    ratios = [Fraction((p - i) * (q - i), 2 * (k - i)) for i in range(k)]
    value = min(ratios)
    return known(
        value,
        ratios.count(value),
        "local",
        method="singular values",
        source=_SOURCE,
        conditions=f"at the zero matrix, {k}-minors of {p} x {q}; also the least value over all"
        f" matrices of rank below {k}",
        proof=(
            Step("singular values", "K is the squared product of the k largest", _SOURCE),
            Step(
                "normal crossing",
                "rank at most i has ratio (p-i)(q-i)/(2(k-i)): "
                + ", ".join(f"{i}: {ratio}" for i, ratio in enumerate(ratios)),
                "watanabe2009",
            ),
        ),
    )


def gram_determinant(p: int, q: int) -> RLCT:
    """Return the coefficient of ``K = det(A A^T)`` for a p x q matrix A of rank below p.

    Formula: ``lambda = (q-p+1)/2``, ``m = 1``, at every zero of K. By Cauchy and Binet K is the sum
    of the squared maximal minors; near a matrix of rank r the ratios are ``(q-i)/2`` for
    ``i = r .. p-1``, all different.

    Args:
        p: number of rows, at least 1.
        q: number of columns, at least p (otherwise K vanishes identically).

    Raises:
        ValueError: a size is not a positive integer or q is below p.

    Source: docampo2013, as ``minors``.
    """
    p = integer("p", p, 1)
    q = integer("q", q, p)
    value = Fraction(q - p + 1, 2)
    return known(
        value,
        1,
        "local",
        method="singular values",
        source=_SOURCE,
        conditions=f"at every {p} x {q} matrix of rank below {p}, so it is also the least value",
        proof=(
            Step("Cauchy-Binet", "det(A A^T) is the sum of the squared maximal minors"),
            Step("normal crossing", f"ratios (q-i)/2, least for i = p-1: {value}", _SOURCE),
        ),
    )
