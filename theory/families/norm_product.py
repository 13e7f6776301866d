"""Products of powers of norms of disjoint blocks of variables."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import rational, sequence
from theory.coefficient import RLCT, Step, known


def norm_product(dims: Sequence[int | Fraction], powers: Sequence[int | Fraction]) -> RLCT:
    """Return the coefficient at the origin of ``K = prod_i |w_i|^(2 p_i)``, ``w_i`` in R^d_i.

    Formula: ``lambda = min_i d_i / (2 p_i)``; ``m`` is the number of blocks that attain it. In
    polar coordinates the block i is the monomial ``rho^(2 p_i)`` under the prior
    ``rho^(d_i - 1)``, so a fractional ``d_i`` stands for a scalar with prior ``|w|^(d_i - 1)``.

    Args:
        dims: dimensions ``d_i > 0``, integers or fractions.
        powers: ``p_i > 0``, as many as ``dims``.

    Raises:
        ValueError: an inadmissible entry (a float included) or lengths that differ.

    Source: polar coordinates and watanabe2009, chapter 6.
    """
    sizes = _positive("dims", dims)
    halves = _positive("powers", powers)
    if len(sizes) != len(halves):
        raise ValueError(
            f"powers must have {len(sizes)} entries, one for each block, got {len(halves)}"
        )
    ratios = tuple(d / (2 * p) for d, p in zip(sizes, halves, strict=True))
    value = min(ratios)
    listed = ", ".join(str(ratio) for ratio in ratios)
    return known(
        value,
        ratios.count(value),
        "local",
        method="closed form",
        source="watanabe2009, chapter 6",
        conditions="at the origin, flat prior near it",
        proof=(
            Step("polar coordinates", "each block is rho^(2p) under the prior rho^(d-1)"),
            Step("normal crossing", f"d/(2p) is {listed}; least {value}", "watanabe2009"),
        ),
    )


def _positive(name: str, values: Sequence[int | Fraction]) -> tuple[Fraction, ...]:
    """Return a sequence of positive rationals."""
    entries = sequence(name, values)
    return tuple(rational(f"{name}[{i}]", x, 0, strict=True) for i, x in enumerate(entries))
