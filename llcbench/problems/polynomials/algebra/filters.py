"""Convolutions: circular ones, and products of polynomials with and without common roots."""

from functools import partial
from itertools import product
from math import prod

import numpy as np

from llcbench.problems.polynomials.algebra.definition import Definition, Maker, flat, minus
from theory.coefficient import RLCT
from theory.families import (
    circular_convolution,
    linear_convolution_common_roots,
    linear_convolution_zero,
)

# Distinct real roots, small ones first.
_ROOTS = (0, 1, -1, 2, -2, 3, -3)


def _circular(length: int, depth: int) -> Definition:
    names = [[f"f{layer}_{i}" for i in range(length)] for layer in range(depth)]
    truth = partial(circular_convolution, length=length, depth=depth)
    shifts = list(product(range(length), repeat=depth))
    generators = [
        "+".join("*".join(names[f][i] for f, i in enumerate(s)) for s in shifts
                 if sum(s) % length == target)
        for target in range(length)
    ]  # fmt: skip
    return Definition(
        flat(names), generators, [0] * (length * depth), truth,
        "attained where all filters vanish", truth,
        "In the Fourier basis a sum of crosses: every frequency can be carried by any layer.",
    )  # fmt: skip


def _filters(*lengths: int) -> Definition:
    """Return the squared coefficients of a product of polynomials, truth zero."""
    truth = partial(linear_convolution_zero, lengths=lengths)
    names = [[f"f{layer}_{i}" for i in range(size)] for layer, size in enumerate(lengths)]
    return Definition(
        flat(names), _coefficients(names), [0] * sum(lengths), truth,
        "attained where all filters vanish", truth,
        "No zero divisors: one of the filters must vanish, and chains must change which.",
    )  # fmt: skip


def _common(first: int, second: int, *pairs: int, conjugate: bool) -> Definition:
    """Return ``|a * b - c|^2`` at filters with common roots of the given multiplicities."""
    if len(pairs) % 2:
        raise ValueError("each common root has two multiplicities, one for each filter")
    common = [(pairs[k], pairs[k + 1]) for k in range(0, len(pairs), 2)]
    lengths = (first, second)
    truth = partial(_theorem, lengths, common, conjugate)
    truth()
    if conjugate and len(common) > 1:
        raise ValueError("at most one pair of conjugate common roots can be given")
    step = 2 if conjugate else 1
    left = [size - 1 - step * sum(pair[side] for pair in common)
            for side, size in enumerate(lengths)]  # fmt: skip
    shared = 0 if conjugate else len(common)
    if shared + sum(left) > len(_ROOTS):
        raise ValueError(f"at most {len(_ROOTS)} different real roots are available")
    own = (_ROOTS[shared : shared + left[0]], _ROOTS[shared + left[0] : shared + sum(left)])
    a, b = (_polynomial([pair[side] for pair in common], conjugate, own[side]) for side in (0, 1))
    names = [[f"a{i}" for i in range(first)], [f"b{i}" for i in range(second)]]
    target = np.convolve(a, b)
    generators = [
        minus(text, int(value)) for text, value in zip(_coefficients(names), target, strict=True)
    ]
    return Definition(
        flat(names), generators, [*a, *b], truth,
        "the least value over all ways to share the roots of the product between the filters",
        partial(_least, lengths, common, conjugate, sum(left)),
        "Common roots make the product degenerate; the gain between the filters is free.",
    )  # fmt: skip


def _theorem(lengths: tuple[int, int], common: list[tuple[int, int]], conjugate: bool) -> RLCT:
    if conjugate:
        coefficient = linear_convolution_common_roots(lengths, complex_common=common)
    else:
        coefficient = linear_convolution_common_roots(lengths, real_common=common)
    if not coefficient.exact:
        raise ValueError(f"only bounds are known for common roots of multiplicities {common}")
    return coefficient


def _least(
    lengths: tuple[int, int], common: list[tuple[int, int]], conjugate: bool, simple: int
) -> RLCT:
    """Return the least coefficient over all factors of the product of the given lengths."""
    size = 2 if conjugate else 1
    totals = [sum(pair) for pair in common]
    coefficients = []
    for shares in product(*(range(total + 1) for total in totals)):
        # The simple roots fill up the degree of the first filter.
        if 0 <= lengths[0] - 1 - size * sum(shares) <= simple:
            split = [(i, n - i) for i, n in zip(shares, totals, strict=True) if 0 < i < n]
            coefficients.append(_theorem(lengths, split, conjugate))
    return min(coefficients, key=lambda part: (part.value, -(part.multiplicity or 0)))


def _polynomial(powers: list[int], conjugate: bool, own: tuple[int, ...]) -> list[int]:
    """Return the coefficients of a product of common and own factors, leading one first."""
    factors = [[1, 0, 1]] * powers[0] if conjugate and powers else []
    if not conjugate:
        factors = [[1, -root] for root, n in zip(_ROOTS, powers, strict=False) for _ in range(n)]
    out = np.array([1])
    for factor in [*factors, *([1, -root] for root in own)]:
        out = np.convolve(out, factor)
    return [int(value) for value in out]


def _coefficients(names: list[list[str]]) -> list[str]:
    """Return the text of every coefficient of the product of polynomials."""
    sums: list[list[str]] = [[] for _ in range(sum(len(row) - 1 for row in names) + 1)]
    for index in product(*(range(len(row)) for row in names)):
        sums[sum(index)].append("*".join(row[i] for row, i in zip(names, index, strict=True)))
    return ["+".join(terms) for terms in sums]


_ROOTS_USAGE = "<length>-<length>[-<multiplicities>]"
_ROOTS_SIZE = (lambda a, b, *_: a + b, lambda a, b, *_: 2 * a * b)
MAKERS = {
    "convolution": Maker(_circular, "<length>-<depth>", lambda n, k: n * k, lambda n, k: k * n**k),
    "filters": Maker(_filters, "<lengths>", lambda *n: sum(n), lambda *n: len(n) * prod(n)),
    "roots": Maker(partial(_common, conjugate=False), _ROOTS_USAGE, *_ROOTS_SIZE),
    "conjugate": Maker(partial(_common, conjugate=True), _ROOTS_USAGE, *_ROOTS_SIZE),
}
NAMED = (
    "convolution-2-2",
    "convolution-4-2",
    "convolution-3-3",
    "filters-2-2",
    "filters-2-3",
    "filters-2-2-2",
    "roots-2-2",
    "roots-2-2-1-1",
    "roots-3-2-1-1",
    "roots-3-3-1-2",
    "roots-3-3-2-2",
    "roots-3-3-1-1-1-1",
    "conjugate-3-3-1-1",
)
