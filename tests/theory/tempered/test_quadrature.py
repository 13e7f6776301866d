import math

import numpy as np
import pytest

from theory.tempered import norm_product, quadrature, regular
from theory.tempered.quadrature import cells


def circle(w):
    return (w[0] ** 2 + w[1] ** 2 - 25) ** 2


def lau(w):
    return ((w[0] - 1) * (w[0] ** 2 + w[1] ** 2) ** 2) ** 2


def parabola(w):
    return (w[1] - w[0] ** 2) ** 2


def lines(w):
    return (w[0] ** 2 - 3 * w[1] ** 2) ** 2


def polar_circle(nbeta, gamma):
    # In polar coordinates the angle gives a Bessel function, and the radius a smooth integral
    # near r = 5, where the trapezoid rule is exact to rounding.
    from scipy.special import ive

    width = 1 / (10 * math.sqrt(2 * nbeta))
    r = 5 + np.linspace(-12, 12, 20001) * width
    energy = nbeta * (r**2 - 25) ** 2
    density = r * np.exp(-energy - 0.5 * gamma * (r - 5) ** 2) * ive(0, 5 * gamma * r)
    return float(np.sum(energy * density) / np.sum(density))


@pytest.mark.parametrize("nbeta", [10.0, 1e4])
@pytest.mark.parametrize("gamma", [0.3, 10.0])
def test_circle_agrees_with_polar_coordinates(nbeta, gamma):
    result = quadrature(circle, [3.0, 4.0], nbeta, gamma)
    assert result.certified
    assert result.value == pytest.approx(polar_circle(nbeta, gamma), rel=1e-6)


@pytest.mark.parametrize("nbeta", [1e3, 1e5])
def test_parabola_agrees_with_iterated_quadrature(nbeta):
    # With u = y - x^2 the inner integral over u is Gaussian, and the outer one smooth.
    x = np.linspace(-10, 10, 400001)
    precision = 2 * nbeta + 1
    density = np.exp(-0.5 * x**2 - 0.5 * x**4 * (1 - 1 / precision))
    mean = -(x**2) / precision
    energy = nbeta * (mean**2 + 1 / precision)
    expected = float(np.sum(energy * density) / np.sum(density))
    assert quadrature(parabola, [0, 0], nbeta, 1.0).value == pytest.approx(expected, rel=1e-6)


def test_pair_of_lines_agrees_with_importance_sampling_and_rotation():
    rng = np.random.default_rng(5)
    w = rng.standard_normal((2, 400_000))
    energy = 30.0 * lines(w)
    weight = np.exp(-energy)
    value = np.sum(weight * energy) / np.sum(weight)
    stderr = math.sqrt(np.sum((weight * (energy - value)) ** 2)) / np.sum(weight)
    exact = quadrature(lines, [0, 0], 30.0, 1.0).value
    assert abs(value - exact) <= 4.5 * stderr
    assert abs(value - 1.03 * exact) > 4.5 * stderr
    # Rotated by a quarter of a right angle the ridges meet the cells at other angles.
    c, s = math.cos(0.7), math.sin(0.7)
    turned = quadrature(
        lambda w: lines(np.stack([c * w[0] - s * w[1], s * w[0] + c * w[1]])), [0, 0], 1e4, 1.0
    )
    assert turned.value == pytest.approx(quadrature(lines, [0, 0], 1e4, 1.0).value, rel=2e-6)


@pytest.mark.parametrize("centre", [(0.0, 0.0), (1.0, 0.3)])
@pytest.mark.parametrize("nbeta", [1e4, 1e6])
def test_two_strata_agree_with_a_stricter_run_in_shifted_coordinates(centre, nbeta):
    # The shift takes the origin, at which the starting grid shrinks, away from the singularity.
    shift = np.array([[0.37], [-0.21]])
    result = quadrature(lau, centre, nbeta, 1.0)
    other = quadrature(
        lambda w: lau(w + shift), np.array(centre) - shift[:, 0], nbeta, 1.0, rtol=1e-7
    )
    assert result.certified
    assert abs(result.value - other.value) <= result.stderr + other.stderr


@pytest.mark.parametrize("nbeta", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("gamma", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("powers", [[2], [1, 1], [2, 1]])
def test_error_estimate_covers_the_error(powers, nbeta, gamma):
    exact = norm_product([1] * len(powers), powers, nbeta, gamma).value
    for rtol in (1e-3, 1e-6):
        result = quadrature(
            lambda w: np.prod([x ** (2 * p) for x, p in zip(w, powers, strict=True)], axis=0),
            [0.0] * len(powers),
            nbeta,
            gamma,
            rtol=rtol,
        )
        assert result.stderr <= 1.01 * rtol * exact
        assert abs(result.value - exact) <= result.stderr


def test_three_variables():
    result = quadrature(lambda w: (w[0] * w[1] * w[2]) ** 2, [0, 0, 0], 1e4, 1.0, rtol=1e-4)
    exact = norm_product([1, 1, 1], [1, 1, 1], 1e4, 1.0).value
    assert result.certified
    assert result.value == pytest.approx(exact, rel=1e-5)


def test_regular_problems_off_the_origin_and_narrow():
    centre = np.array([[2.0], [-3.0], [0.5]])
    result = quadrature(
        lambda w: 0.5 * np.sum((w - centre) ** 2, axis=0), centre[:, 0], 1e6, 2.0, rtol=1e-5
    )
    assert result.value == pytest.approx(regular([1.0] * 3, 1e6, 2.0).value, rel=1e-5)


def test_kink_at_a_breakpoint():
    # K = |w - 1|: with t large, t K is exponential up to terms of order gamma / t^2.
    result = quadrature(lambda w: np.abs(w[0] - 1), [1.0], 1e5, 1.0, breakpoints=[[1.0]])
    assert result.value == pytest.approx(1.0, rel=1e-6)


def test_gamma_distribution_in_a_box_without_localisation():
    # Quasi-homogeneous: nbeta K is Gamma distributed with mean 1/4 + 1/6.
    result = quadrature(lambda w: w[0] ** 4 + w[1] ** 6, [0, 0], 1e5, 0.0, box=3.0)
    assert result.value == pytest.approx(1 / 4 + 1 / 6, rel=1e-6)
    flat = quadrature(lambda w: w[0] ** 2, [0.0], 1e-9, 0.0, box=2.0)
    assert flat.value == pytest.approx(1e-9 * 4 / 3, rel=1e-6)


def test_infinite_potential_outside_a_domain():
    def wall(w):
        with np.errstate(divide="ignore"):
            return np.where(w[0] > 0, w[0] ** 2, np.inf)

    half = quadrature(wall, [0.0], 50.0, 1.0, rtol=1e-6)
    assert half.value == pytest.approx(regular([2.0], 50.0, 1.0).value, rel=1e-5)


def test_cells_tile_the_box_and_carry_the_mass():
    part = cells(circle, [3.0, 4.0], 100.0, 1.0)
    volume = np.prod(part.upper - part.lower, axis=1)
    assert np.all(volume > 0)
    assert volume.sum() == pytest.approx(4 * 90.0)
    assert part.mass.sum() == pytest.approx(1.0)
    assert np.all(part.mass >= 0)


def test_importance_sampling_from_the_cells_is_exact():
    nbeta, centre = 1e4, np.array([3.0, 4.0])
    part = cells(circle, centre, nbeta, 1.0)
    points, log_proposal = part.draw(np.random.default_rng(0), 50_000)
    w = points.T
    energy = nbeta * circle(w)
    log_weight = -energy - 0.5 * np.sum((points - centre) ** 2, axis=1) - log_proposal
    weight = np.exp(log_weight - log_weight.max())
    assert weight.sum() ** 2 / np.sum(weight**2) > 0.3 * len(weight)
    value = np.sum(weight * energy) / weight.sum()
    stderr = math.sqrt(np.sum((weight * (energy - value)) ** 2)) / weight.sum()
    exact = quadrature(circle, centre, nbeta, 1.0).value
    assert abs(value - exact) <= 4.5 * stderr
    assert abs(value - 1.1 * exact) > 4.5 * stderr


def test_exhausted_cells_are_not_certified():
    result = quadrature(circle, [3.0, 4.0], 1e6, 1.0, max_cells=2000)
    assert not result.certified


@pytest.mark.parametrize(
    ("keywords", "name"),
    [
        ({"centre": [0.0] * 4}, "centre"),
        ({"centre": [math.nan]}, "centre"),
        ({"nbeta": 0.0}, "nbeta"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": 0.0}, "gamma"),
        ({"rtol": 0.0}, "rtol"),
        ({"max_cells": 0}, "max_cells"),
        ({"box": -1.0}, "box"),
        ({"breakpoints": [[0.0], [1.0]]}, "breakpoints"),
        ({"potential": lambda w: w}, "shape"),
        ({"potential": lambda w: np.full(w.shape[1], np.inf)}, "infinite"),
        ({"potential": lambda w: np.full(w.shape[1], np.nan)}, "NaN"),
    ],
)
def test_bad_arguments(keywords, name):
    arguments = {
        "potential": lambda w: w[0] ** 2,
        "centre": [0.0],
        "nbeta": 1.0,
        "gamma": 1.0,
        **keywords,
    }
    with pytest.raises(ValueError, match=name):
        quadrature(**arguments)
