import math

import numpy as np
import pytest

from theory.tempered import norm_product, quadrature, regular


def nbeta_at(n):
    return n / math.log(n)


@pytest.mark.parametrize(
    ("powers", "n", "value"),
    [
        ([1, 1], 1e5, 0.40544),
        ([2, 1], 1e5, 0.23254),
        ([1, 1, 1, 1], 1e3, 0.18732),
        ([1, 1, 1, 1], 1e4, 0.22981),
        ([1, 1, 1, 1], 1e5, 0.26564),
        ([1, 1, 1, 1], 1e6, 0.29496),
    ],
)
def test_published_style_values(powers, n, value):
    # K = f^2 / 2 for a monomial f, gamma = 1.
    result = norm_product([1] * len(powers), powers, nbeta_at(n), 1.0, 0.5)
    assert result.value == pytest.approx(value, abs=6e-6)
    assert result.certified


@pytest.mark.parametrize("nbeta", [1e-2, 3.0, 1e3, 1e6])
@pytest.mark.parametrize("gamma", [1e-2, 1.0, 1e4])
@pytest.mark.parametrize("powers", [[1], [2], [1.5], [1, 1], [2, 1], [1, 3]])
def test_agrees_with_quadrature(powers, nbeta, gamma):
    exact = norm_product([1] * len(powers), powers, nbeta, gamma, 0.7)

    def potential(w):
        return 0.7 * np.prod([np.abs(x) ** (2 * p) for x, p in zip(w, powers, strict=True)], axis=0)

    other = quadrature(potential, [0.0] * len(powers), nbeta, gamma, rtol=1e-7)
    assert other.certified
    assert exact.value == pytest.approx(other.value, rel=1e-7)


def test_agrees_with_quadrature_in_three_variables():
    exact = norm_product([1, 1, 1], [1, 2, 1], 300.0, 2.0)
    other = quadrature(lambda w: (w[0] * w[1] ** 2 * w[2]) ** 2, [0.0] * 3, 300.0, 2.0, rtol=1e-4)
    assert exact.value == pytest.approx(other.value, rel=1e-5)


@pytest.mark.parametrize(
    ("dims", "powers"), [([3, 2], [1, 2]), ([5], [1]), ([0.5, 2.5], [0.5, 1]), ([4, 6], [1, 1])]
)
@pytest.mark.parametrize("nbeta", [0.1, 2.0])
def test_agrees_with_importance_sampling(dims, powers, nbeta):
    # |w_i|^2 = (2 / gamma) G with G ~ Gamma(d_i / 2), which also covers fractional dimensions.
    gamma, draws = 3.0, 200_000
    rng = np.random.default_rng(11)
    energy = np.full(draws, 0.5)
    for d, p in zip(dims, powers, strict=True):
        energy *= (2 / gamma * rng.gamma(d / 2, size=draws)) ** p
    weight = np.exp(-nbeta * energy)
    value = nbeta * np.sum(weight * energy) / np.sum(weight)
    gaps = weight * (nbeta * energy - value)
    stderr = math.sqrt(np.sum(gaps**2)) / np.sum(weight)
    exact = norm_product(dims, powers, nbeta, gamma, 0.5).value
    assert abs(value - exact) <= 4.5 * stderr
    # Negative control: the same gate sees a wrong factor of K.
    assert abs(value - norm_product(dims, powers, nbeta, gamma, 0.45).value) > 4.5 * stderr


@pytest.mark.parametrize("dim", [1, 7, 1000])
@pytest.mark.parametrize("nbeta", [1e-2, 1.0, 1e5, 1e12])
@pytest.mark.parametrize("gamma", [1e-3, 1.0, 1e6])
def test_square_of_one_norm_is_regular(dim, nbeta, gamma):
    result = norm_product([dim], [1], nbeta, gamma, 0.5)
    assert result.value == pytest.approx(regular([1.0] * dim, nbeta, gamma).value, rel=1e-10)


def test_gamma_distribution():
    assert norm_product([3], [2], 7.0, 0.0).value == 0.75
    assert norm_product([3], [2], 7.0, 1e-12).value == pytest.approx(0.75, rel=1e-6)
    assert norm_product([2, 3], [1, 2], 1.0, 1e-200).value == pytest.approx(0.75, rel=1e-6)


@pytest.mark.parametrize("powers", [[1, 1], [1] * 4, [2] * 10])
def test_asymptotics(powers):
    # lambda - (m - 1) / (log t + c): one unknown c must explain two temperatures.
    m, lam = len(powers), 1 / (2 * powers[0])
    c = []
    for t in (1e150, 1e200):
        value = norm_product([1] * m, powers, t, 1.0).value
        c.append((m - 1) / (lam - value) - math.log(t))
    assert c[0] == pytest.approx(c[1], abs=1.0)


def test_depends_on_one_combination_of_nbeta_scale_and_gamma():
    a = norm_product([2, 3], [1, 2], 40.0, 1.0).value
    assert norm_product([2, 3], [1, 2], 10.0, 1.0, 4.0).value == pytest.approx(a, rel=1e-12)
    assert norm_product([2, 3], [1, 2], 5.0, 0.5).value == pytest.approx(a, rel=1e-12)


@pytest.mark.parametrize("nbeta", [1e-2, 1.0, 1e12])
@pytest.mark.parametrize("gamma", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize(
    ("dims", "powers"),
    [
        ([1] * 10, [1] * 10),
        ([1000] * 10, [1] * 10),
        ([1, 1000], [2, 1]),
        ([0.5, 2, 3.3], [0.5, 3, 7]),
        ([1000, 1000], [0.01, 10]),
    ],
)
def test_whole_range_is_finite_certified_and_below_the_coefficient(dims, powers, nbeta, gamma):
    result = norm_product(dims, powers, nbeta, gamma)
    assert result.certified
    assert 0 < result.value < min(d / (2 * p) for d, p in zip(dims, powers, strict=True))
    # To first order in nbeta the target is nbeta times the mean of K under the localisation.
    log_mean = sum(
        p * math.log(2 / gamma) + math.lgamma(d / 2 + p) - math.lgamma(d / 2)
        for d, p in zip(dims, powers, strict=True)
    )
    if math.log(nbeta) + log_mean < -40:
        assert math.log(result.value) == pytest.approx(math.log(nbeta) + log_mean, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([1], [1], -1.0, 1.0), "nbeta"),
        (([1], [1], math.nan, 1.0), "nbeta"),
        (([1], [1], 1.0, -1.0), "gamma"),
        (([1, 1], [1, 1], 1.0, 0.0), "normalisable"),
        (([1, 0], [1, 1], 1.0, 1.0), "dims"),
        (([1], [1, 1], 1.0, 1.0), "powers"),
        (([], [], 1.0, 1.0), "dims"),
        (([1], [1], 1.0, 1.0, 0.0), "scale"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=name):
        norm_product(*arguments)
