import itertools
import math

import numpy as np
import pytest

from theory.linear_networks.gibbs import LinearPosterior
from theory.linear_networks.thin_products import axes, extended
from theory.linear_networks.wide_gibbs import WidePosterior
from theory.tempered import linear_network, norm_product
from theory.tempered.wide import wide_network


def random_weights(widths, seed, size=1.0):
    rng = np.random.default_rng(seed)
    return [size * rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]


def data_moments(inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal((30, inputs)), rng.standard_normal((30, outputs))
    return x.T @ x / 30, noise.T @ x / 30


def start(weights, chains, seed):
    rng = np.random.default_rng(seed)
    return [w + 0.5 * rng.standard_normal((chains, *w.shape)) for w in weights]


@pytest.mark.parametrize("widths", [(7, 3, 6, 2, 5), (2, 6, 3, 7), (4, 4)])
def test_thin_factors_hold_the_product(widths):
    layers = random_weights(widths, 0)
    thin, product = None, np.eye(widths[0])
    for layer in layers:
        thin, product = extended(thin, layer), layer @ product
        turned = axes(thin, layer.shape[0], layer.dtype, careful=False)
        np.testing.assert_allclose(turned.outer @ turned.inner.T, product.T, atol=1e-12)
        gram = turned.outer.T @ turned.outer
        np.testing.assert_allclose(gram, np.diag(turned.values), atol=1e-11)
    assert thin.outer.shape[1] <= min(widths)


@pytest.mark.parametrize("with_data", [False, True])
def test_excess_loss_is_that_of_the_other_kernel(with_data):
    moments = data_moments(7, 5, 1) if with_data else (None, None)
    arguments = (random_weights((7, 3, 6, 5), 2), 10.0, 1.0, 0.7, *moments)
    wide, plain = WidePosterior(*arguments), LinearPosterior(*arguments)
    state = start(wide.weights, 3, 3)
    np.testing.assert_allclose(wide.excess_loss(state), plain.excess_loss(state), rtol=1e-10)


@pytest.mark.parametrize("nbeta", [5.0, 1e7])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_one_layer_is_drawn_from_its_conditional(layer, nbeta):
    """Against the dense precision with its Kronecker product; false alarms below 1e-3 in all."""
    s, c = data_moments(3, 2, 0)
    gamma, scale, draws = 2.0, 0.7, 1500
    posterior = WidePosterior(random_weights([3, 1, 4, 2], 1), nbeta, gamma, scale, s, c)
    state = [w[0] for w in start(posterior.weights, 1, 2)]
    w1, w2, w3 = state
    u = [w3 @ w2, w3, np.eye(2)][layer]
    v = [np.eye(3), w1, w2 @ w1][layer]
    star, t = posterior.weights[layer], 2 * nbeta * scale
    product = posterior.weights[2] @ posterior.weights[1] @ posterior.weights[0]
    precision = np.kron(t * u.T @ u, v @ s @ v.T) + gamma * np.eye(star.size)
    covariance = np.linalg.inv(precision)
    mean = np.linalg.solve(precision, (t * u.T @ (product @ s + c) @ v.T + gamma * star).ravel())
    above, below = None, posterior._inputs
    for k in range(2, layer, -1):
        above = extended(above, state[k].T)
    for k in range(layer):
        below = extended(below, state[k])
    rng, drawn, energies = np.random.default_rng(4), [], []
    for _ in range(draws):
        one = [w.copy() for w in state]
        conditional = posterior._draw_layer(layer, one[layer], above, below, rng)
        drawn.append(one[layer].ravel())
        energies.append(posterior.excess_loss([w[None] for w in one])[0])
    flat, sd = np.array(drawn), np.sqrt(np.diag(covariance))
    assert np.all(np.abs(flat.mean(axis=0) - mean) <= 4.5 * sd / math.sqrt(draws) + 1e-6 * sd)
    outer = np.outer(sd, sd)
    limit = 4.5 * math.sqrt(2 / draws)
    assert np.max(np.abs(np.cov(flat.T) / outer - covariance / outer)) < limit
    assert abs(np.mean(energies) - conditional) <= 4.5 * np.std(energies) / math.sqrt(draws)
    # Negative control: another spread is noticed.
    assert np.max(np.abs(np.cov(flat.T) / outer - 1.4 * covariance / outer)) > limit


def test_runs_agree_with_the_other_kernel():
    """Fifty conditional energies of 16 chains each, compared at 4.5 standard errors."""
    weights = random_weights((5, 2, 6, 4), 5, 0.7)
    means = []
    for build, nbeta, seed in (
        (WidePosterior, 20.0, 6),
        (LinearPosterior, 20.0, 7),
        (LinearPosterior, 5.0, 8),
    ):
        posterior, rng = build(weights, nbeta, 4.0), np.random.default_rng(seed)
        state, trace = start(posterior.weights, 16, 9), []
        for k in range(80):
            state, energy = posterior.sweep(state, rng)
            if k >= 30:
                trace.append(nbeta * energy)
        chains = np.mean(trace, axis=0)
        means.append((chains.mean(), chains.std(ddof=1) / math.sqrt(chains.size)))

    def z(a, b):
        return abs(a[0] - b[0]) / math.hypot(a[1], b[1])

    assert z(means[0], means[1]) <= 4.5
    assert z(means[0], means[2]) > 4.5


def test_wide_target_against_a_product_of_norms():
    # |W_2 W_1| = |W_2| |W_1| for a single hidden unit.
    dims = (60, 40)
    weights = [np.zeros((1, dims[0])), np.zeros((dims[1], 1))]
    posterior = WidePosterior(weights, 10.0, 2.0)
    rng = np.random.default_rng(1)
    truth = wide_network(posterior, rng, 8, 0.02, 256)
    exact = norm_product(dims, [1, 1], 10.0, 2.0, 0.5).value
    assert truth.certified
    assert abs(truth.value - exact) <= 4.5 * truth.stderr
    assert abs(truth.value - 1.25 * exact) > 4.5 * truth.stderr


def test_large_networks_take_the_thin_kernel_in_their_own_precision():
    weights = [w.astype(np.float32) / 8 for w in random_weights((90, 60, 140, 50), 10)]
    found = linear_network(weights, 1e3, 200.0, rtol=0.02)
    double = linear_network([w.astype(float) for w in weights], 1e3, 200.0, rtol=0.02, seed=1)
    assert found.certified
    assert "apart" in found.details
    assert abs(found.value - double.value) <= 0.01 * double.value


def test_a_run_that_is_too_short_is_not_certified():
    posterior = WidePosterior(random_weights((6, 4, 6), 11), 1e4, 1.0)
    found = wide_network(posterior, np.random.default_rng(0), 2, 1e-6, 16)
    assert not found.certified
    assert found.details["sweeps"] == 16


def test_chains_that_overflow_end_the_run_at_once():
    """The localisation is so weak that 40 layers of its variance multiply beyond all numbers."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((24, 24)).astype(np.float32) / 5 for _ in range(40)]
    truth = linear_network(weights, 1e4, 1e-3)
    assert math.isnan(truth.value)
    assert not truth.certified
    assert truth.details["sweeps"] < 5


def test_the_state_is_overwritten_and_the_reference_is_not():
    weights = [w.astype(np.float32) for w in random_weights([5, 4, 3], 9)]
    posterior = WidePosterior(weights, 100.0, 1.0)
    assert all(a is b for a, b in zip(posterior.weights, weights, strict=True))
    kept = [w.copy() for w in weights]
    state = [w[None].copy() for w in weights]
    new, energy = posterior.sweep(state, np.random.default_rng(0))
    assert new is state
    assert energy.shape == (1,)
    assert all(
        w.dtype == np.float32 and not np.array_equal(w[0], k)
        for w, k in zip(new, kept, strict=True)
    )
    for w, k in zip(weights, kept, strict=True):
        np.testing.assert_array_equal(w, k)


def test_bad_arguments():
    for keywords, name in (
        ({"gamma": 0.0}, "gamma"),
        ({"nbeta": math.nan}, "nbeta"),
        ({"weights": [np.eye(2), np.eye(3)]}, r"weights\[1\]"),
    ):
        arguments = {"weights": [np.eye(2)] * 2, "nbeta": 1.0, "gamma": 1.0, **keywords}
        with pytest.raises(ValueError, match=name):
            WidePosterior(**arguments)
