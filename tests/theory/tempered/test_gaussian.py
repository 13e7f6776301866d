import math

import numpy as np
import pytest

from theory.tempered import Tempered, direct_sum, linear_regression, quadrature, regular
from theory.tempered.result import with_error


@pytest.mark.parametrize("nbeta", [0.1, 1e4])
def test_regular_agrees_with_quadrature(nbeta):
    other = quadrature(lambda w: 0.5 * (w[0] ** 2 + 3 * w[1] ** 2), [0, 0], nbeta, 2.0)
    assert regular([1.0, 3.0], nbeta, 2.0).value == pytest.approx(other.value, rel=1e-7)


def test_regular_limits():
    assert regular([1.0, 2.0, 5.0], 3.0, 0.0).value == 1.5
    assert regular([0.0, 0.0], 3.0, 1.0).value == 0.0


@pytest.mark.parametrize("nbeta", [0.5, 200.0])
def test_linear_regression_agrees_with_quadrature(nbeta):
    s = np.array([[2.0, 0.7], [0.7, 1.0]])
    c = np.array([0.2, -0.1])
    centre = np.array([0.4, -1.0])

    def potential(w):
        u = w - centre[:, None]
        return 0.5 * np.einsum("in,ij,jn->n", u, s, u) - c @ u

    other = quadrature(potential, centre, nbeta, 1.5)
    assert linear_regression(s, c, nbeta, 1.5).value == pytest.approx(other.value, rel=1e-7)


def test_linear_regression_from_data_agrees_with_sampling():
    rng = np.random.default_rng(3)
    n, d, t, gamma = 40, 5, 9.0, 0.8
    x, noise = rng.standard_normal((n, d)), rng.standard_normal(n)
    s, c = x.T @ x / n, x.T @ noise / n
    cov = np.linalg.inv(t * s + gamma * np.eye(d))
    draws = rng.multivariate_normal(t * cov @ c, cov, size=200_000)
    losses = 0.5 * np.mean((noise - draws @ x.T) ** 2, axis=1) - 0.5 * np.mean(noise**2)
    value = linear_regression(s, c, t, gamma).value
    assert abs(t * losses.mean() - value) <= 4.5 * t * losses.std() / math.sqrt(len(draws))


def test_linear_regression_without_noise_is_regular_and_outputs_add():
    s = np.diag([1.0, 2.0])
    assert linear_regression(s, [0.0, 0.0], 5.0, 1.0).value == pytest.approx(
        regular([1.0, 2.0], 5.0, 1.0).value
    )
    c = np.array([[0.3, 0.1], [-0.2, 0.5]])
    rows = [linear_regression(s, row, 5.0, 1.0) for row in c]
    assert linear_regression(s, c, 5.0, 1.0).value == pytest.approx(direct_sum(*rows).value)


def test_label_noise_lowers_the_mean_by_the_factor_one_minus_beta():
    # One unit of noise variance: E[c c^T] = S / n, and beta = nbeta / n.
    n, nbeta, d = 1000.0, 100.0, 6
    rng = np.random.default_rng(0)
    c = rng.standard_normal((4000, d)) / math.sqrt(n)
    values = np.array([linear_regression(np.eye(d), row, nbeta, 0.0).value for row in c])
    expected = 0.5 * d * (1 - nbeta / n)
    assert abs(values.mean() - expected) <= 4.5 * values.std() / math.sqrt(len(values))
    assert abs(values.mean() - 0.5 * d) > 4.5 * values.std() / math.sqrt(len(values))


def test_direct_sum():
    a = Tempered(value=1.0, stderr=0.3, method="x", certified=True)
    b = Tempered(value=2.0, stderr=0.4, method="y", certified=False)
    total = direct_sum(a, b, a)
    assert total.value == 4.0
    assert total.stderr == pytest.approx(math.sqrt(0.34))
    assert total.method == "x + y"
    assert not total.certified


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (3.8421, 0.0123, "3.842(12)"),
        (0.5, 0.0, "0.5"),
        (3.8421, 0.00996, "3.842(10)"),
        (12.345, 1.23, "12.3(1.2)"),
        (1234.5, 56.0, "1234(56)"),
        (0.4, 1e-16, "0.4"),
        (math.inf, 1.0, "inf(1)"),
    ],
)
def test_with_error(value, stderr, text):
    assert with_error(value, stderr) == text


def test_text():
    good = Tempered(value=3.8421, stderr=0.0123, method="block Gibbs", certified=True)
    bad = Tempered(value=3.8421, stderr=0.0123, method="block Gibbs", certified=False)
    assert str(good) == "3.842(12) by block Gibbs"
    assert "not certified" in str(bad)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: regular([-1.0], 1.0, 1.0), "eigenvalues"),
        (lambda: regular([1.0], 0.0, 1.0), "nbeta"),
        (lambda: regular([1.0, 0.0], 1.0, 0.0), "gamma"),
        (lambda: linear_regression([[1.0, 2.0]], [1.0], 1.0, 1.0), "second_moment"),
        (lambda: linear_regression([[1.0, 2.0], [0.0, 1.0]], [1.0, 1.0], 1.0, 1.0), "symmetric"),
        (lambda: linear_regression([[-1.0]], [1.0], 1.0, 1.0), "second_moment"),
        (lambda: linear_regression([[1.0]], [1.0, 2.0], 1.0, 1.0), "cross_moment"),
        (lambda: linear_regression([[0.0]], [0.0], 1.0, 0.0), "gamma"),
        (lambda: direct_sum(), "part"),
    ],
)
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=name):
        call()
