"""Models with latent variables: their ideals, bounds and other families."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest

from theory import families as f
from theory.coefficient import RLCT
from theory.combine import direct_sum
from theory.families.dual_cone import minimal_points, pair_points


def same(left: RLCT, right: RLCT) -> bool:
    return (left.value, left.multiplicity) == (right.value, right.multiplicity)


WORKED: list[tuple[RLCT, str, int]] = [
    (f.simplex_mixture(1, 4, 1), "5/4", 1),
    (f.simplex_mixture(2, 3, 1), "7/4", 1),
    (f.simplex_mixture(1, 3, 2), "2", 3),
    (f.one_factor(4, 0), "3", 1),
    (f.one_factor(4, 2), "7/2", 1),
    (f.one_factor(4, 3), "4", 1),
    (f.naive_bayes(4, "independent"), "5/2", 1),
    (f.naive_bayes(4, "regular"), "9/2", 1),
    (f.naive_bayes(4, "one_dependent_pair"), "7/2", 1),
    (f.lda(3, 3, 2, 1), "2", 2),
    (f.lda(4, 4, 3, 1), "4", 1),
    (f.nmf_zero(3, 3, 1), "3/2", 2),
    (f.nmf_positive(3, 3, 2, 1), "7/2", 2),
    (f.mixture_common_variance(2, 1), "7/6", 1),
    (f.mixture_one_known(1), "1/2", 2),
]


@pytest.mark.parametrize(("result", "value", "order"), WORKED)
def test_worked_examples(result: RLCT, value: str, order: int) -> None:
    assert (result.value, result.multiplicity) == (Fraction(value), order)
    assert result.scope == "global"


def test_bound_of_the_reference() -> None:
    bounds = f.nmf_bound(3, 3, 2, 1)
    assert (bounds.lower, bounds.upper, bounds.multiplicity) == (Fraction(7, 2), 4, None)
    with pytest.raises(ValueError, match="only bounds"):
        _ = bounds.value


def test_mixture_is_a_monomial_ideal_with_a_prior() -> None:
    # Second moments alpha_i |b_i|^2 of the redundant components, density alpha^(phi-1).
    count = 0
    for r, extra, dim in product(range(1, 4), range(4), range(1, 4)):
        for phi in (Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(2)):
            generators, prior = [], []
            size = extra * (1 + dim)
            for i in range(extra):
                start = i * (1 + dim)
                for k in range(dim):
                    row = [0] * size
                    row[start], row[start + 1 + k] = 1, 2
                    generators.append(row)
                prior += [phi - 1] + [Fraction(0)] * dim
            regular = f.regular(r - 1 + r * dim)
            expected = (
                direct_sum(regular, f.monomial_ideal(generators, prior)) if extra else regular
            )
            assert same(f.simplex_mixture(r, r + extra, dim, phi), expected)
            count += 1
    assert count == 144


def test_known_components() -> None:
    for dim in range(1, 6):
        expected = f.norm_product((1, dim), (1, 1))
        assert same(f.mixture_one_known(dim), expected)


def test_common_variance_against_the_known_variance() -> None:
    for r in range(1, 5):
        for h in range(r, 3 * r + 3):
            result = f.mixture_common_variance(h, r)
            fixed = f.simplex_mixture(r, h, 1)
            # The variance adds at most one regular coordinate, and none can be saved below 2r.
            assert r <= result.lower <= result.upper <= fixed.value + Fraction(1, 2)
            if h < 2 * r:
                assert result.exact
                assert result.value == fixed.value + Fraction(1, 2)
            elif (r, h) != (1, 2):
                assert result.lower < result.upper
                assert result.multiplicity is None
    tuned = f.monomial_ideal(((1, 3), (0, 4)))
    assert f.mixture_common_variance(2, 1).value == 1 + tuned.value
    assert f.mixture_common_variance(2, 1).multiplicity == tuned.multiplicity


def test_volume_of_the_common_variance_cumulants() -> None:
    # After mean and variance, the volume of {a(1-a)|1-2a||d|^3 <= e, d^4 a(1-a) <= e} ~ e^(1/3).
    rng = np.random.default_rng(0)
    a = rng.random(400_000)
    weight = a * (1 - a)
    logs = []
    for e in (1e-6, 1e-9, 1e-12):
        cubic = (e / (weight * np.abs(1 - 2 * a))) ** (1 / 3)
        quartic = (e / weight) ** (1 / 4)
        logs.append(np.log(np.minimum(1.0, np.minimum(cubic, quartic)).mean()))
    slopes = np.diff(logs) / np.log(1e-3)
    assert slopes == pytest.approx([1 / 3, 1 / 3], abs=0.01)


def test_naive_bayes_and_factors_are_monomial() -> None:
    for n in range(2, 7):
        pairs = pair_points(n)
        products = f.monomial_ideal([(1, *row) for row in pairs])
        expected = direct_sum(f.regular(n), products)
        assert same(f.naive_bayes(n, "independent"), expected)
        factor = direct_sum(f.regular(n), f.monomial_ideal(pairs))
        assert same(f.one_factor(n, 0), factor)
        assert same(f.one_factor(n, 1), factor)
        assert same(f.star_tree(n), factor)
        assert same(f.rbm_one_hidden(n, True), factor)
        assert same(f.rbm_one_hidden(n, False), f.monomial_ideal(pairs))
    assert same(f.naive_bayes(1, "independent"), f.regular(1))
    assert same(f.rbm_one_hidden(1, True), f.regular(1))
    assert len(minimal_points([*pair_points(3), (1, 1, 1)])) == 3


def trees(leaves: int) -> list[list[list[int]]]:
    """Return trees as lists of neighbours per inner node: negative entries are leaves."""
    # Grow by attaching the next leaf to an inner node or to the middle of an edge.
    start = [[-1, -2, -3]]
    results = [start]
    for leaf in range(4, leaves + 1):
        grown = []
        for tree in results:
            for node in range(len(tree)):
                copy = [list(x) for x in tree]
                copy[node].append(-leaf)
                grown.append(copy)
            for node, neighbours in enumerate(tree):
                for other in neighbours:
                    if other >= 0 and other < node:
                        continue
                    copy = [list(x) for x in tree]
                    new = len(copy)
                    copy[node][copy[node].index(other)] = new
                    if other >= 0:
                        copy[other][copy[other].index(node)] = new
                    copy.append([node, other, -leaf])
                    grown.append(copy)
        results = grown
    return results


def paths(tree: list[list[int]], leaves: int) -> list[list[int]]:
    """Return the incidence of edges with the path between every two leaves."""
    edges: dict[frozenset[int], int] = {}
    # Node 0 and leaf 0 would collide: leaves are -1 .. -leaves.
    for node, neighbours in enumerate(tree):
        for other in neighbours:
            edges.setdefault(frozenset((node, other)), len(edges))

    def walk(start: int, goal: int) -> list[int]:
        stack = [(start, [])]
        seen = {start}
        while stack:
            here, used = stack.pop()
            if here == goal:
                return used
            near = tree[here] if here >= 0 else [n for n, x in enumerate(tree) if here in x]
            for other in near:
                if other not in seen:
                    seen.add(other)
                    stack.append((other, [*used, edges[frozenset((here, other))]]))
        raise AssertionError

    rows = []
    for i, j in combinations(range(1, leaves + 1), 2):
        used = walk(-i, -j)
        rows.append([int(k in used) for k in range(len(edges))])
    return rows


@pytest.mark.parametrize(("leaves", "least"), [(4, 3), (5, 15), (6, 30)])
def test_every_tree_with_independent_leaves(leaves: int, least: int) -> None:
    shapes = trees(leaves)
    # Up to symmetry six leaves have few shapes; every seventh of the labelled trees will do.
    chosen = shapes if leaves < 6 else shapes[::7]
    checked = 0
    for tree in chosen:
        inner = len(tree) - 1
        ideal = f.monomial_ideal(paths(tree, leaves))
        expected = direct_sum(f.regular(leaves), ideal)
        result = f.quartet_tree(leaves, inner) if inner else f.star_tree(leaves)
        assert same(result, expected)
        checked += 1
    assert checked >= least


def test_lda_is_reduced_rank_less_one_direction_a_document() -> None:
    # The published closed form is that of reduced-rank regression minus N/2.
    count = 0
    for m, n, h in product(range(2, 7), repeat=3):
        for r in range(1, min(m, n, h) + 1):
            full = f.reduced_rank_global(m, h, n, r)
            result = f.lda(m, n, h, r)
            assert result.value == full.value - Fraction(n, 2)
            assert result.multiplicity == full.multiplicity
            assert same(f.nmf_positive(m, n, h, r), full)
            count += 1
    assert count > 300


def test_zero_factors_are_sums_and_monomials() -> None:
    for m, n, h in product(range(1, 4), repeat=3):
        parts = [f.norm_product((m, n), (1, 1))] * h
        assert same(f.nmf_zero(m, n, h), direct_sum(*parts))
        assert same(f.nmf_bound(m, n, h, 0), f.nmf_zero(m, n, h))
        if m * n * h <= 8:
            size = h * (m + n)
            rows = []
            for k, i, j in product(range(h), range(m), range(n)):
                row = [0] * size
                row[k * (m + n) + i] = row[k * (m + n) + m + j] = 1
                rows.append(row)
            assert same(f.nmf_zero(m, n, h), f.monomial_ideal(rows))


def test_bounds_of_nmf_hold_for_positive_truths() -> None:
    count = 0
    for m, n, h in product(range(1, 6), repeat=3):
        for r in range(1, min(m, n, h) + 1):
            bounds = f.nmf_bound(m, n, h, r)
            exact = f.nmf_positive(m, n, h, r)
            assert bounds.lower <= exact.value <= bounds.upper
            if bounds.multiplicity is not None:
                assert same(bounds, exact)
            else:
                assert bounds.lower < bounds.upper or exact.multiplicity != 1
            # The smaller published bound holds for strictly positive factors.
            smaller = Fraction((h - r) * min(m, n) + r * (m + n - 2) + r % 2, 2)
            assert exact.value <= smaller <= bounds.upper
            count += 1
    assert count > 200


def test_boltzmann_probabilities_have_the_stated_ideal() -> None:
    # K / (sum of squared generators) stays between positive constants near the origin.
    rng = np.random.default_rng(5)
    for n in (2, 3, 4):
        x = np.array(list(product((-1.0, 1.0), repeat=n)))
        ratios = []
        for _ in range(2000):
            scale = 10.0 ** rng.uniform(-3, -1, n)
            w = rng.standard_normal(n) * scale
            b = rng.standard_normal(n) * 10.0 ** rng.uniform(-6, -2)
            p = np.exp(x @ b) * np.cosh(x @ w)
            p /= p.sum()
            gap = np.sum((p - 2.0**-n) ** 2) * 2.0**n
            ideal = np.sum(b**2) + sum((w[i] * w[j]) ** 2 for i, j in combinations(range(n), 2))
            ratios.append(gap / ideal)
        assert 0.5 < min(ratios)
        assert max(ratios) < 2
