"""Compositions of convolutions: in a Fourier basis, or without zero divisors."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, integers, sequence
from theory.coefficient import RLCT, Step, known

_SOURCE = "watanabe2009, normal crossings and sums"


def circular_convolution(length: int, depth: int, vanishing: Sequence[int] | None = None) -> RLCT:
    """Return the least coefficient of D composed circular convolutions of length d.

    Formula: ``lambda = d/2``, ``m = 1 + (D-1) v`` with v the number of real frequencies plus the
    number of conjugate pairs at which the true filter vanishes. The Fourier transform turns K
    into a sum over frequencies of ``|z_1 ... z_D - c|^2``: real ones have one dimension, pairs
    two, and both have ratio 1/2 a dimension, with multiplicity D when ``c = 0``.

    Args:
        length: d, length of every filter and of the signal, at least 1.
        depth: D, number of filters, at least 1.
        vanishing: how many real frequencies (of 1 for odd d, 2 for even d) and how many conjugate
            pairs vanish in the true filter; None when all do (zero filter).

    Raises:
        ValueError: a number is out of range or vanishing does not have two entries.

    Source: watanabe2009 (normal crossings).
    """
    length = integer("length", length, 1)
    depth = integer("depth", depth, 1)
    real = 2 - length % 2
    pairs = (length - real) // 2
    if vanishing is None:
        zeros = (real, pairs)
    else:
        entries = sequence("vanishing", vanishing)
        if len(entries) != 2:
            raise ValueError(
                "vanishing must have 2 entries, real frequencies and conjugate pairs,"
                f" got {len(entries)}"
            )
        zeros = (
            integer("vanishing[0]", entries[0], 0, real),
            integer("vanishing[1]", entries[1], 0, pairs),
        )
    value = Fraction(length, 2)
    order = 1 + (depth - 1) * sum(zeros)
    return known(
        value,
        order,
        "global",
        method="Fourier transform",
        source=_SOURCE,
        conditions=f"minimum over all true filters, attained where all {depth} filters vanish at"
        f" the frequencies of the truth: {zeros[0]} of {real} real ones, {zeros[1]} of {pairs}"
        " pairs; inputs of full second moment",
        proof=(
            Step("Fourier transform", f"{real} real frequencies and {pairs} pairs decouple"),
            Step(
                "normal crossing",
                f"|z_1 ... z_{depth}|^2 has 1/2 or 1 with m = {depth} at {sum(zeros)} of them;"
                " the others are regular",
                "watanabe2009",
            ),
        ),
    )


def linear_convolution_zero(lengths: Sequence[int]) -> RLCT:
    """Return the least coefficient of composed linear convolutions with zero truth.

    Formula: ``lambda = (least length)/2``, ``m`` = number of filters of that length, at the point
    where all filters vanish. Polynomials have no zero divisors, so by compactness
    ``|a_1 * ... * a_D|`` lies between positive multiples of ``|a_1| ... |a_D|``.

    Args:
        lengths: number of coefficients of each filter, at least 1.

    Raises:
        ValueError: a length is not a positive integer.

    Source: watanabe2009 (normal crossings in polar coordinates).
    """
    sizes = integers("lengths", lengths, 1)
    least = min(sizes)
    return known(
        Fraction(least, 2),
        sizes.count(least),
        "global",
        method="norm product",
        source=_SOURCE,
        conditions="minimum over all true filters, attained where all of them vanish; zero truth",
        proof=(
            Step("no zero divisors", "|a_1 * ... * a_D| ~ |a_1| ... |a_D|"),
            Step(
                "polar coordinates", f"ratios length/2, least {Fraction(least, 2)}", "watanabe2009"
            ),
        ),
    )
