"""Reduced-rank regression: two linear layers ``y = B A x``, globally and at a given point.

``A`` is hidden x inputs, ``B`` is outputs x hidden, and the true map ``B* A*`` has rank r. The
loss is a regular likelihood of the map (squared error) with inputs of full second moment.
"""

from fractions import Fraction

from theory.checks import integer
from theory.coefficient import RLCT, Step, known

_SOURCE = "aoyagi2005, main theorem"


def reduced_rank_global(inputs: int, hidden: int, outputs: int, rank: int) -> RLCT:
    """Return the least coefficient over all pairs (A, B) with the true product.

    Formula, with M inputs, H hidden, N outputs and rank r:

    1. ``N+r <= M+H``, ``M+r <= N+H``, ``H+r <= M+N``: with
       ``t = 2(H+r)(M+N) + 2MN - (H+r)^2 - M^2 - N^2``, ``lambda = t/8, m = 1`` when M+H+N+r is
       even and ``lambda = (t+1)/8, m = 2`` when it is odd;
    2. ``M+H < N+r``: ``lambda = (HM - Hr + Nr)/2``, m = 1;
    3. ``N+H < M+r``: ``lambda = (HN - Hr + Mr)/2``, m = 1;
    4. ``M+N < H+r``: ``lambda = MN/2``, m = 1.

    Args:
        inputs: M, at least 1.
        hidden: H, at least 1.
        outputs: N, at least 1.
        rank: r, between 0 and the least of the three.

    Raises:
        ValueError: a width is not a positive integer or the rank exceeds a width.

    Source: aoyagi2005, main theorem.
    """
    m_, h_, n_ = _widths(inputs, hidden, outputs)
    r = integer("rank", rank, 0, min(m_, h_, n_))
    value, order, case = _four_cases(m_, h_, n_, r)
    return known(
        value,
        order,
        "global",
        method="closed form",
        source=_SOURCE,
        conditions=f"minimum over all true parameters; {m_} inputs, {h_} hidden, {n_} outputs,"
        f" true rank {r}; inputs of full second moment",
        proof=(Step(f"reduced rank, case {case}", f"lambda = {value}, m = {order}", _SOURCE),),
    )


def reduced_rank_local(
    inputs: int, hidden: int, outputs: int, rank: int, rank_first: int, rank_second: int
) -> RLCT:
    """Return the coefficient at a pair (A, B) with ranks ``r + a`` and ``r + b``.

    Formula: ``lambda = [r(M+N-r) + a(N-r) + b(M-r) - ab]/2 + lambda_0`` where ``lambda_0`` (and
    ``m``) is the global value for ``M-r-a`` inputs, ``H-r-a-b`` hidden, ``N-r-b`` outputs, rank 0.
    The implicit function theorem removes the bracket's coordinates; what is left is a product
    ``B' A'`` near ``B' = 0, A' = 0`` in separate variables.

    Args:
        inputs: M, at least 1.
        hidden: H, at least 1.
        outputs: N, at least 1.
        rank: r, rank of the product B A.
        rank_first: rank of A, between r and min(M, H).
        rank_second: rank of B, between r and min(N, H), with rank A + rank B <= H + r.

    Raises:
        ValueError: no such pair of matrices exists; the message names the parameter.

    Source: the splitting above, then aoyagi2005, main theorem.
    """
    m_, h_, n_ = _widths(inputs, hidden, outputs)
    r = integer("rank", rank, 0, min(m_, h_, n_))
    a = integer("rank_first", rank_first, r, min(m_, h_)) - r
    # Sylvester: rank(BA) >= rank A + rank B - hidden.
    b = integer("rank_second", rank_second, r, min(n_, h_)) - r
    if a + b + r > h_:
        raise ValueError(
            f"rank_second must be an integer between {r} and {h_ - a} (rank_first + rank_second"
            f" is at most hidden + rank), got {rank_second!r}"
        )
    split = r * (m_ + n_ - r) + a * (n_ - r) + b * (m_ - r) - a * b
    rest, order, case = _four_cases(m_ - r - a, h_ - r - a - b, n_ - r - b, 0)
    value = Fraction(split, 2) + rest
    return known(
        value,
        order,
        "local",
        method="closed form",
        source=_SOURCE,
        conditions=f"at a point with rank A = {r + a}, rank B = {r + b}, rank BA = {r};"
        f" {m_} inputs, {h_} hidden, {n_} outputs; inputs of full second moment",
        proof=(
            Step("implicit functions", f"{split} regular coordinates give {Fraction(split, 2)}"),
            Step(f"reduced rank, case {case}", f"the rest gives {rest}, m = {order}", _SOURCE),
        ),
    )


def _widths(inputs: int, hidden: int, outputs: int) -> tuple[int, int, int]:
    """Return the three widths as positive integers."""
    return (
        integer("inputs", inputs, 1),
        integer("hidden", hidden, 1),
        integer("outputs", outputs, 1),
    )


def _four_cases(m_: int, h_: int, n_: int, r: int) -> tuple[Fraction, int, int]:
    """Return lambda, multiplicity and the number of the case; widths may be zero."""
    if m_ + h_ < n_ + r:
        return Fraction(h_ * m_ - h_ * r + n_ * r, 2), 1, 2
    if n_ + h_ < m_ + r:
        return Fraction(h_ * n_ - h_ * r + m_ * r, 2), 1, 3
    if m_ + n_ < h_ + r:
        return Fraction(m_ * n_, 2), 1, 4
    t = 2 * (h_ + r) * (m_ + n_) + 2 * m_ * n_ - (h_ + r) ** 2 - m_**2 - n_**2
    odd = (m_ + h_ + n_ + r) % 2
    return Fraction(t + odd, 8), 1 + odd, 1
