"""Every family once more: ranks, strata, trees and integrals by direct computation."""

from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from theory import families as f


def test_closed_form_of_five_layers_by_listing_chains() -> None:
    rng = np.random.default_rng(11)
    for _ in range(25):
        widths = [int(h) for h in rng.integers(1, 5, 6)]
        rank = int(rng.integers(0, min(widths) + 1))
        costs: dict[tuple[int, ...], int] = {}
        for inner in product(*(range(rank, h + 1) for h in widths[1:5])):
            chain = (widths[0], *inner, rank)
            if all(a >= b for a, b in pairwise(chain)):
                steps = zip(chain, chain[1:], widths[1:], strict=False)
                costs[chain] = sum((a - b) * (h - b) for a, b, h in steps)
        least = min(costs.values())
        best = sorted((c for c, cost in costs.items() if cost == least), key=sum)
        length: list[int] = []
        for i, c in enumerate(best):
            below = [length[k] for k in range(i) if all(np.less_equal(best[k], c))]
            length.append(1 + max(below, default=0))
        result = f.deep_linear_global(widths, rank)
        assert 2 * result.value == rank * (widths[0] + widths[-1] - rank) + least
        assert result.multiplicity == max(length)


def test_two_layers_by_the_codimension_of_all_strata_nearby() -> None:
    # Pairs (A, B) with rank A = p, rank B = q and BA fixed of rank r; dimensions are counted.
    def codimension(m: int, h: int, n: int, r: int, p: int, q: int) -> int:
        first = p * (m + h - p)
        on_image = r * (p + n - r)
        rest = r * (h - p) + (q - r) * (n - r + h - p - (q - r))
        return m * h + h * n - (first + on_image + rest - r * (m + n - r))

    count = 0
    for m, h, n in product(range(1, 5), repeat=3):
        for r in range(min(m, h, n) + 1):
            pairs = [
                (p, q)
                for p, q in product(range(r, min(m, h) + 1), range(r, min(n, h) + 1))
                if p + q <= h + r
            ]
            for p, q in pairs:
                near = [codimension(m, h, n, r, *o) for o in pairs if o[0] >= p and o[1] >= q]
                assert 2 * f.reduced_rank_local(m, h, n, r, p, q).value == min(near)
                count += 1
    assert count > 300


def test_vandermonde_by_the_other_published_formula() -> None:
    # aoyagi2019, theorem 6, for one input and two or three units: a minimum over more cases.
    for m, q in product(range(1, 7), repeat=2):
        two = [Fraction(b + (2 - b) * m, 2) for b in range(3)]
        two.append(Fraction(2 + q * m, 2 * (q + 1)))
        three = [Fraction(b + (3 - b) * m, 2) for b in range(4)]
        for b in (2, 3):
            for a in range(1, b):
                inner = b + (3 - b) * m + q * (a * (1 + a - b) + (3 - a) * m)
                three.append(Fraction(inner, 2 * (q + 1)))
        three.append(Fraction(3 + 3 * q * m, 2 * (2 * q + 1)))
        assert f.vandermonde(m, 2, q).value == min(two)
        assert f.vandermonde(m, 3, q).value == min(three)


@pytest.mark.parametrize("leaves", [7, 8, 9])
def test_random_trees_by_linear_programming(leaves: int) -> None:
    rng = np.random.default_rng(leaves)
    for _ in range(4):
        tree = nx.star_graph(3)
        for leaf in range(4, leaves + 1):
            if rng.random() < 0.4:
                tree.add_edge(int(rng.choice([v for v in tree if tree.degree(v) > 1])), leaf)
            else:
                ends = list(tree.edges)[int(rng.integers(tree.number_of_edges()))]
                tree.remove_edge(*ends)
                tree.add_edges_from([(ends[0], -leaf), (-leaf, ends[1]), (-leaf, leaf)])
        edges = {frozenset(e): i for i, e in enumerate(tree.edges)}
        ends = [v for v in tree if tree.degree(v) == 1]
        rows = np.zeros((len(ends) * (len(ends) - 1) // 2, len(edges)))
        for line, (u, v) in zip(rows, combinations(ends, 2), strict=True):
            path = nx.shortest_path(tree, u, v)
            line[[edges[frozenset(e)] for e in pairwise(path)]] = -1
        cover = {"A_ub": rows, "b_ub": -np.ones(len(rows))}
        least = linprog(np.ones(len(edges)), **cover).fun
        # The multiplicity is one more than the dimension of the optimal face: every edge is fixed.
        cover |= {"A_eq": np.ones((1, len(edges))), "b_eq": [least]}
        spread = [
            -linprog(-unit, **cover).fun - linprog(unit, **cover).fun for unit in np.eye(len(edges))
        ]
        inner = len(edges) - leaves
        result = f.quartet_tree(leaves, inner) if inner else f.star_tree(leaves)
        assert float(result.value) == pytest.approx(leaves / 2 + least / 2)
        assert max(spread) == pytest.approx(0, abs=1e-7)
        assert result.multiplicity == 1


@pytest.mark.parametrize(
    ("units", "inputs", "bias"), [(4, 2, True), (3, 3, False), (2, 3, True), (1, 4, True)]
)
def test_relu_rank_at_random_teachers(units: int, inputs: int, bias: bool) -> None:
    rng = np.random.default_rng(units)
    x = rng.standard_normal((6000, inputs + bias))
    x[:, inputs:] = 1.0
    weights = rng.standard_normal((units, inputs + bias))
    columns = [(x @ b > 0)[:, None] * np.column_stack([x @ b, x]) for b in weights]
    sizes = np.linalg.svd(np.hstack(columns), compute_uv=False)
    rank = int((sizes > 1e-6 * sizes[0]).sum())
    assert rank == 2 * f.relu_identifiable(units, inputs, bias).value
    assert sizes[rank - 1] > 1e-4 * sizes[0]


@pytest.mark.parametrize(("dims", "rank"), [((2, 2, 3), 2), ((2, 3, 3), 3), ((3, 2, 2, 2), 3)])
def test_cp_rank_at_random_factors(dims: tuple[int, ...], rank: int) -> None:
    rng = np.random.default_rng(rank)
    factors = [rng.standard_normal((d, rank)) for d in dims]

    def tensor(flat: np.ndarray) -> np.ndarray:
        parts = np.split(flat, np.cumsum([d * rank for d in dims])[:-1])
        letters = "abcd"[: len(dims)]
        shaped = [p.reshape(d, rank) for p, d in zip(parts, dims, strict=True)]
        return np.einsum(",".join(c + "z" for c in letters) + "->" + letters, *shaped).ravel()

    point = np.concatenate([a.ravel() for a in factors])
    # The map is linear in every coordinate, so differences are exact up to rounding.
    steps = [(tensor(point + e) - tensor(point - e)) / 2 for e in np.eye(len(point))]
    sizes = np.linalg.svd(np.array(steps), compute_uv=False)
    assert int((sizes > 1e-9 * sizes[0]).sum()) == 2 * f.identifiable_cp(dims, rank).value


def superposition_loss(w: np.ndarray, columns: int) -> float:
    """Integrate |x - relu(W^T W x + b)|^2 over one active feature, exactly on both linear parts."""
    matrix, bias = w[: 2 * columns].reshape(2, columns), w[2 * columns :, None]
    slope = matrix.T @ matrix
    with np.errstate(divide="ignore", invalid="ignore"):
        kink = np.nan_to_num(np.clip(-bias / slope, 0, 1))
    nodes, weights = np.polynomial.legendre.leggauss(2)
    total = 0.0
    for low, high in ((np.zeros_like(kink), kink), (kink, np.ones_like(kink))):
        for node, weight in zip(nodes, weights, strict=True):
            x = (low + high + (high - low) * node) / 2
            gap = np.eye(columns) * x - np.maximum(slope * x + bias, 0)
            total += float(((high - low) / 2 * weight * gap**2).sum())
    return total


@pytest.mark.parametrize(
    ("k", "columns", "dead"),
    [(7, 8, "negative"), (5, 8, "negative"), (6, 9, "one_over_2c")],
)
def test_polygons_by_numerical_integration(k: int, columns: int, dead: Any) -> None:
    angles = 2 * np.pi * np.arange(k) / k
    corners = np.stack([np.cos(angles), np.sin(angles)])

    def placed(shape: np.ndarray) -> np.ndarray:
        w = np.zeros((3, columns))
        w[:2, :k], w[2, :k] = shape[0] * corners, shape[1]
        w[2, k:] = -0.5 if dead == "negative" else 1 / (2 * columns)
        return w.ravel()

    start = [np.sqrt(1.4 + 0.25 * (k - 5)), -0.3 * (k - 4)]
    options = {"xatol": 1e-10, "fatol": 1e-15, "maxiter": 2000}
    shape = minimize(
        lambda s: superposition_loss(placed(s), columns),
        start,
        method="Nelder-Mead",
        options=options,
    ).x
    point, size, h = placed(shape), 3 * columns, 1e-3
    steps = h * np.eye(size)
    hessian = np.empty((size, size))
    for i, j in combinations(range(size), 2):
        signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
        values = [
            superposition_loss(point + a * steps[i] + b * steps[j], columns) for a, b in signs
        ]
        hessian[i, j] = hessian[j, i] = (values[0] - values[1] - values[2] + values[3]) / (
            4 * h * h
        )
    middle = superposition_loss(point, columns)
    for i in range(size):
        ends = superposition_loss(point + steps[i], columns)
        ends += superposition_loss(point - steps[i], columns)
        hessian[i, i] = (ends - 2 * middle) / h**2
    sizes = np.linalg.eigvalsh(hessian)
    rank = int((sizes > 5e-3).sum())
    assert sizes[0] > -2e-3
    assert sizes[size - rank - 1] < 2e-3
    assert rank == 2 * f.tms_kgon(k, columns, dead).value
