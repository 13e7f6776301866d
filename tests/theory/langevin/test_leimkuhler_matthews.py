"""Closed forms of the Leimkuhler-Matthews method against matrices of its linear map, and runs."""

import math

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from theory.langevin import quadratic
from theory.langevin.euler import euler_langevin
from theory.langevin.leimkuhler_matthews import leimkuhler_matthews
from theory.langevin.quadratic import QuadraticData
from theory.tempered import regular

CURVATURES, NBETA, GAMMA = np.array([0.0, 0.3, 1.0, 2.5]), 50.0, 1.0
STIFFNESS = NBETA * CURVATURES + GAMMA
# Up to a share of 0.95 of the largest stable step, 4 / 126.
STEPS = [1e-5, 4e-3, 0.02, 0.03]
NOISES = [0.0, 0.4]


def matrices(h, eps, noise):
    """Return the map of ``(w, xi)`` in one coordinate and the covariance of what it adds."""
    share = 0.5 * eps**0.5
    matrix = np.array([[1 - 0.5 * eps * h, share], [0.0, 0.0]])
    heat = (0.5 * eps * NBETA) ** 2 * noise
    return matrix, np.array([[share**2 + heat, share], [share, 1.0]])


def start():
    """Return the covariance of ``(w, xi)`` at ``w*``."""
    return np.array([[0.0, 0.0], [0.0, 1.0]])


def distribution(eps, noise=0.0):
    return leimkuhler_matthews(CURVATURES, NBETA, GAMMA, eps, noise)


@pytest.mark.parametrize("eps", STEPS)
@pytest.mark.parametrize("noise", NOISES)
def test_moments_solve_the_equations_of_the_pair_of_parameter_and_noise(eps, noise):
    exact = distribution(eps, noise)
    for k, h in enumerate(STIFFNESS):
        matrix, added = matrices(h, eps, noise)
        covariance = solve_discrete_lyapunov(matrix, added)
        assert exact.variance[k] == pytest.approx(covariance[0, 0], rel=1e-9)
        for lag in (0, 1, 2, 3, 10):
            lagged = (np.linalg.matrix_power(matrix, lag) @ covariance)[0, 0] / covariance[0, 0]
            assert exact.autocorrelation(lag)[k] == pytest.approx(lagged, abs=1e-9)
    if not noise:
        assert exact.variance == pytest.approx(1 / STIFFNESS, rel=1e-15)
        assert exact.llc == pytest.approx(regular(CURVATURES, NBETA, GAMMA).value, rel=1e-14)
        # Euler steps of the same size are not.
        euler = euler_langevin(CURVATURES, NBETA, GAMMA, eps)
        assert np.all(euler.variance / exact.variance - 1 > 0.2 * eps * STIFFNESS)


@pytest.mark.parametrize("eps", [*STEPS, 4 / 126, 0.05])
@pytest.mark.parametrize("noise", NOISES)
def test_variances_after_some_steps_are_those_of_the_recursion(eps, noise):
    exact = distribution(eps, noise)
    assert exact.llc_after(0) == 0.0
    for k, h in enumerate(STIFFNESS):
        matrix, added = matrices(h, eps, noise)
        covariance = start()
        for steps in range(1, 30):
            covariance = matrix @ covariance @ matrix.T + added
            expected = covariance[0, 0]
            assert exact.variance_after(steps)[k] == pytest.approx(expected, rel=1e-9)
    energy = 0.5 * NBETA * CURVATURES @ exact.variance_after(7)
    assert exact.llc_after(7) == pytest.approx(energy, rel=1e-14)
    if exact.stable:
        assert exact.llc_after(10**8) == pytest.approx(exact.llc, rel=1e-12)


@pytest.mark.parametrize("noise", NOISES)
def test_times_are_sums_of_the_correlations_of_the_energy(noise):
    for eps in STEPS[1:]:
        exact = distribution(eps, noise)
        total = 1 + 2 * sum(exact.energy_autocorrelation(lag) for lag in range(1, 1000))
        assert exact.integrated_autocorrelation_time == pytest.approx(total, rel=1e-9)
        assert exact.energy_autocorrelation(0) == 1.0
    single = leimkuhler_matthews([2.0], 30.0, 0.5, 0.01)
    assert single.integrated_autocorrelation_time == pytest.approx(0.5 + 2 / (0.01 * 60.5))


@pytest.mark.parametrize("eps", [1e-3, 0.03])
def test_noise_of_the_gradient_is_that_of_minibatches_of_one(eps):
    """A third route: gradients ``a w -+ s`` with probability a half, as a random linear map."""
    a, s = 1.7, 0.6
    data = QuadraticData(curvatures=np.full((2, 1, 1), a), offsets=np.array([[s], [-s]]))
    for batch, noise in ((None, 0.0), (1, s * s), (4, s * s / 4)):
        step = quadratic.leimkuhler_matthews(1, eps)
        expected = quadratic.estimate(step, data, NBETA, GAMMA, batch)
        exact = leimkuhler_matthews([a], NBETA, GAMMA, eps, noise)
        assert exact.llc == pytest.approx(expected, rel=1e-10)
    assert abs(leimkuhler_matthews([a], NBETA, GAMMA, eps, s).llc / exact.llc - 1) > 1e-3


def simulate(steps, chains, seed, eps, *, shared=True):
    rng = np.random.default_rng(seed)
    w, old = np.zeros((chains, CURVATURES.size)), rng.standard_normal((chains, CURVATURES.size))
    trace = np.empty((steps, chains))
    for k in range(steps):
        new = rng.standard_normal(w.shape)
        noise = 0.5 * (old + new) if shared else new / 2**0.5
        w = w - 0.5 * eps * STIFFNESS * w + eps**0.5 * noise
        old = new
        trace[k] = 0.5 * NBETA * (w * w) @ CURVATURES
    return trace


def z_score(means, expected):
    return (means.mean() - expected) / (means.std(ddof=1) / math.sqrt(means.size))


def test_runs_have_the_energy_and_its_correlations():
    """Two-sided gates of 4.5 standard errors of independent chains, 7e-6 each."""
    eps, chains = 0.02, 4000
    exact = distribution(eps)
    trace = simulate(600, chains, 1, eps)[100:]
    assert abs(z_score(trace.mean(0), exact.llc)) <= 4.5
    centred = trace - exact.llc
    for lag in (1, 2, 5):
        # Mean of products over squares: its expectation is 0 at the right correlation.
        products, squares = centred[:-lag] * centred[lag:], centred[:-lag] ** 2
        rest = (products - exact.energy_autocorrelation(lag) * squares).mean(0)
        assert abs(z_score(rest, 0.0)) <= 4.5
        wrong = (products - 1.1 * exact.energy_autocorrelation(lag) * squares).mean(0)
        assert abs(z_score(wrong, 0.0)) > 4.5
    # Noise of the same variance that no two steps share gives another energy.
    other = simulate(600, chains, 1, eps, shared=False)[100:]
    assert abs(z_score(other.mean(0), exact.llc)) > 20


def test_unstable_steps_have_no_stationary_distribution():
    exact = distribution(0.05)
    assert not exact.stable
    assert exact.llc == math.inf
    assert exact.integrated_autocorrelation_time == math.inf
    assert np.isinf(exact.variance).tolist() == [False, False, False, True]
    assert exact.llc_after(10**6) == math.inf
    with pytest.raises(ValueError, match=r"step_size = 0\.05 is unstable.*below 0\.03175"):
        exact.autocorrelation(1)
    # At the edge the variance is constant from the first step on, and twice the right one.
    edge = leimkuhler_matthews([1.0], 3.0, 1.0, 1.0)
    assert not edge.stable
    assert edge.variance_after(1)[0] == edge.variance_after(8)[0] == 0.5


def test_bad_counts():
    exact = distribution(0.02)
    for steps in (-1, 1.0):
        with pytest.raises(ValueError, match="steps"):
            exact.llc_after(steps)
        with pytest.raises(ValueError, match="lag"):
            exact.energy_autocorrelation(steps)


def test_a_flat_loss_has_no_trace_to_correlate():
    flat = leimkuhler_matthews([0.0], 1.0, 2.0, 0.1)
    assert flat.llc == 0.0
    assert flat.integrated_autocorrelation_time == 1.0
