import itertools
import math

import numpy as np
import pytest

import theory.tempered.effective_dimension as module
from theory.tempered import linear_network, regular
from theory.tempered.effective_dimension import gauss_newton_dimension, local_gamma
from theory.tempered.lanczos_bounds import quadratic_form


def random_weights(widths, seed, size=1.0):
    rng = np.random.default_rng(seed)
    return [size * rng.standard_normal((b, a)) for a, b in itertools.pairwise(widths)]


def jacobian(weights, root):
    """Return the Jacobian of the whitened map by its columns, one for each weight."""
    columns = []
    for k, layer in enumerate(weights):
        for index in np.ndindex(layer.shape):
            product = root
            for j, other in enumerate(weights):
                unit = np.zeros_like(layer)
                unit[index] = 1.0
                product = (unit if j == k else other) @ product
            columns.append(product.ravel())
    return np.array(columns).T


@pytest.mark.parametrize("widths", [(4, 3, 5), (5, 2, 4, 3)])
@pytest.mark.parametrize("with_data", [False, True])
def test_eigenvalues_are_those_of_the_jacobian(widths, with_data):
    weights, x = random_weights(widths, 0), np.random.default_rng(1).standard_normal((9, widths[0]))
    moment = x.T @ x / 9
    root = np.linalg.cholesky(moment) if with_data else np.eye(widths[0])
    inner = jacobian(weights, root)
    values = np.linalg.eigvalsh(inner.T @ inner).clip(0)
    expected = regular(2 * 0.7 * values, 30.0, 2.0).value
    given = moment if with_data else None
    dimension = gauss_newton_dimension(weights, 30.0, 2.0, 0.7, second_moment=given)
    assert dimension.value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("with_data", [False, True])
def test_probes_agree_with_all_eigenvalues(with_data, monkeypatch):
    """Eight probes at 4.5 standard errors, which are upper bounds."""
    weights = random_weights((20, 7, 30, 25), 2, 0.5)
    x = np.random.default_rng(3).standard_normal((60, 20))
    given = x.T @ x / 60 if with_data else None
    exact = gauss_newton_dimension(weights, 10.0, 50.0, second_moment=given)
    other = gauss_newton_dimension(weights, 10.0, 800.0, second_moment=given)
    monkeypatch.setattr(module, "_EXACT", 0)
    dimension = gauss_newton_dimension(weights, 10.0, 50.0, second_moment=given, probes=8)
    assert dimension.certified
    assert abs(dimension.value - exact.value) <= 4.5 * dimension.stderr
    assert abs(dimension.value - other.value) > 4.5 * dimension.stderr


def test_both_rules_bound_the_quadratic_form():
    rng = np.random.default_rng(4)
    basis, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    values = np.concatenate([np.zeros(10), np.geomspace(1e-2, 1e3, 30)])
    start = rng.standard_normal(40)
    unit = basis.T @ start / np.linalg.norm(start)
    exact = float(unit**2 @ (values / (values + 0.5)))
    widest = 1.0
    for most in (2, 5, 10, 20):
        sides = quadratic_form(lambda v: basis @ (values * (basis.T @ v)), start, 0.5, 0.0, most)
        assert sides.lower <= exact + 1e-12
        assert sides.upper >= exact - 1e-12
        assert sides.upper - sides.lower <= widest
        widest = sides.upper - sides.lower
    assert widest < 1e-2


def test_single_precision_agrees_with_double(monkeypatch):
    monkeypatch.setattr(module, "_EXACT", 0)
    weights = random_weights((40, 30, 50), 5, 0.2)
    double = gauss_newton_dimension(weights, 1e3, 10.0)
    single = gauss_newton_dimension([w.astype(np.float32) for w in weights], 1e3, 10.0)
    assert single.value == pytest.approx(double.value, rel=1e-4)


def test_leading_order_of_the_tempered_value_where_the_fibre_is_smooth():
    """Widths that only fall, all layers of full rank: every node is surjective above."""
    weights = random_weights((7, 5, 3), 6, 0.5)
    gamma = local_gamma(weights, 0.1)
    nbeta = 3e3 * gamma / 100
    linear = gauss_newton_dimension(weights, nbeta, gamma)
    gibbs = linear_network(weights, nbeta, gamma, rtol=1e-2, num_chains=8)
    assert gibbs.value == pytest.approx(linear.value, rel=0.03)
    # Negative control: a loose localisation leaves the place where the map is linear.
    loose = gamma / 300
    apart = linear_network(weights, nbeta / 300, loose, rtol=1e-2, num_chains=8).value
    assert abs(apart - gauss_newton_dimension(weights, nbeta / 300, loose).value) > 0.03 * apart


def test_local_gamma_bounds_the_change_of_the_product():
    weights, rng = random_weights((30, 40, 20, 35), 7), np.random.default_rng(8)
    gamma = local_gamma(weights, 0.05)
    star = weights[2] @ weights[1] @ weights[0]
    changes = []
    for _ in range(200):
        a, b, c = (w + rng.standard_normal(w.shape) / math.sqrt(gamma) for w in weights)
        changes.append(np.sum((c @ b @ a - star) ** 2) / np.sum(star**2))
    assert np.mean(changes) == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({"gamma": 0.0}, "gamma"),
        ({"nbeta": math.inf}, "nbeta"),
        ({"probes": 0}, "probes"),
        ({"second_moment": np.eye(3)}, "second_moment"),
    ],
)
def test_bad_arguments(keywords, name):
    arguments = {"weights": [np.eye(2)] * 2, "nbeta": 1.0, "gamma": 1.0, **keywords}
    with pytest.raises(ValueError, match=name):
        gauss_newton_dimension(**arguments)
    with pytest.raises(ValueError, match=r"weights\[1\] is zero"):
        local_gamma([np.eye(2), np.zeros((2, 2))])
