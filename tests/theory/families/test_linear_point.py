"""Ranks read from weights: exact, rounded to float32, and trained-like."""

from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from theory.families import deep_linear_at, deep_linear_generic, deep_linear_global


def low_rank(rng: np.random.Generator, rows: int, columns: int, rank: int) -> np.ndarray:
    """A random matrix of the given rank and unit scale."""
    left, right = rng.normal(size=(rows, rank)), rng.normal(size=(rank, columns))
    return left @ right / np.sqrt(max(rank, 1) * columns)


def chain(rng: np.random.Generator, widths: list[int]) -> tuple[list[np.ndarray], dict]:
    """A random chain of partial permutations in random bases, with its exact rank array."""
    bases = [np.linalg.qr(rng.normal(size=(h, h)))[0] for h in widths]
    cores, layers = [], []
    for k in range(1, len(widths)):
        core = np.zeros((widths[k], widths[k - 1]), dtype=int)
        rank = int(rng.integers(0, min(core.shape) + 1))
        rows, columns = (rng.permutation(size)[:rank] for size in core.shape)
        core[rows, columns] = 1
        cores.append(core)
        scaled = core * rng.uniform(0.3, 3, size=(1, widths[k - 1]))
        layers.append(bases[k] @ scaled @ bases[k - 1].T)
    ranks = {}
    for i, j in combinations(range(len(widths)), 2):
        value = np.eye(widths[i], dtype=int)
        for core in cores[i:j]:
            value = core @ value
        # A product of partial permutations is one: its rank is the number of its entries.
        ranks[i, j] = int(value.sum())
    return layers, ranks


def test_every_rank_is_found_in_float64_float32_and_noise() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        widths = [int(h) for h in rng.integers(1, 9, size=rng.integers(2, 7))]
        layers, ranks = chain(rng, widths)
        exact = deep_linear_at(layers)
        rounded = deep_linear_at([layer.astype(np.float32) for layer in layers])
        noise = [layer + 1e-5 * rng.normal(size=layer.shape) for layer in layers]
        assert exact.ranks == ranks
        assert rounded.ranks == ranks
        assert (exact.tolerance, rounded.tolerance) == (1e-8, 1e-5)
        assert exact.margin > 1e6
        assert rounded.margin > 1e2
        if all(layer.any() for layer in layers):
            trained = deep_linear_at(noise, tolerance=1e-2)
            assert trained.ranks == ranks
            assert (trained.value, trained.multiplicity) == (exact.value, exact.multiplicity)
            assert trained.margin > 10


def test_generic_factors_have_the_generic_array() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        widths = [int(h) for h in rng.integers(3, 20, size=rng.integers(3, 7))]
        ranks = [int(rng.integers(1, min(a, b) + 1)) for a, b in pairwise(widths)]
        layers = [low_rank(rng, widths[k + 1], widths[k], rank) for k, rank in enumerate(ranks)]
        point = deep_linear_at(layers)
        generic = deep_linear_generic(widths, ranks)
        assert (point.value, point.multiplicity) == (generic.value, generic.multiplicity)
        assert point.global_.value == deep_linear_global(widths, min(ranks)).value
        assert point.value >= point.global_.value


def test_deep_product_whose_spectrum_exceeds_the_precision() -> None:
    """The product of 60 square layers has condition number far above 1e16, yet full rank."""
    rng = np.random.default_rng(2)
    layers = [rng.normal(size=(20, 20)) / np.sqrt(20) for _ in range(60)]
    whole = np.linalg.multi_dot(layers[::-1])
    assert np.linalg.matrix_rank(whole, tol=1e-8 * np.linalg.norm(whole, 2)) < 20
    point = deep_linear_at(layers)
    assert point.rank == 20
    assert (point.value, point.multiplicity) == (Fraction(200), 1)


def test_a_product_that_cancels_has_rank_zero() -> None:
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    first = basis[:, :1] @ rng.normal(size=(1, 6)) * 1e3
    second = rng.normal(size=(6, 5)) @ basis[:, 1:].T * 1e-3
    point = deep_linear_at([first, second])
    assert point.ranks == {(0, 1): 1, (1, 2): 5, (0, 2): 0}
    assert point.rank == 0
    assert (point.value, point.global_.value) == (Fraction(31, 2), Fraction(27, 2))


def test_scaling_the_layers_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    layers, _ = chain(rng, [5, 4, 6, 5])
    scaled = [layer * factor for layer, factor in zip(layers, (1e6, 1e-9, 30.0), strict=True)]
    assert deep_linear_at(layers).ranks == deep_linear_at(scaled).ranks


def test_point_forwards_the_local_value() -> None:
    point = deep_linear_at([np.diag([1.0, 1.0, 1.0]), np.diag([1.0, 0.0, 0.0])])
    assert point.widths == (3, 3, 3)
    assert (point.value, point.lower, point.upper) == (Fraction(9, 2),) * 3
    assert point.exact
    assert point.multiplicity == 1
    assert point.global_.value == 4
    assert point.margin == float("inf")


def test_doubtful_ranks_have_a_margin_near_one() -> None:
    point = deep_linear_at([np.diag([1.0, 2e-8, 0.5e-8])])
    assert point.rank == 2
    assert point.margin == pytest.approx(4)


def test_integers_and_lists_are_weights() -> None:
    point = deep_linear_at([[[1, 0], [0, 0]], np.eye(2, dtype=int)])
    assert (point.rank, point.ranks[1, 2]) == (1, 2)


def test_zero_layers_and_one_layer() -> None:
    assert str(deep_linear_at([np.zeros((3, 3)), np.zeros((3, 3))]).local) == "7/2 (m 2)"
    assert str(deep_linear_at([np.zeros((2, 5))]).local) == "5 (m 1)"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "weights must have at least 1 layer, got 0"),
        ([np.eye(2), np.ones(2)], r"weights of layer 2 must be a nonempty matrix, got shape \(2,"),
        ([np.eye(2), np.eye(3)], "weights of layer 2 must have 2 columns, the rows of layer 1"),
        ([np.eye(2), np.full((2, 2), np.nan)], "weights of layer 2 must be finite"),
        ([np.full((2, 2), np.inf)], "weights of layer 1 must be finite"),
        ([np.eye(2, dtype=complex)], "weights of layer 1 must be float64, float32 or integer"),
        ([np.eye(2, dtype=np.float16)], "weights of layer 1 must be float64, float32 or integer"),
        ([np.empty((0, 2))], "weights of layer 1 must be a nonempty matrix"),
    ],
)
def test_inadmissible_weights_name_the_layer(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deep_linear_at(weights)


@pytest.mark.parametrize("tolerance", [0, 1, -1e-3, float("nan"), True, "1e-3"])
def test_inadmissible_tolerance(tolerance: Any) -> None:
    with pytest.raises(ValueError, match="tolerance must be a number between 0 and 1"):
        deep_linear_at([np.eye(2)], tolerance)
