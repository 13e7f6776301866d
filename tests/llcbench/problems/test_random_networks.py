"""The random classes: sizes, distribution of the weights, ranks, trained points."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import truncnorm

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
from theory.families import deep_linear_at

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
            expected = int(rng.integers(expected))
            u, s, v = np.linalg.svd(weight, full_matrices=False)
            weight = (u[:, :expected] * s[:expected]) @ v[:expected]
        assert rank == expected
        np.testing.assert_array_equal(layer, weight)


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
        if min(network.ranks) == 0:
            continue
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
    problem = llcbench.problem("dln/1k/s9/trained")
    teacher = llcbench.problem("dln/1k/s9")
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
