import itertools
import math

import numpy as np
import pytest

from theory.linear_networks.fibres import fibre_move
from theory.linear_networks.gibbs import LinearPosterior, _right_vectors
from theory.tempered import linear_regression, quadrature


def random_weights(widths, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]


def random_state(posterior, chains, seed):
    rng = np.random.default_rng(seed)
    return [w + rng.standard_normal(w.shape) for w in posterior.start(chains)]


def run(posterior, chains, sweeps, seed, *, fibre=True, burnin=100):
    rng = np.random.default_rng(seed)
    state = posterior.start(chains)
    energies, conditionals = [], []
    for k in range(sweeps):
        if fibre:
            state = posterior.fibre_move(state, rng)
        state, conditional = posterior.sweep(state, rng)
        if k >= burnin:
            energies.append(posterior.excess_loss(state))
            conditionals.append(conditional)
    return posterior.nbeta * np.array(energies), posterior.nbeta * np.array(conditionals)


def z_score(trace, expected):
    means = trace.mean(axis=0)
    return (means.mean() - expected) / (means.std(ddof=1) / math.sqrt(means.size))


def data_moments(inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal((30, inputs)), rng.standard_normal((30, outputs))
    return x.T @ x / 30, noise.T @ x / 30, x, noise


def test_excess_loss_is_that_of_the_data():
    s, c, x, noise = data_moments(3, 2, 0)
    posterior = LinearPosterior(random_weights([3, 4, 2], 1), 10.0, 1.0, 0.5, s, c)
    state = random_state(posterior, 5, 2)
    y = x @ (posterior.weights[1] @ posterior.weights[0]).T + noise
    for chain, value in enumerate(posterior.excess_loss(state)):
        fit = x @ (state[1][chain] @ state[0][chain]).T
        expected = 0.5 * np.mean(np.sum((y - fit) ** 2 - noise**2, axis=1))
        assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("nbeta", [5.0, 1e7])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_one_layer_is_drawn_from_its_conditional(layer, nbeta):
    s, c, _, _ = data_moments(3, 2, 0)
    posterior = LinearPosterior(random_weights([3, 4, 3, 2], 1), nbeta, 2.0, 0.7, s, c)
    state = [np.repeat(w[:1], 40_000, axis=0) for w in random_state(posterior, 1, 2)]
    # The dense conditional: precision and mean with the Kronecker product that is never formed.
    eye = [np.eye(3), np.eye(2)]
    w1, w2, w3 = (w[0] for w in state)
    above = [w3 @ w2, w3, eye[1]][layer]
    below = [eye[0], w1, w2 @ w1][layer]
    t = 2 * nbeta * 0.7
    star = posterior.weights[layer]
    product = posterior.weights[2] @ posterior.weights[1] @ posterior.weights[0]
    precision = np.kron(t * above.T @ above, below @ s @ below.T) + 2.0 * np.eye(star.size)
    linear = t * above.T @ (product @ s + c) @ below.T + 2.0 * star
    covariance = np.linalg.inv(precision)
    mean = np.linalg.solve(precision, linear.ravel())
    prefix = [None, w1, w2 @ w1][layer]
    suffix = [w3 @ w2, w3, None][layer]
    lower = posterior._root if prefix is None else (prefix @ posterior._root)[None]
    upper = None if suffix is None else suffix[None]
    drawn, conditional = posterior._draw_layer(
        layer, state[layer], upper, lower, np.random.default_rng(4)
    )
    flat = drawn.reshape(len(drawn), -1)
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(flat.mean(axis=0) - mean) <= 4.5 * sd / math.sqrt(len(flat)) + 1e-6 * sd)
    scaled = np.cov(flat.T) / np.outer(sd, sd)
    assert np.max(np.abs(scaled - covariance / np.outer(sd, sd))) < 0.04
    new = list(state)
    new[layer] = drawn
    energy = posterior.excess_loss(new)
    stderr = energy.std() / math.sqrt(len(energy))
    assert abs(energy.mean() - conditional[0]) <= 4.5 * stderr


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 4, 5)])
def test_singular_vectors_and_eigenvectors_agree(shape):
    matrices = np.random.default_rng(1).standard_normal(shape)
    for careful in (True, False):
        basis = _right_vectors(matrices, careful)
        turned = matrices @ basis
        gram = np.swapaxes(turned, -1, -2) @ turned
        diagonal = np.einsum("cii->ci", gram)
        np.testing.assert_allclose(gram, diagonal[:, :, None] * np.eye(shape[2]), atol=1e-12)
        np.testing.assert_allclose(
            np.swapaxes(basis, -1, -2) @ basis,
            np.broadcast_to(np.eye(shape[2]), gram.shape),
            atol=1e-12,
        )


def test_single_layer_conditional_energy_is_linear_regression():
    s, c, _, _ = data_moments(4, 3, 5)
    posterior = LinearPosterior(random_weights([4, 3], 1), 20.0, 1.5, 0.5, s, c)
    _, conditional = posterior.sweep(random_state(posterior, 6, 3), np.random.default_rng(0))
    expected = linear_regression(s, c, 20.0, 1.5).value
    np.testing.assert_allclose(20.0 * conditional, expected, rtol=1e-10)


def test_agrees_with_quadrature_and_lowers_the_variance():
    posterior = LinearPosterior(
        [np.array([[1.5]]), np.array([[0.3]])], 200.0, 1.0, 0.5, [[1.7]], [[0.2]]
    )

    def potential(w):
        gap = w[0] * w[1] - 0.45
        return 0.5 * (1.7 * gap**2 - 0.4 * gap)

    exact = quadrature(potential, [1.5, 0.3], 200.0, 1.0).value
    energies, conditionals = run(posterior, 256, 800, seed=1)
    assert abs(z_score(energies, exact)) <= 4.5
    assert abs(z_score(conditionals, exact)) <= 4.5
    assert conditionals.var() < 0.1 * energies.var()


def test_gate_rejects_a_wrong_temperature():
    weights = [np.array([[1.5]]), np.array([[0.3]])]
    exact = quadrature(lambda w: 0.5 * (w[0] * w[1] - 0.45) ** 2, [1.5, 0.3], 200.0, 1.0).value
    right, wrong = (LinearPosterior(weights, t, 1.0) for t in (200.0, 260.0))
    assert abs(z_score(run(right, 256, 600, seed=2)[1], exact)) <= 4.5
    assert abs(z_score(run(wrong, 256, 600, seed=2)[1] * 200 / 260, exact)) > 4.5


def test_sweeps_alone_agree_with_sweeps_and_fibre_moves():
    posterior = LinearPosterior(random_weights([3, 2, 3], 6), 3.0, 1.0)
    plain = run(posterior, 256, 700, seed=3, fibre=False)[1].mean(axis=0)
    moved = run(posterior, 256, 400, seed=4)[1].mean(axis=0)
    stderr = math.sqrt((plain.var(ddof=1) + moved.var(ddof=1)) / 256)
    assert abs(plain.mean() - moved.mean()) <= 4.5 * stderr


def test_fibre_moves_keep_the_product_and_leave_the_localisation_invariant():
    # Without a loss the target of a pair is Gaussian about the reference: moves must keep it.
    rng = np.random.default_rng(7)
    w_star, v_star = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))
    gamma, chains = 1.6, 40_000
    w = w_star + rng.standard_normal((chains, 4, 3)) / math.sqrt(gamma)
    v = v_star + rng.standard_normal((chains, 2, 4)) / math.sqrt(gamma)
    new_w, new_v = w, v
    for _ in range(6):
        new_w, new_v = fibre_move(new_w, new_v, w_star, v_star, gamma, rng)
    np.testing.assert_allclose(new_v @ new_w, v @ w, atol=1e-9)
    assert np.mean(np.abs(new_w - w)) > 0.3
    for new, star in ((new_w, w_star), (new_v, v_star)):
        z = (new - star) * math.sqrt(gamma)
        assert np.max(np.abs(z.mean(axis=0))) <= 4.5 / math.sqrt(chains)
        assert np.max(np.abs((z**2).mean(axis=0) - 1)) <= 4.5 * math.sqrt(2 / chains)
        assert np.max(np.abs((z**4).mean(axis=0) - 3)) <= 4.5 * math.sqrt(96 / chains)
    # Negative control: the same moves at a wrong localisation are noticed.
    wrong_w, _ = fibre_move(w, v, w_star, v_star, 1.3 * gamma, rng)
    z = (wrong_w - w_star) * math.sqrt(gamma)
    assert np.max(np.abs((z**2).mean(axis=0) - 1)) > 4.5 * math.sqrt(2 / chains)


@pytest.mark.parametrize("widths", [[2, 1, 3], [3, 1, 1, 2]])
def test_fibre_moves_cross_to_the_other_sign(widths):
    posterior = LinearPosterior([0.3 * w for w in random_weights(widths, 8)], 1e6, 1.0)
    rng = np.random.default_rng(0)
    state = posterior.start(64)
    for _ in range(100):
        state = posterior.fibre_move(state, rng)
    signs = np.sign(np.einsum("chi,hi->c", state[0], posterior.weights[0]))
    assert 0 < np.sum(signs < 0) < 64


def test_state_is_not_changed_and_dtype_is_kept():
    weights = [w.astype(np.float32) for w in random_weights([5, 4, 3], 9)]
    posterior = LinearPosterior(weights, 100.0, 1.0, second_moment=np.eye(5))
    state = posterior.start(3)
    new, conditional = posterior.sweep(posterior.fibre_move(state, rng := _rng()), rng)
    assert all(w.dtype == np.float32 for w in new)
    assert conditional.dtype == posterior.excess_loss(new).dtype == np.float32
    for w, star in zip(state, weights, strict=True):
        np.testing.assert_array_equal(w, np.repeat(star[None], 3, axis=0))


def _rng():
    return np.random.default_rng(0)


def test_single_precision_agrees_with_double():
    weights = random_weights([4, 3, 4], 10)
    means = []
    for dtype in (np.float32, np.float64):
        posterior = LinearPosterior([w.astype(dtype) for w in weights], 1e3, 1.0)
        means.append(run(posterior, 64, 400, seed=11)[1].mean(axis=0, dtype=np.float64))
    stderr = math.sqrt(sum(m.var(ddof=1) for m in means) / 64)
    assert abs(means[0].mean() - means[1].mean()) <= 4.5 * stderr


def test_deep_network_stays_finite():
    rng = np.random.default_rng(12)
    posterior = LinearPosterior([w / 4 for w in random_weights([16] * 11, 13)], 1e4, 1.0)
    state = random_state(posterior, 4, 14)
    for _ in range(30):
        state, conditional = posterior.sweep(posterior.fibre_move(state, rng), rng)
    assert np.all(np.isfinite(conditional))
    assert np.all(1e4 * conditional < posterior.dim)


def test_moments_of_rank_below_the_inputs():
    x = np.array([[1.0, 2.0, 0.0]])
    posterior = LinearPosterior(
        random_weights([3, 2, 2], 15), 10.0, 1.0, 0.5, x.T @ x, np.ones((2, 1)) @ x
    )
    state, conditional = posterior.sweep(random_state(posterior, 4, 16), _rng())
    assert np.all(np.isfinite(conditional))
    assert posterior.excess_loss(state).shape == (4,)


@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({"weights": []}, "weights"),
        ({"weights": [np.eye(2), np.eye(3)]}, r"weights\[1\]"),
        ({"weights": [np.array([[math.nan]])]}, r"weights\[0\]"),
        ({"nbeta": -1.0}, "nbeta"),
        ({"gamma": 0.0}, "gamma"),
        ({"scale": math.inf}, "scale"),
        ({"second_moment": np.eye(3)}, "second_moment"),
        ({"second_moment": [[1.0, 0.5], [0.0, 1.0]]}, "second_moment"),
        ({"second_moment": -np.eye(2)}, "second_moment"),
        ({"cross_moment": np.eye(3)}, "cross_moment"),
        ({"second_moment": np.diag([1.0, 0.0]), "cross_moment": np.eye(2)}, "cross_moment"),
    ],
)
def test_bad_arguments(keywords, name):
    arguments = {"weights": [np.eye(2)], "nbeta": 1.0, "gamma": 1.0, **keywords}
    with pytest.raises(ValueError, match=name):
        LinearPosterior(**arguments)
