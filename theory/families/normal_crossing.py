"""Monomial potentials, the normal form that a resolution of singularities leads to."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integer, rational, sequence
from theory.coefficient import RLCT, Step, known


def normal_crossing(
    exponents: Sequence[int | Fraction],
    prior: Sequence[int | Fraction] | None = None,
    vanishing: Sequence[int] | Sequence[bool] | None = None,
) -> RLCT:
    """Return the coefficient of ``K = prod |w_i|^k_i`` under the prior ``prod |w_i|^h_i``.

    Formula: ``lambda = min (h_i + 1) / k_i`` over the coordinates that are zero at the point and
    have ``k_i > 0``; ``m`` is the number of coordinates that attain the minimum.

    Args:
        exponents: ``k_i >= 0``, the exponents of K itself (``(w1 w2)^2`` is ``(2, 2)``).
        prior: ``h_i > -1``, as many as ``exponents``; None for a flat prior.
        vanishing: indices of the coordinates that are zero at the point, or one boolean for each
            coordinate; None for the origin.

    Raises:
        ValueError: an inadmissible entry, a length that differs, or a point where K is not zero.

    Source: watanabe2009, chapter 6.
    """
    powers = tuple(
        rational(f"exponents[{i}]", k, 0) for i, k in enumerate(sequence("exponents", exponents))
    )
    dim = len(powers)
    densities = _prior(prior, dim)
    zeros = _zeros(vanishing, dim)
    ratios = {i: (densities[i] + 1) / powers[i] for i in zeros if powers[i] > 0}
    if not ratios:
        raise ValueError(
            f"vanishing must hold a coordinate with a positive exponent, got {vanishing!r} with"
            f" exponents {exponents!r}: K is not zero at the point"
        )
    value = min(ratios.values())
    ties = tuple(i for i, ratio in ratios.items() if ratio == value)
    listed = ", ".join(f"w_{i + 1}: {ratio}" for i, ratio in ratios.items())
    return known(
        value,
        len(ties),
        "local",
        method="closed form",
        source="watanabe2009, chapter 6",
        conditions="at the origin" if vanishing is None else f"where only {zeros} vanish",
        proof=(Step("normal crossing", f"(h+1)/k is {listed}; least {value}", "watanabe2009"),),
    )


def _prior(prior: Sequence[int | Fraction] | None, dim: int) -> tuple[Fraction, ...]:
    """Return the exponents of the prior, zeros when none is given."""
    if prior is None:
        return (Fraction(0),) * dim
    entries = sequence("prior", prior)
    if len(entries) != dim:
        raise ValueError(
            f"prior must have {dim} entries, one for each exponent, got {len(entries)}"
        )
    return tuple(rational(f"prior[{i}]", h, -1, strict=True) for i, h in enumerate(entries))


def _zeros(vanishing: Sequence[int] | Sequence[bool] | None, dim: int) -> tuple[int, ...]:
    """Return the sorted indices of the coordinates that vanish at the point."""
    if vanishing is None:
        return tuple(range(dim))
    entries = sequence("vanishing", vanishing, shortest=0)
    if entries and all(isinstance(entry, bool) for entry in entries):
        if len(entries) != dim:
            raise ValueError(
                f"vanishing must have {dim} booleans, one for each exponent, got {len(entries)}"
            )
        return tuple(i for i, entry in enumerate(entries) if entry)
    indices = {integer(f"vanishing[{j}]", entry, 0, dim - 1) for j, entry in enumerate(entries)}
    return tuple(sorted(indices))
