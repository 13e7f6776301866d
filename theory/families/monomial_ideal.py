"""Sums of squares of monomials: the Newton polyhedron decides."""

from collections.abc import Sequence
from fractions import Fraction

from theory.checks import integers, rational, sequence
from theory.coefficient import RLCT, Step, known
from theory.families.dual_cone import extreme_rays, minimal_points, rank

_SOURCE = "lin2017"


def monomial_ideal(
    generators: Sequence[Sequence[int]], prior: Sequence[int | Fraction] | None = None
) -> RLCT:
    """Return the coefficient at the origin of ``K = sum_j w^(2 a_j)`` under ``prod |w_i|^h_i``.

    Formula: ``lambda = (1/2) min{(h + 1) . u : u >= 0, a_j . u >= 1 for all j}`` and ``m`` is one
    more than the dimension of the set of minimisers u. The vertices of the admissible set are
    the normals of the facets of the Newton polyhedron; a toric map that refines its fan turns K
    into a monomial times a unit, because a sum of squares has no real zero off the coordinate
    hyperplanes.

    Args:
        generators: exponent vectors ``a_j`` of the monomials, natural numbers, of equal length.
        prior: ``h_i > -1``, one for each variable; None for a flat prior.

    Raises:
        ValueError: no generator, lengths that differ, an inadmissible entry, or a constant
            generator (K is then not zero at the origin).

    Source: lin2017; howald2001 for the complex threshold.
    """
    vectors = [
        integers(f"generators[{j}]", entries, 0)
        for j, entries in enumerate(sequence("generators", generators))
    ]
    dim = len(vectors[0])
    for j, vector in enumerate(vectors):
        if len(vector) != dim:
            raise ValueError(
                f"generators[{j}] must have {dim} entries, as generators[0], got {len(vector)}"
            )
        if not any(vector):
            raise ValueError(
                f"generators[{j}] must have a positive entry, got {vector!r}: a constant makes"
                " K positive at the origin"
            )
    density = _density(prior, dim)
    value, normals = _minimise(vectors, density)
    order = rank(normals)
    listed = ", ".join(str(normal) for normal in normals)
    return known(
        value,
        order,
        "local",
        method="Newton polyhedron",
        source=_SOURCE,
        conditions="at the origin; prior "
        + ("flat" if prior is None else f"monomial with exponents {list(map(str, prior))}"),
        proof=(
            Step("monomials", "no real zero off the coordinate hyperplanes", _SOURCE),
            Step(
                "Newton polyhedron",
                f"least (h+1).u over a_j.u >= 1 is {2 * value}, at the normals (w, c) {listed},"
                f" u = w/c; they span dimension {order}",
                _SOURCE,
            ),
        ),
    )


def _density(prior: Sequence[int | Fraction] | None, dim: int) -> tuple[Fraction, ...]:
    """Return ``h + 1``."""
    if prior is None:
        return (Fraction(1),) * dim
    entries = sequence("prior", prior)
    if len(entries) != dim:
        raise ValueError(f"prior must have {dim} entries, one a variable, got {len(entries)}")
    return tuple(1 + rational(f"prior[{i}]", h, -1, strict=True) for i, h in enumerate(entries))


def _minimise(
    vectors: Sequence[tuple[int, ...]], density: Sequence[Fraction]
) -> tuple[Fraction, list[tuple[int, ...]]]:
    """Return lambda and the facet normals ``(w, c)`` that attain it."""
    facets = [ray for ray in extreme_rays(minimal_points(vectors)) if ray[-1] > 0]
    ratios = [
        sum((h * w for h, w in zip(density, ray[:-1], strict=True)), Fraction(0)) / ray[-1]
        for ray in facets
    ]
    least = min(ratios)
    ties = [ray for ray, ratio in zip(facets, ratios, strict=True) if ratio == least]
    return least / 2, ties
