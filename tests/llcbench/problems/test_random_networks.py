"""The random classes: sizes, distribution of the weights, ranks, trained points."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, truncnorm

import llcbench
from llcbench.problems.linear_networks.points import generator_of
from llcbench.problems.linear_networks.random_networks import (
    CLASSES,
    RandomClass,
    _truncate,
    draw_network,
    widths_of_draw,
)
from llcbench.problems.linear_networks.trained import Trained, truth_at
from theory.families import deep_linear_at, reduced_rank_local

Floats = NDArray[np.float64]
SMALL = RandomClass((2, 6), (8, 40), 1000, single=True)


def size_of(widths):
    return sum(a * b for a, b in pairwise(widths))


def test_sizes_are_known_from_the_widths_alone():
    widths = widths_of_draw("dln/100m/s29", CLASSES["100m"])
    assert (len(widths) - 1, size_of(widths)) == (32, 100_506_815)
    assert widths_of_draw("dln/1k/s0", CLASSES["1k"]) == (43, 48, 13)
    for name, limits in CLASSES.items():
        for k in range(50):
            widths = widths_of_draw(f"dln/{name}/s{k}", limits)
            assert limits.layers[0] <= len(widths) - 1 < limits.layers[1]
            assert all(limits.widths[0] <= width < limits.widths[1] for width in widths)


def test_double_precision_draws_follow_the_published_order():
    """Depth, widths, then layer by layer: weights, coin, rank, decomposition."""
    rng = generator_of("dln/10k/s3")
    depth = int(rng.integers(2, 10))
    widths = [int(w) for w in rng.integers(5, 100, size=depth + 1)]
    network = draw_network("dln/10k/s3", CLASSES["10k"])
    for columns, rows, layer, rank in zip(
        widths, widths[1:], network.layers, network.ranks, strict=False
    ):
        weight = truncnorm.rvs(-2, 2, size=(rows, columns), random_state=rng) / columns**0.5
        expected = min(rows, columns)
        if rng.random() >= 0.5:
            expected -= int(rng.integers(expected))
            u, s, v = np.linalg.svd(weight, full_matrices=False)
            weight = (u[:, :expected] * s[:expected]) @ v[:expected]
        assert rank == expected
        np.testing.assert_array_equal(layer, weight)


# Bins of the ranks of a layer: lowest rank, quarters between, the highest reduced one, full.
BINS = 6
# A right generator is rejected once in a million draws of all seeds, for each class.
FALSE_ALARM = 1e-6


def rank_bin(rank: int, full: int) -> int:
    """Return the bin of a rank; a zero layer, which has no bin, goes to the lowest."""
    if rank == full:
        return BINS - 1
    return min(BINS - 2, (max(rank, 1) - 1) * (BINS - 1) // max(full - 1, 1))


@cache
def shares(full: int) -> Floats:
    """Return the probabilities of the bins: one half full, one half reduced by 0, ..., full - 1."""
    bins = np.array([rank_bin(full - reduction, full) for reduction in range(full)])
    share: Floats = np.bincount(bins, minlength=BINS) * (0.5 / full)
    share[BINS - 1] += 0.5
    return share


def rank_statistic(layers: Iterable[tuple[int, int]]) -> float:
    """Return the p-value of (rank, full rank) of layers under the published distribution.

    Layers are independent with distributions of their own: the counts have the sum of their
    covariances, and the quadratic form of all bins but one is chi-square.
    """
    off, covariance = np.zeros(BINS), np.zeros((BINS, BINS))
    for (rank, full), count in Counter(layers).items():
        share = shares(full)
        off -= count * share
        off[rank_bin(rank, full)] += count
        covariance += count * (np.diag(share) - np.outer(share, share))
    kept = slice(0, BINS - 1)
    form = off[kept] @ np.linalg.solve(covariance[kept, kept], off[kept])
    return float(chi2.sf(form, BINS - 1))


def ranks_of_seeds(name: str, count: int) -> list[tuple[int, int]]:
    """Return rank and full rank of every layer of draws of a class, without its weights."""
    limits = replace(CLASSES[name], single=True)
    networks = [draw_network(f"dln/{name}/s{k}", limits) for k in range(count)]
    return [
        (rank, min(pair))
        for network in networks
        for rank, pair in zip(network.ranks, pairwise(network.widths), strict=True)
    ]


@pytest.mark.parametrize("name", CLASSES)
def test_ranks_follow_the_published_generator(name: str) -> None:
    """It draws the reduction from 0, ..., full - 1: no layer is zero, and some stay full."""
    layers = ranks_of_seeds(name, 2000)
    assert all(1 <= rank <= full for rank, full in layers)
    assert rank_statistic(layers) > FALSE_ALARM


@pytest.mark.parametrize("name", ["1k", "10k"])
def test_no_layer_of_the_drawn_weights_is_zero(name: str) -> None:
    layers = [w for k in range(60) for w in draw_network(f"dln/{name}/s{k}", CLASSES[name]).layers]
    assert min(np.abs(layer).max() for layer in layers) > 0.01


@pytest.mark.parametrize("name", ["1k", "100k"])
def test_the_former_generator_of_ranks_is_rejected(name: str, monkeypatch) -> None:
    """Negative control: ranks from 0, ..., full - 1, which in wide layers only shows at 0."""
    former = "llcbench.problems.linear_networks.random_networks._reduced"
    monkeypatch.setattr(former, lambda full, rng: int(rng.integers(full)))
    layers = ranks_of_seeds(name, 2000)
    assert min(rank for rank, _ in layers) == 0
    assert name != "1k" or rank_statistic(layers) < FALSE_ALARM


def aoyagi(widths: tuple[int, ...], rank: int) -> tuple[Fraction, int]:
    """Return coefficient and multiplicity by the theorem as it is printed.

    The set is sought among all sets of smallest reduced widths, ties together; the sums are taken
    as they stand. The product does neither.
    """
    reduced = [width - rank for width in widths]
    for bound in sorted(set(reduced)):
        inner = [m for m in reduced if m <= bound]
        outer = [m for m in reduced if m > bound]
        ell = len(inner) - 1
        if ell < 1 or sum(inner) < ell * max(inner):
            continue
        if outer and sum(inner) >= ell * min(outer):
            continue
        m = math.ceil(Fraction(sum(inner), ell))
        a = sum(inner) - (m - 1) * ell
        value = (
            Fraction(-(rank**2) + rank * (widths[0] + widths[-1]), 2)
            + Fraction(a * (ell - a), 4 * ell)
            - Fraction(ell * (ell - 1), 4) * Fraction(sum(inner), ell) ** 2
            + Fraction(sum(x * y for x, y in combinations(inner, 2)), 2)
        )
        return value, a * (ell - a) + 1
    raise AssertionError(f"no set of widths for {widths} at rank {rank}")


@pytest.mark.parametrize("name", CLASSES)
def test_truths_of_the_classes_by_the_printed_theorem(name: str) -> None:
    """Global by Aoyagi's theorem; local by the formula for two layers, and never below it."""
    two_layers = 0
    for k in range(8 if name == "100m" else 20):
        network = draw_network(f"dln/{name}/s{k}", CLASSES[name])
        problem = llcbench.problem(f"dln/{name}/s{k}")
        truth, rank = problem.truth, min(network.ranks)
        assert (truth.global_.value, truth.global_.multiplicity) == aoyagi(network.widths, rank)
        assert rank >= 1
        assert truth.local.value >= truth.global_.value
        if len(network.ranks) == 2:
            sizes = dict(zip(("inputs", "hidden", "outputs"), network.widths, strict=True))
            first, second = network.ranks
            local = reduced_rank_local(**sizes, rank=rank, rank_first=first, rank_second=second)
            assert truth.local.value == local.value
            two_layers += 1
    assert two_layers or name in ("1m", "10m", "100m")


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25)])
def test_truncation_is_that_of_the_singular_value_decomposition(shape):
    layer = np.random.default_rng(0).standard_normal(shape)
    u, s, v = np.linalg.svd(layer, full_matrices=False)
    for rank in (0, 7, 19):
        cut = layer.copy()
        _truncate(cut, rank)
        np.testing.assert_allclose(cut, (u[:, :rank] * s[:rank]) @ v[:rank], atol=1e-10)


def test_distribution_of_single_precision_layers():
    """Second moments and coins at 4.5 standard deviations: false alarms below 1e-4 in all."""
    scaled, reduced, total = [], 0, 0
    for k in range(60):
        network = draw_network(f"law/s{k}", SMALL)
        assert network.point.dtype == np.float32
        assert network.point.size == size_of(network.widths)
        for layer, rank in zip(network.layers, network.ranks, strict=True):
            assert layer.base is not None
            total += 1
            if rank == min(layer.shape):
                scaled.append(layer.ravel().astype(float) * layer.shape[1] ** 0.5)
            else:
                reduced += 1
    values = np.concatenate(scaled)
    moment = truncnorm.moment(2, -2, 2)
    spread = math.sqrt(truncnorm.moment(4, -2, 2) - moment**2)
    z = (np.mean(values**2) - moment) / (spread / math.sqrt(values.size))
    assert np.max(np.abs(values)) <= 2.0 + 1e-6
    assert abs(z) <= 4.5
    # Negative control: normals that are not cut off.
    assert abs(np.mean(values**2) - 1.0) > 4.5 * math.sqrt(2 / values.size)
    assert abs(reduced / total - 0.5) <= 4.5 * 0.5 / math.sqrt(total)


def test_ranks_of_partial_products_are_generic():
    for k in range(8):
        network = draw_network(f"ranks/s{k}", SMALL)
        seen = deep_linear_at(network.layers)
        for (i, j), rank in seen.ranks.items():
            assert rank == min(network.ranks[i:j])


def test_a_problem_of_the_class_100k():
    problem = llcbench.problem("dln/100k/s17")
    assert problem.dim == 155_803
    assert problem.point.dtype == np.float32
    assert problem.scale == 1 / problem.map.outputs
    seen = deep_linear_at(
        [layer[0].numpy() for layer in problem.map.layers(problem.w_star().unsqueeze(0))]
    )
    assert seen.local.value == problem.truth.local.value
    assert seen.global_.value == problem.truth.global_.value


def test_a_trained_point_has_the_loss_and_ranks_that_it_says():
    problem = llcbench.problem("dln/1k/s39/trained")
    teacher = llcbench.problem("dln/1k/s39")
    star = problem.w_star().unsqueeze(0)
    gap = problem.map.value(star) - teacher.map.value(teacher.w_star().unsqueeze(0))
    loss = float(gap.square().sum()) * 100 / 3 / problem.map.outputs
    assert f"{loss:.1e}" in problem.why_hard
    assert loss < 1e-8
    local = problem.truth.local
    # Descent is still shrinking a direction: only bounds, which hold both readings.
    layers = [layer[0].numpy() for layer in problem.map.layers(star)]
    readings = {deep_linear_at(layers, cut).value for cut in (1e-2, 1e-6)}
    assert len(readings) == 2
    assert (local.lower, local.upper) == (min(readings), max(readings))
    assert local.multiplicity is None
    assert "in doubt" in local.conditions


def test_clear_ranks_give_a_value():
    rng = np.random.default_rng(2)
    layers = [
        rng.standard_normal((4, 2)) @ rng.standard_normal((2, 5)),
        rng.standard_normal((3, 4)),
    ]
    truth = truth_at(Trained(layers, 1e-30))
    assert truth.local.value == deep_linear_at(layers).value
    assert truth.local.multiplicity is not None
    noisy = [layer + 1e-5 * rng.standard_normal(layer.shape) for layer in layers]
    assert "in doubt" in truth_at(Trained(noisy, 1e-9)).local.conditions


@pytest.mark.parametrize(
    "identifier", ["dln/1k/17", "dln/2k/s1", "dln/1m/s0/trained", "dln/1k/s0/found"]
)
def test_bad_ids(identifier):
    with pytest.raises(ValueError, match="dln"):
        llcbench.problem(identifier)
