"""Small networks whose ideals are polynomial, and covariances of latent trees."""

from functools import partial
from itertools import combinations, combinations_with_replacement, product

from llcbench.problems.models.tree_paths import paths
from llcbench.problems.polynomials.algebra.definition import Definition, Maker, flat, matrix_names
from theory.families import (
    diagonal_linear,
    diagonal_tied,
    one_hidden_unit,
    quadratic_network,
    quartet_tree,
    star_tree,
    vandermonde,
)

_ORIGIN = "attained where all parameters vanish"


def _diagonal(nonzero: int, zero: int, depth: int) -> Definition:
    count = nonzero + zero
    names = [[f"w{layer}_{i}" for layer in range(depth)] for i in range(count)]
    truth = partial(diagonal_linear, nonzero=nonzero, zero=zero, depth=depth)
    generators = ["*".join(row) + ("-1" if i < nonzero else "") for i, row in enumerate(names)]
    point = [int(i < nonzero) for i in range(count) for _ in range(depth)]
    return Definition(
        flat(names), generators, point, truth,
        "attained where all layers of the zero coefficients vanish", truth,
        "Each zero coefficient is a cross; the multiplicity grows with their number.",
    )  # fmt: skip


def _tied(nonzero: int, zero: int, depth: int) -> Definition:
    names = [f"w{i}" for i in range(nonzero + zero)]
    truth = partial(diagonal_tied, nonzero=nonzero, zero=zero, depth=depth)
    generators = [f"{name}^{depth}" + ("-1" if i < nonzero else "") for i, name in enumerate(names)]
    return Definition(
        names, generators, [int(i < nonzero) for i in range(len(names))], truth,
        "every true parameter has this value", truth,
        "Regular and flat directions side by side: no single step size suits both.",
        blocks=(((1,), (depth,)),) * zero if nonzero == 0 else (),
    )  # fmt: skip


def _vandermonde(outputs: int, units: int, q: int) -> Definition:
    """Return the moments ``sum_i a_mi b_i^(1+jQ)`` with j below the number of units.

    By Newton's identities the moments from j = units on lie in the ideal of these.
    """
    truth = partial(vandermonde, outputs=outputs, units=units, q=q)
    a, b = matrix_names("a", outputs, units), [f"b{i}" for i in range(units)]
    generators = [
        "+".join(f"{weight}*{slope}^{1 + j * q}" for weight, slope in zip(row, b, strict=True))
        for row, j in product(a, range(units))
    ]
    names = flat(a) + b
    return Definition(
        names, generators, [0] * len(names), truth, _ORIGIN, truth,
        "Units can cancel each other: the deepest directions mix all scales.",
    )  # fmt: skip


def _unit(inputs: int, outputs: int) -> Definition:
    """Return the coefficients of ``a ((b.x) + (b.x)^3)``, each monomial of x once."""
    truth = partial(one_hidden_unit, inputs=inputs, outputs=outputs)
    a, b = [f"a{i}" for i in range(outputs)], [f"b{i}" for i in range(inputs)]
    cubes = ["*".join(choice) for choice in combinations_with_replacement(b, 3)]
    generators = [f"{weight}*{term}" for weight in a for term in (*b, *cubes)]
    return Definition(
        a + b, generators, [0] * (inputs + outputs), truth, _ORIGIN, truth,
        "One unit: either side can vanish, and the cubic terms add walls but no depth.",
    )  # fmt: skip


def _quadratic(units: int) -> Definition:
    truth = partial(quadratic_network, units=units)
    generator = "+".join(f"a{i}*b{i}^2" for i in range(units))
    names = [f"a{i}" for i in range(units)] + [f"b{i}" for i in range(units)]
    return Definition(
        names, [generator], [0] * (2 * units), truth, _ORIGIN, truth,
        "A cone of dimension one less than the space: most of the true set is regular.",
    )  # fmt: skip


def _star(leaves: int) -> Definition:
    return _covariance(leaves, 0)._replace(
        local=partial(star_tree, leaves=leaves), global_=partial(star_tree, leaves=leaves)
    )


def _tree(leaves: int, inner: int) -> Definition:
    truth = partial(quartet_tree, leaves=leaves, inner_edges=inner)
    truth()
    return _covariance(leaves, inner)._replace(local=truth, global_=truth)


def _covariance(leaves: int, inner: int) -> Definition:
    """Return the entries of a covariance matrix: deviations times correlations along paths."""
    deviations = [f"v{i}" for i in range(leaves)]
    edges = [f"e{i}" for i in range(leaves + inner)]
    generators = [f"{name}^2-1" for name in deviations]
    for (i, j), path in zip(combinations(range(leaves), 2), paths(leaves, inner), strict=True):
        generators.append("*".join([deviations[i], deviations[j], *(edges[e] for e in path)]))
    return Definition(
        deviations + edges, generators, [1] * leaves + [0] * len(edges),
        partial(star_tree, leaves=leaves),
        "attained where all edge correlations vanish", partial(star_tree, leaves=leaves),
        "Correlations are products along paths: the true set is a union of coordinate planes.",
    )  # fmt: skip


MAKERS = {
    "diagonal": Maker(
        _diagonal,
        "<nonzero>-<zero>-<depth>",
        lambda a, b, k: (a + b) * k,
        lambda a, b, k: (a + b) * k,
    ),
    "tied": Maker(_tied, "<nonzero>-<zero>-<depth>", lambda a, b, _: a + b, lambda a, b, _: a + b),
    "vandermonde": Maker(
        _vandermonde,
        "<outputs>-<units>-<q>",
        lambda m, n, _: (m + 1) * n,
        lambda m, n, _: 2 * m * n * n,
    ),
    "unit": Maker(_unit, "<inputs>-<outputs>", lambda n, m: n + m, lambda n, m: 4 * m * (n + n**3)),
    "quadratic": Maker(_quadratic, "<units>", lambda n: 2 * n, lambda n: 2 * n),
    "star": Maker(_star, "<leaves>", lambda n: 2 * n, lambda n: 4 * n * n),
    "tree": Maker(
        _tree, "<leaves>-<inner edges>", lambda n, k: 2 * n + k, lambda n, k: n * n * (n + k)
    ),
}
NAMED = (
    "diagonal-2-2-2",
    "diagonal-1-2-3",
    "tied-0-2-2",
    "tied-1-2-3",
    "vandermonde-1-2-1",
    "vandermonde-1-2-2",
    "vandermonde-1-3-1",
    "vandermonde-2-2-2",
    "vandermonde-1-5-2",
    "unit-1-2",
    "unit-2-2",
    "unit-3-2",
    "quadratic-1",
    "quadratic-2",
    "quadratic-3",
    "star-2",
    "star-3",
    "tree-4-1",
    "tree-5-2",
)
