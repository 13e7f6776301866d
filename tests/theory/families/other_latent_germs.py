"""Latent variables, factorisations and mixtures at parameters that no other test uses."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import sympy as sp
from other_germs import HALF, THIRD, at_point, row
from written_out import Germ, germ, matrix, two_clusters

x, y, t = sp.symbols("x y t")


def cells(n: int, minority: Any = t) -> tuple[list[Any], tuple[Any, ...], tuple[Any, ...]]:
    """Return the probabilities of all cells of a two-class naive Bayes model."""
    p, r = row("p", n), row("r", n)
    results = []
    for cell in product((0, 1), repeat=n):
        first, second = (
            sp.prod(u if on else 1 - u for u, on in zip(side, cell, strict=True)) for side in (p, r)
        )
        results.append((1 - minority) * first + minority * second)
    return results, p, r


def trees_and_classes() -> Iterator[Germ]:
    for n in (1, 2, 3):
        result, p, r = cells(n)
        point = dict.fromkeys((*p, *r), HALF)
        parameters = {"features": n, "stratum": "independent"}
        yield germ("naive_bayes", parameters, at_point(result, point), point)
    for n, stratum, second in (
        (2, "one_dependent_pair", "1/2 1/4"),
        (3, "one_dependent_pair", "1/2 1/4 1/3"),
        (3, "regular", "1/2 1/4 3/4"),
    ):
        result, p, r = cells(n)
        first = ("1/4", "1/2", "1/3")[:n]
        point = {t: THIRD} | {
            s: sp.Rational(e) for s, e in zip((*p, *r), (*first, *second.split()), strict=True)
        }
        parameters = {"features": n, "stratum": stratum}
        yield germ("naive_bayes", parameters, at_point(result, point), point)
    for loadings in ((0,) * 5, (1, -2, 0, 0, 0), (1, 2, -1, 0, 0), (1, -1, 2)):
        p = len(loadings)
        load, noise = sp.Matrix(row("l", p)), row("s", p)
        point = dict(zip((*load, *noise), (*loadings, *(2,) * p), strict=True))
        parameters = {"variables": p, "nonzero_loadings": sum(map(bool, loadings))}
        gens = at_point(sp.diag(*noise) + load * load.T, point)
        yield germ("one_factor", parameters, gens, point)
    for n in (2, 3, 5):
        scale, edge = row("s", n), row("r", n)
        gens = [scale[i] * scale[j] * edge[i] * edge[j] for i, j in combinations(range(n), 2)]
        point = dict.fromkeys(scale, 1)
        yield germ("star_tree", {"leaves": n}, [*(s - 1 for s in scale), *gens], point)
    # A caterpillar: leaves hang on three nodes in a row.
    edge, scale, sides = row("r", 5), row("s", 5), (0, 0, 1, 2, 2)
    way = {(0, 1): x, (1, 2): y, (0, 2): x * y}
    gens = [
        edge[i] * edge[j] * way.get((sides[i], sides[j]), 1) for i, j in combinations(range(5), 2)
    ]
    yield germ("quartet_tree", {"leaves": 5, "inner_edges": 2}, [*scale, *gens])
    for m, n, h, rows, columns in (
        (2, 3, 2, "1/3 1/3", "1/2 1/2 1/2"),
        (2, 2, 3, "1/3 1/3 1/3", "1/3 1/3 1/3 1/3"),
        (2, 3, 3, "1/2 1/4 1/3", "1/2 1/4 1/3 1/4 1/2 1/3"),
    ):
        a, b = matrix("a", m - 1, h), matrix("b", h - 1, n)
        words = a.col_join(sp.ones(1, h) - sp.ones(1, m - 1) * a)
        topics = b.col_join(sp.ones(1, n) - sp.ones(1, h - 1) * b)
        values = map(sp.Rational, (*rows.split(), *columns.split()))
        point = dict(zip((*a, *b), values, strict=True))
        rank = (words * topics).subs(point).rank()
        parameters = {"words": m, "documents": n, "topics": h, "rank": rank}
        yield germ("lda", parameters, at_point(words * topics, point), point)
    for m, n, h in ((3, 1, 2), (1, 2, 3), (2, 3, 2)):
        u, v = matrix("u", m, h), matrix("v", h, n)
        gens = list(u.applyfunc(lambda e: e**2) * v.applyfunc(lambda e: e**2))
        prior = dict.fromkeys((*u, *v), 1)
        yield germ("nmf_zero", {"rows": m, "columns": n, "inner": h}, gens, prior=prior)


def boltzmann() -> Iterator[Germ]:
    for n, bias in ((5, False), (1, True)):
        tanh, tilt = row("t", n), row("s", n) if bias else (0,) * n
        cosh = []
        for cell in product((-1, 1), repeat=n):
            plus, minus = (
                sp.prod(1 + sign * e * k for e, k in zip(tanh, cell, strict=True))
                for sign in (1, -1)
            )
            cosh.append(
                sp.prod(1 + e * k for e, k in zip(tilt, cell, strict=True)) * (plus + minus)
            )
        mean = sp.expand(sum(cosh)) / 2**n
        parameters = {"visible": n, "visible_bias": bias}
        yield germ("rbm_one_hidden", parameters, [e - mean for e in cosh])


def mixtures() -> Iterator[Germ]:
    """Moments of a mixing distribution around one true component at zero."""
    a, e, b, c, d = sp.symbols("a e b c d")
    for count, phi, weights, prior in (
        (3, 1, (HALF - a - e, HALF / 2 + a, HALF / 2 + e), None),
        (2, Fraction(3, 2), (1 - a**2, a**2), {a: 2}),
        (2, 2, (1 - a, a), {a: 1}),
    ):
        means = (b, c, d)[:count]
        gens = [sum(u * m**k for u, m in zip(weights, means, strict=True)) for k in range(1, 7)]
        parameters = {"true_components": 1, "components": count, "component_dim": 1}
        yield germ("simplex_mixture", {**parameters, "dirichlet": phi}, gens, prior=prior)
    gens = [x * s * e for s in (a, b, c) for e in (1, a, b, c)]
    yield germ("mixture_one_known", {"dim": 3}, gens)
    # Two true components with two fitted ones each, and a third that stands alone.
    a, e, g, s = sp.symbols("a e g s")
    second = [sp.Rational(1, 5) + g, sp.Rational(3, 10) - g - e]
    gens = [*two_clusters(sp.Rational(1, 6) + a, second, s), s, x, y]
    yield germ("mixture_common_variance", {"components": 5, "true_components": 3}, gens)


def latent_germs() -> list[Germ]:
    return [*trees_and_classes(), *boltzmann(), *mixtures()]
