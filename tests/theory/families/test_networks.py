"""Networks and factorisations: consistency between families, ranks and codimensions."""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from theory import families as f
from theory.coefficient import RLCT
from theory.combine import direct_sum
from theory.families.dual_cone import rank as exact_rank


def same(left: RLCT, right: RLCT) -> bool:
    return (left.value, left.multiplicity) == (right.value, right.multiplicity)


WORKED: list[tuple[RLCT, str, int]] = [
    (f.ade_squared("A", 4, 2), "7/20", 1),
    (f.ade_squared("A", 2, 3), "1/2", 1),
    (f.ade_squared("D", 4, 3), "1/2", 1),
    (f.braid_squared((4,)), "1/4", 1),
    (f.braid_squared((3, 2)), "1/3", 1),
    (f.braid_squared((3, 1, 3)), "1/3", 2),
    (f.gram_determinant(2, 3), "1", 1),
    (f.minors(2, 4, 2), "3/2", 1),
    (f.minors(3, 3, 3), "1/2", 1),
    (f.minors(3, 4, 2), "3", 2),
    (f.symmetric_factorisation(3, 3, 1), "5/2", 1),
    (f.diagonal_linear(2, 2, 2), "2", 3),
    (f.circular_convolution(4, 2), "2", 4),
    (f.linear_convolution_zero((3, 3)), "3/2", 2),
    (f.linear_convolution_common_roots((3, 2), [(1, 1)]), "7/4", 1),
    (f.vandermonde(1, 5, 2), "11/10", 1),
    (f.vandermonde(1, 16, 2), "2", 2),
    (f.vandermonde(2, 3, 2), "7/6", 1),
    (f.vandermonde(1, 3, 1), "1", 2),
    (f.lines_squared((1, 1, 1)), "1/3", 1),
]


@pytest.mark.parametrize(("result", "value", "order"), WORKED)
def test_worked_examples(result: RLCT, value: str, order: int) -> None:
    assert (result.value, result.multiplicity) == (Fraction(value), order)


def test_braid_by_all_flats() -> None:
    # Irreducible flats of one block are its subsets; a flat of k equal coordinates has
    # codimension k-1 and lies in k(k-1)/2 hyperplanes of multiplicity 2.
    for block in range(2, 7):
        ratios = [Fraction(k - 1, k * (k - 1)) for k in range(2, block + 1)]
        result = f.braid_squared((block,))
        assert (result.value, result.multiplicity) == (min(ratios), ratios.count(min(ratios)))


def test_minors_of_size_one_are_regular_and_maximal_ones_are_the_gram_determinant() -> None:
    for p, q in product(range(1, 6), repeat=2):
        assert same(f.minors(p, q, 1), f.regular(p * q))
        for k in range(1, min(p, q) + 1):
            assert same(f.minors(p, q, k), f.minors(q, p, k))
        if p <= q:
            assert same(f.minors(p, q, p), f.gram_determinant(p, q))


def test_softmax_is_the_centred_network() -> None:
    count = 0
    for widths in product(range(1, 5), range(1, 5), range(2, 6)):
        centred = (*widths[:-1], widths[-1] - 1)
        for rank in range(min(centred) + 1):
            assert same(f.softmax_linear(widths, rank), f.deep_linear_global(centred, rank))
            two = f.reduced_rank_global(widths[0], widths[1], centred[2], rank)
            assert same(f.softmax_linear(widths, rank), two)
            count += 1
    assert count > 150


def test_symmetric_factorisation_between_rank_and_codimension() -> None:
    rng = np.random.default_rng(1)
    for n, h in product(range(1, 5), repeat=2):
        for r in range(min(n, h) + 1):
            w = np.zeros((n, h), dtype=int)
            # Diagonally dominant, hence of rank r.
            w[:r, :r] = 20 * np.eye(r, dtype=int)
            w[:, :r] += rng.integers(-3, 4, (n, r))
            rows = []
            for i, j in product(range(n), range(h)):
                e = np.zeros((n, h), dtype=int)
                e[i, j] = 1
                rows.append([int(x) for x in (e @ w.T + w @ e.T).ravel()])
            tangent = exact_rank(rows)
            result = f.symmetric_factorisation(n, h, r)
            # The fibre is W O(h): dimension h(h-1)/2 minus that of the stabiliser O(h-r).
            fibre = h * (h - 1) // 2 - (h - r) * (h - r - 1) // 2
            assert tangent == r * n - r * (r - 1) // 2
            assert tangent <= 2 * result.value <= n * h - fibre
            assert 2 * result.value == tangent + Fraction(n * h - fibre - tangent, 2)


def test_phase_retrieval_is_one_column() -> None:
    for dim in range(1, 6):
        assert same(f.phase_retrieval(dim, False), f.regular(dim))
        assert same(f.phase_retrieval(dim, True), f.quasi_homogeneous((1,) * dim, 4))


def test_diagonal_networks_are_sums() -> None:
    for nonzero, zero, depth in product(range(3), range(3), range(1, 5)):
        if nonzero + zero == 0:
            continue
        regular = [f.regular(1)] * nonzero
        free = direct_sum(*regular, *[f.normal_crossing((2,) * depth)] * zero)
        tied = direct_sum(*regular, *[f.normal_crossing((2 * depth,))] * zero)
        assert same(f.diagonal_linear(nonzero, zero, depth), free)
        assert same(f.diagonal_tied(nonzero, zero, depth), tied)


def test_circular_convolution_is_a_sum_over_frequencies() -> None:
    for length, depth in product(range(1, 9), range(1, 4)):
        real = 1 if length % 2 else 2
        pairs = (length - real) // 2
        for a, b in product(range(real + 1), range(pairs + 1)):
            parts = [f.norm_product((1,) * depth, (1,) * depth)] * a
            parts += [f.norm_product((2,) * depth, (1,) * depth)] * b
            if length > a + 2 * b:
                parts.append(f.regular(length - a - 2 * b))
            result = f.circular_convolution(length, depth, (a, b))
            assert same(result, direct_sum(*parts))
        assert same(
            f.circular_convolution(length, depth),
            f.circular_convolution(length, depth, (real, pairs)),
        )
        assert same(f.circular_convolution(1, depth), f.normal_crossing((2,) * depth))


def test_linear_convolution() -> None:
    for lengths in product(range(1, 5), repeat=2):
        assert same(
            f.linear_convolution_zero(lengths), f.reduced_rank_global(lengths[0], 1, lengths[1], 0)
        )
        assert same(f.linear_convolution_common_roots(lengths), f.regular(sum(lengths) - 1))
    assert same(f.linear_convolution_zero((1, 1, 1)), f.normal_crossing((2, 2, 2)))


def test_common_roots_volume_formula_agrees_where_the_value_is_exact() -> None:
    # Real and complex roots of one size: n + [l(l+1)/2 - ij]/(n-l), minimised over l.
    for i, j in product(range(1, 6), repeat=2):
        n = i + j
        exponents = [n + Fraction(k * (k + 1) - 2 * i * j, 2 * (n - k)) for k in range(n)]
        real = f.linear_convolution_common_roots((i + 1, j + 1), [(i, j)])
        paired = f.linear_convolution_common_roots((2 * i + 1, 2 * j + 1), (), [(i, j)])
        assert real.upper == (1 + min(exponents)) / 2
        assert paired.upper == (1 + 2 * min(exponents)) / 2
        if min(i, j) <= 2:
            assert real.exact
            assert real.multiplicity == exponents.count(min(exponents))
            assert paired.multiplicity == real.multiplicity
        else:
            assert real.multiplicity is None
            assert real.lower < real.upper < Fraction(n + 1, 2)


def jacobian_rank_of_product(a: list[int], b: list[int]) -> int:
    rows = []
    for k in range(len(a)):
        rows.append([0] * k + b + [0] * (len(a) - 1 - k))
    for k in range(len(b)):
        rows.append([0] * k + a + [0] * (len(b) - 1 - k))
    return exact_rank(rows)


def test_common_roots_are_bounded_by_the_rank_of_the_jacobian() -> None:
    cases: list[tuple[list[int], list[int], Any, Any]] = [
        ([1, 0], [1, 0], [(1, 1)], []),
        ([1, 0, 0], [1, 0, 0], [(2, 2)], []),
        ([1, 0, 0, 0], [1, 0, 0, 0], [(3, 3)], []),
        ([1, 0, 1], [1, 0, 1], [], [(1, 1)]),
        ([0, 1, 1], [0, 1, 2], [(1, 1)], []),
        ([1, 1], [1, 2], [], []),
    ]
    for a, b, real, paired in cases:
        result = f.linear_convolution_common_roots((len(a), len(b)), real, paired)
        tangent = jacobian_rank_of_product(a, b)
        shared = sum(min(x) for x in real) + 2 * sum(min(x) for x in paired)
        assert tangent == len(a) + len(b) - 1 - shared
        assert tangent <= 2 * result.lower
        assert 2 * result.upper <= len(a) + len(b) - 1


def test_tensors() -> None:
    for dims in product(range(1, 5), repeat=2):
        assert same(f.rank_one_tensor(dims), f.reduced_rank_global(dims[0], 1, dims[1], 0))
        assert same(f.identifiable_cp(dims, 1), f.reduced_rank_global(dims[0], 1, dims[1], 1))
    for dims in ((2, 3, 4), (2, 2, 2), (3, 3, 1)):
        assert same(f.rank_one_tensor(dims), f.norm_product(dims, (1,) * 3))
    assert same(f.identifiable_cp((5,), 1), f.regular(5))


@pytest.mark.parametrize(
    ("dims", "rank"),
    [((2, 2, 2), 2), ((3, 3, 2), 3), ((3, 3, 3), 3), ((2, 2, 2, 2), 2), ((4, 3, 3), 3)],
)
def test_identifiable_cp_has_a_jacobian_of_full_rank(dims: tuple[int, ...], rank: int) -> None:
    rng = np.random.default_rng(3)
    factors = [rng.integers(-5, 6, (rank, d)) for d in dims]
    rows = []
    for s in range(rank):
        for i, d in enumerate(dims):
            for k in range(d):
                parts = [factor[s] for factor in factors]
                parts[i] = np.eye(d, dtype=int)[k]
                tensor = parts[0]
                for part in parts[1:]:
                    tensor = np.multiply.outer(tensor, part)
                rows.append([int(x) for x in tensor.ravel()])
    result = f.identifiable_cp(dims, rank)
    assert exact_rank(rows) == 2 * result.value
    assert result.multiplicity == 1


def test_one_unit_layers() -> None:
    for n, m in product(range(1, 5), repeat=2):
        assert same(f.one_hidden_unit(n, m), f.reduced_rank_global(n, 1, m, 0))
    for m, q in product(range(1, 4), repeat=2):
        assert same(f.vandermonde(m, 1, q), f.one_hidden_unit(1, m))


def test_vandermonde_by_the_stationary_index() -> None:
    # The published form: k is the largest i with 2H >= M (Q i(i-1) + 2i), m = 2 on equality.
    for m, h, q in product(range(1, 5), range(1, 30), range(1, 5)):
        k = max(i for i in range(h + 1) if 2 * h >= m * (q * i * (i - 1) + 2 * i))
        value = Fraction(m * q * k * (k + 1) + 2 * h, 4 * (1 + k * q))
        tie = k > 0 and 2 * h == m * (q * k * (k - 1) + 2 * k)
        result = f.vandermonde(m, h, q)
        assert (result.value, result.multiplicity) == (value, 2 if tie else 1)


@pytest.mark.parametrize(
    ("units", "inputs", "bias"),
    [(1, 1, False), (2, 1, False), (3, 1, True), (1, 3, False), (3, 2, False), (2, 2, True)],
)
def test_relu_derivatives_are_independent_up_to_scales(units: int, inputs: int, bias: bool) -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(-2, 2, (4000, inputs))
    # Kinks well apart: directions at different angles, offsets inside the support.
    b = np.array([[1.0, 0.1, 0.3], [-1.3, 0.9, 0.2], [0.8, 1.2, -0.4]])[:units, :inputs]
    c = np.array([0.7, -0.4, -0.9])[:units] * bias
    a = np.array([1.1, -0.8, 0.9])[:units]
    columns = []
    for i in range(units):
        z = x @ b[i] + c[i]
        on = (z > 0).astype(float)
        assert 0 < on.mean() < 1
        columns.append(on * z)
        columns += [a[i] * on * x[:, j] for j in range(inputs)]
        if bias:
            columns.append(a[i] * on)
    sizes = np.linalg.svd(np.stack(columns, axis=1), compute_uv=False)
    rank = int((sizes > 1e-8 * sizes[0]).sum())
    result = f.relu_identifiable(units, inputs, bias)
    assert rank == 2 * result.value
    assert result.multiplicity == 1
    assert sizes[rank - 1] > 1e-3 * sizes[0]


def test_quadratic_network_off_the_origin_is_not_smaller() -> None:
    # Where b = 0 and all a are nonzero K is the square of a quadratic form.
    for h in range(1, 5):
        least = f.quadratic_network(h)
        for definite in (True, False):
            if h == 1 and not definite:
                continue
            form = f.ade_squared("A", 1, h, definite=definite)
            assert form.value >= least.value
            if form.value == least.value:
                assert form.multiplicity is not None
                assert form.multiplicity <= (least.multiplicity or 0)


def test_point_of_a_linear_network_shows_its_ranks() -> None:
    point = f.lookup("deep_linear_at", weights=[np.eye(3), np.zeros((3, 3))], tolerance=1e-6)
    assert point.ranks == {(0, 1): 3, (1, 2): 0, (0, 2): 0}
    assert (point.value, point.multiplicity, point.exact) == (Fraction(9, 2), 1, True)
    assert (point.lower, point.upper) == (point.value, point.value)
    plain = point.to_json()
    assert plain["ranks"] == {"0,1": 3, "0,2": 0, "1,2": 0}
    assert plain["value"] == "9/2"
    assert plain["global"]["value"] == "7/2"
    assert plain["tolerance"] == 1e-6
    assert "global 7/2" in str(point)
