"""What a perfect sampler returns through each estimator, by a second route."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import dblquad, quad
from scipy.special import k0, ndtr
from scipy.stats import chi2

import llcbench
from llcbench.estimators.heat_capacity import HeatCapacity
from llcbench.estimators.regression import TemperatureRegression
from llcbench.estimators.reweighting import Reweighting
from llcbench.estimators.sublevel import sublevel_mass
from llcbench.estimators.temperatures import log_log_slope
from llcbench.estimators.thermodynamic_integration import ThermodynamicIntegration
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.estimators.volume_scaling import VolumeScaling

CURVATURES = np.geomspace(0.5, 2.0, 5) ** 2
NBETA, GAMMA = 50.0, 3.0
REGULAR = llcbench.problem("regular/d5")


def potential(identifier):
    problem = llcbench.problem(identifier)
    loss = problem.bind(None, torch.float64)
    batch = loss.draw(1, None, torch.Generator())
    return lambda points: loss.excess(
        torch.from_numpy(np.ascontiguousarray(points.T)), batch
    ).numpy()


def test_heat_capacity_of_a_quadratic():
    found = HeatCapacity(None).tempered(REGULAR, NBETA, GAMMA, None)
    share = NBETA * CURVATURES / (NBETA * CURVATURES + GAMMA)
    assert found.value == pytest.approx(0.5 * np.sum(share**2), abs=found.stderr + 1e-12)
    assert found.stderr < 1e-4
    # Control: the mean energy is another number.
    assert abs(found.value - 0.5 * np.sum(share)) > 100 * found.stderr


@pytest.mark.parametrize(("nbeta", "gamma"), [(0.1, 0.01), (100.0, 1.0)])
def test_heat_capacity_of_a_quartic_by_direct_integrals(nbeta, gamma):
    def moment(power):
        def integrand(w):
            energy = nbeta * w**4
            return energy**power * math.exp(-energy - gamma * w * w / 2)

        return quad(integrand, 0, np.inf, epsabs=0, epsrel=1e-12)[0]

    mean, square = moment(1) / moment(0), moment(2) / moment(0)
    truth = HeatCapacity(None).tempered(llcbench.problem("poly/x4"), nbeta, gamma, None)
    assert truth.value == pytest.approx(square - mean**2, abs=truth.stderr + 1e-9)
    assert truth.stderr < 1e-4


def test_heat_capacity_in_the_plane_by_direct_integrals():
    nbeta, gamma = 5.0, 1.0

    def moment(power):
        def integrand(y, x):
            energy = nbeta * (y - x * x) ** 2
            return energy**power * math.exp(-energy - gamma * (x * x + y * y) / 2)

        return dblquad(integrand, -6, 6, -6, 6, epsabs=1e-9, epsrel=1e-9)[0]

    mean, square = moment(1) / moment(0), moment(2) / moment(0)
    truth = HeatCapacity(None).tempered(llcbench.problem("poly/parabola"), nbeta, gamma, None)
    assert truth.value == pytest.approx(square - mean**2, abs=truth.stderr + 1e-6)
    assert truth.stderr < 1e-4


def test_slopes_of_a_quadratic():
    ratio = 4.0
    low, high = NBETA / 2, NBETA * 2

    def energy(b):
        return 0.5 * np.sum(CURVATURES / (b * CURVATURES + GAMMA))

    slope = (energy(low) - energy(high)) / (1 / low - 1 / high)
    for kind in (TwoTemperatures, Reweighting):
        result = kind(None, ratio=ratio if kind is TwoTemperatures else 3.999999)
        target = result.tempered(REGULAR, NBETA, GAMMA, None).value
        assert target == pytest.approx(slope, rel=1e-6)
    # A slope over a narrow window is the heat capacity.
    narrow = TwoTemperatures(None, ratio=1.0001).tempered(REGULAR, NBETA, GAMMA, None)
    heat = HeatCapacity(None).tempered(REGULAR, NBETA, GAMMA, None)
    assert narrow.value == pytest.approx(heat.value, abs=1e-6)


def test_the_free_energy_of_a_quadratic():
    low, high = NBETA / 4, NBETA * 4
    free = 0.5 * np.sum(np.log((high * CURVATURES + GAMMA) / (low * CURVATURES + GAMMA)))
    estimator = ThermodynamicIntegration(None, rungs=10, ratio=16.0)
    found = estimator.tempered(REGULAR, NBETA, GAMMA, None)
    assert found.value == pytest.approx(free / math.log(16), rel=1e-8)


@pytest.mark.parametrize("multiplicity", [1, 2, 3])
def test_corrections_are_exact_on_the_expansion(multiplicity):
    """``F(b) = lambda log b - (m - 1) log log b`` gives lambda, and without the correction not."""
    coefficient, nbeta = 1.3, 1e4

    def tempered(b):
        return coefficient - (multiplicity - 1) / math.log(b)

    values = {}
    for given in (1, multiplicity):
        rule = ThermodynamicIntegration(None, rungs=8, multiplicity=given).combination(nbeta)
        values[given] = rule.offset + sum(
            w * tempered(b) for b, w in zip(rule.nbetas, rule.weights, strict=True)
        )
    assert values[multiplicity] == pytest.approx(coefficient, abs=1e-8)
    if multiplicity > 1:
        assert values[1] < coefficient - 0.1


@pytest.mark.parametrize("intercept", ["free", "star"])
@pytest.mark.parametrize("log_term", [True, False])
def test_regression_is_exact_on_its_model(intercept, log_term):
    estimator = TemperatureRegression(None, intercept=intercept, log_term=log_term)
    nbetas = estimator.nbetas(1e4)
    constant = 7.0 if intercept == "free" else 0.0
    energies = constant + 1.3 / nbetas - log_term * 2 / (nbetas * np.log(nbetas))
    for variances in (1 / nbetas**2, np.ones(5), np.arange(1.0, 6.0)):
        weights = estimator.combination(nbetas, variances).weights
        assert nbetas * energies @ weights == pytest.approx(1.3, rel=1e-6)
    # Control: without its term the fit is off.
    other = TemperatureRegression(None, intercept=intercept, log_term=False)
    if log_term:
        weights = other.combination(nbetas, 1 / nbetas**2).weights
        assert abs(nbetas * energies @ weights - 1.3) > 0.1


def test_regression_weights_are_those_of_weighted_least_squares():
    estimator = TemperatureRegression(None, rungs=4)
    nbetas, variances = estimator.nbetas(100.0), np.array([1.0, 0.5, 0.2, 0.1])
    design = np.stack([1 / nbetas, np.ones(4)], axis=1)
    precision = np.diag(1 / variances)
    direct = np.linalg.solve(design.T @ precision @ design, design.T @ precision)[0]
    result = estimator.combination(nbetas, variances).weights
    np.testing.assert_allclose(result * nbetas, direct, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("level", [1e-2, 1e-5])
def test_volumes_in_closed_form(level):
    gamma = 3.0

    def line(x):
        """Mass between ``x^2 - sqrt(level)`` and ``x^2 + sqrt(level)``, a thin curved set."""
        ends = (x * x + np.array([1.0, -1.0]) * level**0.5) * gamma**0.5
        density = math.sqrt(gamma / (2 * math.pi)) * math.exp(-gamma * x * x / 2)
        return density * -np.diff(ndtr(ends))[0]

    cases = [
        ("poly/parabola", quad(line, -6, 6, epsabs=0, epsrel=1e-10, limit=200)[0]),
        ("poly/x4", 2 * ndtr(level**0.25 * gamma**0.5) - 1),
        ("poly/shifted-x4", 2 * ndtr(level**0.25 * gamma**0.5) - 1),
        ("poly/x2-y2", chi2.cdf(gamma * level, 2)),
        ("poly/x2y2", 2 / math.pi * quad(k0, 0, gamma * level**0.5)[0]),
    ]
    for identifier, exact in cases:
        centre = llcbench.problem(identifier).w_star().numpy()
        fine, coarse = sublevel_mass(potential(identifier), centre, gamma, level)
        assert fine == pytest.approx(exact, rel=1e-6)
        assert coarse == pytest.approx(exact, rel=1e-5)


def test_the_slope_of_a_volume_needs_its_multiplicity():
    problem, nbeta = llcbench.problem("poly/x2y2"), 1e5
    plain = VolumeScaling(multiplicity=1).tempered(problem, nbeta, 1.0, None)
    known = VolumeScaling(multiplicity=2).tempered(problem, nbeta, 1.0, None)
    window = log_log_slope(nbeta / 8, nbeta * 8)
    assert known.value - plain.value == pytest.approx(window)
    assert abs(known.value - 0.5) < 0.5 * abs(plain.value - 0.5)


def test_what_cannot_be_computed_is_none():
    assert VolumeScaling().tempered(REGULAR, NBETA, GAMMA, None) is None
    unknown = llcbench.sheared(llcbench.problem("poly/x2y2"))
    assert TwoTemperatures(None).tempered(unknown, NBETA, GAMMA, None) is None
    assert HeatCapacity(None).tempered(unknown, NBETA, GAMMA, None) is None
