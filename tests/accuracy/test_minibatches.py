"""Gradient noise of minibatches: its bias is predicted on quadratics and found by the samplers.

The prediction is the exact second moment of the random linear recursion that a sampler is on linear
regression. Two-sided gates of 4 standard errors from 512 independent chains: each fails by chance
with probability 7e-5; the wrong predictions below are rejected by the same gate.
"""

import numpy as np
import pytest
import torch

import llcbench
from llcbench import Target, make_sampler
from llcbench.sampling.loop import sample
from theory.langevin import quadratic as langevin
from theory.langevin.euler import euler_langevin
from theory.langevin.quadratic import QuadraticData

pytestmark = pytest.mark.llc_accuracy

PROBLEM, NBETA, GAMMA, BATCH, CHAINS = "regular/d2/n100", 30.0, 10.0, 4, 512
Z = 4.0
KERNELS = {
    "sgld": lambda eps: langevin.sgld(2, eps),
    "sghmc": lambda eps: langevin.sghmc(2, eps, 0.1),
    "baoab": lambda eps: langevin.baoab(2, eps, 0.3),
    "leimkuhler_matthews": lambda eps: langevin.leimkuhler_matthews(2, eps),
}
STEPS = (1e-3, 4e-3)


@pytest.fixture(scope="module")
def problem():
    return llcbench.problem(PROBLEM)


@pytest.fixture(scope="module")
def data(problem):
    return problem.sample_data(torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def quadratic(problem, data):
    inputs = data.inputs.numpy() * np.array(problem.map.scales)
    return QuadraticData.regression(inputs, data.noise[:, 0].numpy(), problem.scale)


def simulated(name, step_size, problem, data, *, batch=BATCH, control=False):
    target = Target(problem, NBETA, GAMMA, CHAINS, data, batch_size=batch, control_variate=control)
    # The slowest direction of the potential has curvature 17; a velocity that is kept a
    # friction of 0.1 or 0.3 slows it down further.
    burnin = int(6 / (step_size * 17 / 2)) + 300
    trace = sample(
        target,
        make_sampler(name, {"step_size": step_size}),
        num_draws=1500 if step_size > 2e-3 else 3500,
        num_burnin=burnin,
        noise=torch.Generator().manual_seed(1),
        batches=torch.Generator().manual_seed(2),
    )
    means = NBETA * trace.kept.mean(1)
    return means.mean(), means.std(ddof=1) / CHAINS**0.5


@pytest.mark.parametrize("step_size", STEPS)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("control", [False, True])
def test_bias_is_the_predicted_one(name, step_size, control, problem, data, quadratic):
    used = quadratic.without_noise_at_the_reference() if control else quadratic
    expected = langevin.estimate(KERNELS[name](step_size), used, NBETA, GAMMA, BATCH)
    full = langevin.estimate(KERNELS[name](step_size), quadratic, NBETA, GAMMA)
    mean, error = simulated(name, step_size, problem, data, control=control)
    z = (mean - expected) / error
    print(f"{name} {step_size:g} control={control}: full {full:.4f} expected {expected:.4f} found "
          f"{mean:.4f}({error:.4f}) z {z:+.2f}")  # fmt: skip
    assert abs(z) <= Z
    assert error < max(0.01, 0.02 * expected)
    # The same gate tells the value with gradient noise from the one without.
    if not control:
        assert abs(mean - full) > Z * error


@pytest.mark.parametrize("name", KERNELS)
def test_gate_rejects_the_value_of_another_batch_size(name, problem, data, quadratic):
    mean, error = simulated(name, STEPS[1], problem, data)
    for wrong in (2, 8):
        expected = langevin.estimate(KERNELS[name](STEPS[1]), quadratic, NBETA, GAMMA, wrong)
        assert abs(mean - expected) > Z * error


def test_full_gradients_give_the_value_of_euler_langevin():
    eye = np.diag([0.5, 2.0])
    data = QuadraticData(curvatures=eye[None], offsets=np.zeros((1, 2)))
    found = langevin.estimate(langevin.sgld(2, 0.01), data, 30.0, 10.0)
    assert found == pytest.approx(euler_langevin([0.5, 2.0], 30.0, 10.0, 0.01).llc, rel=1e-12)


def test_values_of_momentum_on_full_gradients_are_the_closed_ones(quadratic):
    """BAOAB is exact on quadratics; SGHMC has the variance of an autoregression of order two."""
    data = QuadraticData(curvatures=np.array([[[2.0]]]), offsets=np.zeros((1, 1)))
    nbeta, gamma, eps, friction = 30.0, 10.0, 0.01, 0.1
    h = nbeta * 2.0 + gamma
    exact = 0.5 * nbeta * 2.0 / h
    assert langevin.estimate(langevin.baoab(1, eps, 0.3), data, nbeta, gamma) == pytest.approx(
        exact, rel=1e-12
    )
    assert langevin.estimate(langevin.sghmc(1, eps, friction), data, nbeta, gamma) == pytest.approx(
        exact / (1 - eps * h / (4 * (2 - friction))), rel=1e-12
    )
    # With friction one it is SGLD, gradient noise included.
    assert langevin.estimate(
        langevin.sghmc(2, 1e-3, 1.0), quadratic, NBETA, GAMMA, BATCH
    ) == pytest.approx(
        langevin.estimate(langevin.sgld(2, 1e-3), quadratic, NBETA, GAMMA, BATCH), rel=1e-10
    )


def test_vanishing_steps_give_the_tempered_truth_of_the_data(quadratic):
    coarse, fine = (
        langevin.estimate(langevin.sgld(2, eps), quadratic, NBETA, GAMMA, BATCH)
        for eps in (2e-6, 1e-6)
    )
    result = 2 * fine - coarse  # the bias is of first order in the step
    second, cross = quadratic.curvatures.mean(0), quadratic.offsets.mean(0)
    precision = NBETA * second + GAMMA * np.eye(2)
    mean = np.linalg.solve(precision, NBETA * cross)
    moment = np.linalg.inv(precision) + np.outer(mean, mean)
    truth = NBETA * (0.5 * np.trace(second @ moment) - cross @ mean)
    assert result == pytest.approx(truth, rel=1e-6)


def test_steps_that_are_too_long_have_no_distribution(quadratic):
    assert langevin.estimate(langevin.sgld(2, 1.0), quadratic, NBETA, GAMMA, BATCH) == np.inf
