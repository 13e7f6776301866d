import math

import numpy as np
import pytest

from theory.langevin.euler import euler_langevin
from theory.langevin.leimkuhler_matthews import leimkuhler_matthews
from theory.tempered import regular

CURVATURES, NBETA, GAMMA, STEP = np.array([0.0, 0.3, 1.0, 2.5]), 50.0, 1.0, 0.02


def simulate(steps, chains, seed, *, noise_factor=1.0, gradient_noise=0.0):
    rng = np.random.default_rng(seed)
    w = np.zeros((chains, CURVATURES.size))
    trace = np.empty((steps, chains))
    for k in range(steps):
        noise = math.sqrt(gradient_noise) * rng.standard_normal(w.shape)
        drift = NBETA * (CURVATURES * w + noise) + GAMMA * w
        w = w - 0.5 * STEP * drift + noise_factor * math.sqrt(STEP) * rng.standard_normal(w.shape)
        trace[k] = 0.5 * NBETA * (w * w) @ CURVATURES
    return trace


def z_score(samples, expected):
    means = np.mean(np.atleast_2d(samples), axis=0)
    return (means.mean() - expected) / (means.std(ddof=1) / math.sqrt(means.size))


@pytest.mark.parametrize("gradient_noise", [0.0, 0.4])
def test_stationary_estimate_agrees_with_simulation(gradient_noise):
    exact = euler_langevin(CURVATURES, NBETA, GAMMA, STEP, gradient_noise)
    trace = simulate(700, 4000, seed=1, gradient_noise=gradient_noise)[100:]
    assert abs(z_score(trace, exact.llc)) <= 4.5


def test_gate_rejects_wrong_noise():
    exact = euler_langevin(CURVATURES, NBETA, GAMMA, STEP)
    trace = simulate(700, 4000, seed=1, noise_factor=math.sqrt(1.3))[100:]
    assert abs(z_score(trace, exact.llc)) > 20


def test_transient_agrees_with_simulation_and_reaches_the_stationary_value():
    exact = euler_langevin(CURVATURES, NBETA, GAMMA, STEP)
    trace = simulate(20, 40000, seed=2)
    for steps in (1, 3, 20):
        assert abs(z_score(trace[steps - 1], exact.llc_after(steps))) <= 4.5
    assert exact.llc_after(0) == 0.0
    assert exact.llc_after(10**7) == pytest.approx(exact.llc, rel=1e-12)


def test_autocorrelation_time_agrees_with_simulation():
    exact = euler_langevin(CURVATURES, NBETA, GAMMA, STEP)
    steps = 2000
    means = simulate(steps + 100, 2000, seed=3)[100:].mean(axis=0)
    singles = simulate(101, 40000, seed=4)[100]
    time = steps * means.var(ddof=1) / singles.var(ddof=1)
    assert exact.integrated_autocorrelation_time == pytest.approx(time, rel=0.15)


def test_small_steps_give_the_exact_target():
    exact = regular(CURVATURES, NBETA, GAMMA).value
    assert euler_langevin(CURVATURES, NBETA, GAMMA, 1e-9).llc == pytest.approx(exact, rel=1e-6)


def test_one_coordinate_formula():
    a, t, gamma, eps, s2 = 2.0, 30.0, 0.5, 0.01, 0.7
    h = t * a + gamma
    expected = 0.5 * t * a / h * (1 + eps * t**2 * s2 / 4) / (1 - eps * h / 4)
    exact = euler_langevin([a], t, gamma, eps, s2)
    assert exact.llc == pytest.approx(expected, rel=1e-13)
    assert exact.variance[0] == pytest.approx(expected * 2 / (t * a), rel=1e-13)
    assert exact.autocorrelation[0] == pytest.approx(1 - eps * h / 2)


def test_unstable_step():
    exact = euler_langevin([1.0, 0.0], 100.0, 1.0, 0.05)
    assert not exact.stable
    assert exact.llc == math.inf
    assert exact.integrated_autocorrelation_time == math.inf
    rho = 1 - 0.5 * 0.05 * 101
    expected = 50.0 * 0.05 * (1 + rho**2 + rho**4)
    assert exact.llc_after(3) == pytest.approx(expected)
    edge = euler_langevin([1.0], 3.0, 1.0, 1.0)
    assert not edge.stable
    assert edge.llc_after(5) == pytest.approx(1.5 * 5)


@pytest.mark.parametrize("distribution", [euler_langevin, leimkuhler_matthews])
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([-1.0], 1.0, 1.0, 0.1), "curvatures"),
        (([1.0], -1.0, 1.0, 0.1), "nbeta"),
        (([1.0], 1.0, math.nan, 0.1), "gamma"),
        (([0.0], 1.0, 0.0, 0.1), "gamma"),
        (([1.0], 1.0, 1.0, 0.0), "step_size"),
        (([1.0], 1.0, 1.0, 0.1, -1.0), "gradient_noise"),
    ],
)
def test_bad_arguments(distribution, arguments, name):
    with pytest.raises(ValueError, match=name):
        distribution(*arguments)


def test_bad_steps():
    with pytest.raises(ValueError, match="steps"):
        euler_langevin([1.0], 1.0, 1.0, 0.1).llc_after(-1)
