import itertools
import math

import numpy as np
import pytest

from theory.tempered import linear_network, linear_regression, norm_product, quadrature, regular


def z_between(result, value, stderr=0.0):
    return (result.value - value) / math.hypot(result.stderr, stderr)


@pytest.mark.parametrize("dims", [(1, 1), (3, 2), (5, 5)])
@pytest.mark.parametrize("nbeta", [10.0, 1e5])
def test_one_hidden_unit_at_zero_is_a_product_of_norms(dims, nbeta):
    # |W_2 W_1| = |W_2| |W_1| for a single hidden unit.
    weights = [np.zeros((1, dims[0])), np.zeros((dims[1], 1))]
    result = linear_network(weights, nbeta, 2.0, seed=1)
    exact = norm_product(dims, [1, 1], nbeta, 2.0, 0.5).value
    assert result.certified
    assert abs(z_between(result, exact)) <= 4.5
    assert result.stderr <= 0.005 * result.value
    assert abs(z_between(result, 1.04 * exact)) > 4.5


@pytest.mark.parametrize("depth", [3, 4])
def test_scalar_layers_at_zero_are_a_monomial(depth):
    result = linear_network([np.zeros((1, 1))] * depth, 1e4, 1.0, seed=2)
    exact = norm_product([1] * depth, [1] * depth, 1e4, 1.0, 0.5).value
    assert result.certified
    assert abs(z_between(result, exact)) <= 4.5


@pytest.mark.parametrize("star", [(1.5, 0.3), (0.2, -1.0), (1.0, 0.0)])
@pytest.mark.parametrize("nbeta", [20.0, 1e4])
def test_scalar_layers_off_zero_agree_with_quadrature(star, nbeta):
    weights = [np.array([[x]]) for x in star]
    exact = quadrature(lambda w: 0.5 * (w[0] * w[1] - star[0] * star[1]) ** 2, star, nbeta, 1.0)
    result = linear_network(weights, nbeta, 1.0, seed=3)
    assert result.certified
    assert abs(z_between(result, exact.value)) <= 4.5


def test_label_noise_agrees_with_quadrature():
    star = (0.8, 0.6)

    def potential(w):
        gap = w[0] * w[1] - 0.48
        return 0.5 * (1.3 * gap**2 - 0.3 * gap)

    exact = quadrature(potential, star, 100.0, 1.0).value
    result = linear_network(
        [np.array([[x]]) for x in star],
        100.0,
        1.0,
        second_moment=[[1.3]],
        cross_moment=[[0.15]],
        seed=4,
    )
    assert abs(z_between(result, exact)) <= 4.5


def test_three_parameters_agree_with_quadrature():
    first, second = np.array([[0.9, -0.4]]), np.array([[0.7]])
    moment = np.array([[1.0, 0.3], [0.3, 2.0]])

    def potential(w):
        gap = w[2] * w[:2] - 0.7 * first.T
        return 0.5 * np.einsum("in,ij,jn->n", gap, moment, gap)

    exact = quadrature(potential, [0.9, -0.4, 0.7], 300.0, 1.0, rtol=1e-4)
    result = linear_network([first, second], 300.0, 1.0, second_moment=moment, seed=5)
    assert abs(z_between(result, exact.value, exact.stderr)) <= 4.5


@pytest.mark.parametrize("widths", [(3, 3, 3), (2, 3, 2, 2)])
def test_matrices_agree_with_importance_sampling(widths):
    rng = np.random.default_rng(6)
    weights = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]
    nbeta, draws = 1.0, 300_000
    product, star = np.eye(widths[0]), np.eye(widths[0])
    for w in weights:
        star = w @ star
        product = (w + rng.standard_normal((draws, *w.shape))) @ product
    energy = nbeta * 0.5 * np.sum((product - star) ** 2, axis=(1, 2))
    weight = np.exp(-energy)
    value = np.sum(weight * energy) / np.sum(weight)
    stderr = math.sqrt(np.sum((weight * (energy - value)) ** 2)) / np.sum(weight)
    result = linear_network(weights, nbeta, 1.0, seed=7, rtol=0.002)
    assert abs(z_between(result, value, stderr)) <= 4.5


def test_standard_error_is_honest_over_seeds():
    weights = [np.array([[1.5]]), np.array([[0.3]])]
    exact = quadrature(lambda w: 0.5 * (w[0] * w[1] - 0.45) ** 2, [1.5, 0.3], 200.0, 1.0).value
    z = np.array(
        [
            z_between(linear_network(weights, 200.0, 1.0, seed=s, rtol=0.01), exact)
            for s in range(16)
        ]
    )
    assert abs(z.mean()) <= 4.5 / math.sqrt(z.size)
    assert 0.5 <= np.sqrt(np.mean(z**2)) <= 1.6


def test_reaches_the_deeper_stratum():
    # Ranks 3 and 1: local coefficient 9/2, global 4; the localisation of width one reaches the
    # deeper points, so the target at a low temperature lies at the global value, not the local.
    rng = np.random.default_rng(8)
    first = rng.standard_normal((3, 3))
    second = np.outer(rng.standard_normal(3), rng.standard_normal(3))
    result = linear_network([first, second], 1e6 / math.log(1e6), 1.0, seed=9)
    assert result.certified
    assert 3.7 < result.value < 4.2


def test_strong_localisation_is_regular_in_the_tangent_space():
    # At gamma where t |W|^2 and gamma compete the network is linear in its parameters.
    rng = np.random.default_rng(10)
    w1, w2 = rng.standard_normal((2, 3)), rng.standard_normal((2, 2))
    jacobian = np.hstack([np.kron(w2, np.eye(3)), np.kron(np.eye(2), w1.T)])
    eigenvalues = np.linalg.eigvalsh(jacobian.T @ jacobian).clip(0)
    expected = regular(eigenvalues, 1e6, 1e6).value
    result = linear_network([w1, w2], 1e6, 1e6, seed=11, rtol=0.002)
    assert result.certified
    assert result.value == pytest.approx(expected, rel=0.01)


def test_one_layer_is_closed_form():
    rng = np.random.default_rng(12)
    x = rng.standard_normal((20, 3))
    s, c = x.T @ x / 20, rng.standard_normal((2, 20)) @ x / 20
    result = linear_network([np.ones((2, 3))], 10.0, 1.0, 0.5, second_moment=s, cross_moment=c)
    assert result.value == pytest.approx(linear_regression(s, c, 10.0, 1.0).value, rel=1e-12)
    plain = linear_network([np.ones((2, 3))], 10.0, 1.0, 2.0)
    assert plain.value == pytest.approx(regular([4.0] * 6, 10.0, 1.0).value)


def test_result_is_a_function_of_the_seed():
    weights = [np.ones((2, 2)), np.eye(2)]
    a, b = (linear_network(weights, 10.0, 1.0, seed=3, rtol=0.05) for _ in range(2))
    assert a.value == b.value
    assert a.value != linear_network(weights, 10.0, 1.0, seed=4, rtol=0.05).value


def test_short_runs_are_not_certified():
    result = linear_network([np.eye(3), np.eye(3)], 1e4, 1.0, rtol=1e-6, max_sweeps=32)
    assert not result.certified
    assert result.details["sweeps"] == 32


@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({"nbeta": -1.0}, "nbeta"),
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": math.nan}, "gamma"),
        ({"scale": -1.0}, "scale"),
        ({"rtol": 0.0}, "rtol"),
        ({"num_chains": 5}, "num_chains"),
        ({"max_sweeps": 2}, "max_sweeps"),
        ({"weights": [np.eye(2), np.eye(3)]}, "weights"),
    ],
)
def test_bad_arguments(keywords, name):
    arguments = {"weights": [np.eye(2), np.eye(2)], "nbeta": 1.0, "gamma": 1.0, **keywords}
    with pytest.raises(ValueError, match=name):
        linear_network(**arguments)
