"""Problems ``poly/*``: sums of squares of polynomials with two exact coefficients each."""

from collections.abc import Callable
from functools import partial

import numpy as np

from llcbench.checks import nearest
from llcbench.problems.family import Family
from llcbench.problems.polynomials.potentials import POTENTIALS, Block
from llcbench.problems.squared.polynomial_map import PolynomialMap
from llcbench.problems.squared.regression import Array, Regression
from llcbench.types import Truth
from theory import tempered
from theory.polynomials.expression import parse
from theory.tempered import Tempered

# A formula names its first generators only.
SHOWN = 6
_CATALOGUE = {entry.name: entry for entry in POTENTIALS}


def build(identifier: str) -> Regression:
    """Return the potential of an id such as ``poly/x2y4``.

    With data, the model is ``y = sum_j g_j(w) x_j + noise`` with standard normal ``x`` and noise of
    variance 1/2, whose population loss is ``K = sum_j g_j^2``.

    Raises:
        ValueError: If there is no such potential.
    """
    name = identifier.removeprefix("poly/")
    if name not in _CATALOGUE:
        raise ValueError(f"unknown potential {identifier!r}{nearest(name, list(_CATALOGUE))}")
    entry = _CATALOGUE[name]
    variables = tuple(entry.variables.split())
    return polynomial_problem(
        identifier,
        variables,
        entry.generators,
        np.array([float(value) for value in entry.point or (0,) * len(variables)]),
        lambda: Truth(entry.local(), entry.global_value()),
        entry.why_hard,
        frozenset({"polynomial", entry.keyword}),
        entry.blocks,
    )


def polynomial_problem(
    identifier: str,
    variables: tuple[str, ...],
    texts: tuple[str, ...],
    point: Array,
    truth: Callable[[], Truth],
    why_hard: str,
    keywords: frozenset[str],
    blocks: tuple[Block, ...] = (),
) -> Regression:
    """Return ``K = sum_j g_j^2`` at a common zero of its generators.

    Args:
        identifier: Stable name.
        variables: Names of the parameters.
        texts: Polynomial text of the generators.
        point: The common zero.
        truth: Computes both coefficients.
        why_hard: What an estimator can get wrong here.
        keywords: Tags for selection.
        blocks: Products of norms whose sum is K, centred at the point; empty if it is not one.
    """
    map_ = PolynomialMap(tuple(parse(text, variables) for text in texts))
    shown = " + ".join(f"({text})^2" for text in texts[:SHOWN])
    return Regression(
        id=identifier,
        map=map_,
        point_function=lambda: point,
        truth_function=truth,
        tempered_function=partial(_tempered, blocks, map_, point),
        formula=f"K = {shown}" + (f" + ... ({len(texts)} squares)" if len(texts) > SHOWN else ""),
        why_hard=why_hard,
        keywords=keywords,
        scale=1.0,
        noise_sd=0.5**0.5,
    )


def _tempered(
    blocks: tuple[Block, ...],
    map_: PolynomialMap,
    point: Array,
    nbeta: float,
    gamma: float,
    second: Array | None,
    cross: Array | None,
) -> Tempered | None:
    """Return the tempered truth: Mellin-Barnes for sums of products, quadrature otherwise.

    Variables that no generator contains are independent of the loss and drop out.
    """
    if blocks and second is None and gamma > 0:
        parts = [tempered.norm_product(dims, powers, nbeta, gamma) for dims, powers in blocks]
        return tempered.direct_sum(*parts)
    active = [i for i in range(map_.dim) if any(e[i] for g in map_.generators for e in g.terms)]
    if len(active) > 3:
        return None

    moment = np.eye(map_.inputs) if second is None else second
    shift = np.zeros(map_.inputs) if cross is None else cross[0]

    def potential(points: Array) -> Array:
        full = np.repeat(point[:, None], points.shape[1], axis=1)
        full[active] = points
        values = _generators(map_, full)
        quadratic: Array = np.einsum("jn,jk,kn->n", values, moment, values, optimize=True)
        return quadratic - 2.0 * (shift @ values)

    # Three dimensions cost minutes at full accuracy; a part in a thousand is below any noise here.
    rtol, cells = (1e-3, 100_000) if len(active) == 3 else (1e-6, 1_000_000)
    return tempered.quadrature(potential, point[active], nbeta, gamma, rtol=rtol, max_cells=cells)


def _generators(map_: PolynomialMap, points: Array) -> Array:
    """Evaluate the generators on ``(dim, N)`` points, by NumPy: independent of the sampled loss."""
    values = np.zeros((map_.inputs, points.shape[1]))
    for row, generator in zip(values, map_.generators, strict=True):
        for exponents, coefficient in generator.terms.items():
            term = np.full(points.shape[1], float(coefficient))
            for coordinate, exponent in zip(points, exponents, strict=True):
                if exponent:
                    term *= coordinate**exponent
            row += term
    return values


family = Family(
    prefix="poly",
    names=tuple(f"poly/{entry.name}" for entry in POTENTIALS),
    build=build,
    pattern="poly/<name>",
)
