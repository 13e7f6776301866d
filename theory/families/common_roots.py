"""Products of two polynomials near a pair with common roots."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from theory.checks import integers, sequence
from theory.coefficient import RLCT, Step

_SOURCE = "watanabe2009, weighted blow-ups"


class _Germ(NamedTuple):
    """Bounds of 2 lambda for one real common root, and the multiplicity if known."""

    lower: Fraction
    upper: Fraction
    multiplicity: int | None


def linear_convolution_common_roots(
    lengths: Sequence[int],
    real_common: Sequence[Sequence[int]] = (),
    complex_common: Sequence[Sequence[int]] = (),
) -> RLCT:
    """Return the coefficient of ``K = |a * b - c|^2``, c nonzero, at filters with common roots.

    Multiplication of coprime polynomials is a submersion up to one scale, so
    ``lambda = (p+q-1)/2`` without common roots, and every common root is a separate germ
    ``A B - x^(i+j)`` with A, B monic of degrees ``i <= j`` near ``x^i, x^j``. Formula for
    ``2 lambda`` of that germ, against i+j in the regular case:

    - i = 1: ``j + 1/(j+1)``, m = 1 (what is left after eliminating B is ``a^(j+1)``);
    - i = 2: ``j + 3/(j+1)``, m = 1, and ``3, m = 2`` for j = 2 (what is left are two
      quasi-homogeneous polynomials of weights j+1, j+2 in coordinates of weights 1, 2);
    - i >= 3: between ``j + i(i+1)/(2(i+j))`` and
      ``min_l n + [l(l+1)/2 - ij]/(n-l)``, n = i+j, 0 <= l < n (volume of the products with all
      roots of one size when l of the coefficients are small to their own weight).

    A pair of conjugate common roots has the same germ over the complex numbers: twice the value,
    same m. So a simple real root costs 1/4 and a simple pair 1/2.

    Args:
        lengths: numbers of coefficients p of a and q of b. A polynomial of lower degree has the
            root infinity, which counts as a real root.
        real_common: for each real common root its multiplicities in a and in b.
        complex_common: the same for each pair of conjugate common roots.

    Raises:
        ValueError: not two lengths, a multiplicity below 1, or more roots than the degree.

    Source: the elimination above and weighted blow-ups (watanabe2009).
    """
    sizes = integers("lengths", lengths, 1, shortest=2)
    if len(sizes) != 2:
        raise ValueError(f"lengths must have 2 entries, one for each filter, got {len(sizes)}")
    real = _pairs("real_common", real_common)
    paired = _pairs("complex_common", complex_common)
    for side, size in enumerate(sizes):
        used = sum(pair[side] for pair in real) + 2 * sum(pair[side] for pair in paired)
        if used > size - 1:
            raise ValueError(
                f"real_common and complex_common use {used} roots of filter {side + 1},"
                f" allowed are {size - 1}, its length minus 1"
            )
    germs = [_germ(*pair) for pair in real]
    double = [_germ(*pair) for pair in paired]
    regular = sum(sizes) - 1 - sum(map(sum, real)) - 2 * sum(map(sum, paired))
    lower = (regular + sum(g.lower for g in germs) + 2 * sum(g.lower for g in double)) / Fraction(2)
    upper = (regular + sum(g.upper for g in germs) + 2 * sum(g.upper for g in double)) / Fraction(2)
    orders = [g.multiplicity for g in (*germs, *double)]
    known_orders = [order for order in orders if order is not None]
    order = 1 + sum(m - 1 for m in known_orders) if len(known_orders) == len(orders) else None
    return RLCT(
        lower=lower,
        upper=upper,
        multiplicity=order,
        scope="local",
        method="elimination",
        source=_SOURCE,
        conditions=f"at a pair of filters of lengths {list(sizes)} with nonzero product; common"
        f" real roots {list(real)}, common complex pairs {list(paired)}"
        + ("" if order else "; only bounds where a root has multiplicity 3 or more in both"),
        proof=(
            Step("factorisation", f"{regular} regular coordinates; the common roots decouple"),
            *(
                Step(
                    "common root",
                    f"multiplicities {pair}: 2 lambda in [{g.lower}, {g.upper}],"
                    f" m = {g.multiplicity}",
                    "watanabe2009",
                )
                for pair, g in zip((*real, *paired), (*germs, *double), strict=True)
            ),
        ),
    )


def _pairs(name: str, values: Sequence[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Return a sequence of pairs of multiplicities."""
    pairs = []
    for k, entry in enumerate(sequence(name, values, shortest=0)):
        pair = integers(f"{name}[{k}]", entry, 1)
        if len(pair) != 2:
            raise ValueError(f"{name}[{k}] must have 2 entries, a pair, got {len(pair)}")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _germ(first: int, second: int) -> _Germ:
    """Return 2 lambda of ``A B - x^(i+j)``."""
    i, j = sorted((first, second))
    if i == 1:
        return _Germ(j + Fraction(1, j + 1), j + Fraction(1, j + 1), 1)
    if i == 2:
        # The zeros of the leading polynomial on the exceptional divisor, of ratio 3/(j+1), need a
        # second blow-up of ratio 4/(j+2): a tie for j = 2 only.
        return _Germ(j + Fraction(3, j + 1), j + Fraction(3, j + 1), 2 if j == 2 else 1)
    n = i + j
    upper = min(n + Fraction(k * (k + 1) - 2 * i * j, 2 * (n - k)) for k in range(n))
    return _Germ(j + Fraction(i * (i + 1), 2 * n), upper, None)
