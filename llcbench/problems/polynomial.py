"""Problems ``poly/*``: sums of squares of polynomials with two exact coefficients each."""

from functools import partial

import numpy as np

from llcbench.problems.family import Family, nearest
from llcbench.problems.polynomial_map import PolynomialMap
from llcbench.problems.potentials import POTENTIALS, Potential
from llcbench.problems.regression import Array, Regression
from llcbench.types import Truth
from theory import tempered
from theory.expression import parse
from theory.tempered import Tempered

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
    variables = entry.variables.split()
    generators = tuple(parse(text, variables) for text in entry.generators)
    point = np.array([float(value) for value in entry.point or (0,) * len(variables)])
    return Regression(
        id=identifier,
        map=PolynomialMap(generators),
        point=point,
        truth_function=lambda: Truth(entry.local(), entry.global_value()),
        tempered_function=partial(_tempered, entry, PolynomialMap(generators), point),
        formula="K = " + " + ".join(f"({text})^2" for text in entry.generators),
        why_hard=entry.why_hard,
        keywords=frozenset({"polynomial", entry.keyword}),
        scale=1.0,
        noise_sd=0.5**0.5,
    )


def _tempered(
    entry: Potential,
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
    if entry.blocks and second is None and gamma > 0:
        parts = [tempered.norm_product(dims, powers, nbeta, gamma) for dims, powers in entry.blocks]
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

    return tempered.quadrature(potential, point[active], nbeta, gamma)


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
