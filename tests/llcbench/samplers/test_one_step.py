"""The temperature of every sampler that never rejects, to a part in a thousand, from one step."""

import math
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from linear_response import DATA, GAMMA, NBETA, departure, noise_of, one_step, stationary, target_of
from torch import Tensor

from llcbench.adapters.packages import missing
from llcbench.registry import make_sampler

EPS = 1e-6
# Name of a sampler without momentum, the problem, and whether its package is there.
PLAIN = [
    ("sgld", {"step_size": EPS}, DATA),
    ("sgld", {"step_size": EPS}, "poly/x2y2"),
    ("rmsprop_sgld", {"step_size": EPS, "damping": 0.1}, "poly/x2y2"),
    ("rmsprop_sgld", {"step_size": EPS, "decay": 0.5}, DATA),
    ("adam_sgld", {"step_size": EPS, "damping": 0.1}, "poly/x2y2"),
    ("adam_sgld", {"step_size": EPS, "momentum": 0.5, "decay": 0.5}, DATA),
    ("kfac_sgld", {"step_size": 1e-3}, "dln/3-2-3/r1"),
    ("kfac_sgld", {"step_size": 1e-3, "adapt": 0}, "rrr/2-2-2/r1/n50"),
    ("posteriors_sgld", {"step_size": EPS}, "poly/x2y2"),
    ("devinterp_sgld", {"step_size": EPS}, "poly/x2y2"),
    ("devinterp_rmsprop", {"step_size": EPS}, "poly/x2y2"),
]
MOVING = [
    ("sghmc", {"step_size": EPS, "friction": 0.1}),
    ("sghmc", {"step_size": EPS, "friction": 1.0}),
    ("sgnht", {"step_size": EPS, "noise": 0.2}),
    ("baoab", {"step_size": EPS, "friction": 0.3}),
    ("baoab", {"step_size": EPS, "friction": 3.0}),
    ("leimkuhler_matthews", {"step_size": EPS}),
    ("posteriors_sghmc", {"step_size": EPS, "friction": 0.5}),
    ("posteriors_sgnht", {"step_size": EPS, "noise": 0.5}),
    ("posteriors_baoa", {"step_size": EPS, "friction": 0.3}),
]
# Those that reject, whose ratio is tested; the isokinetic one, whose volume is tested; Gibbs, whose
# conditionals are tested; those of other packages that are exact or wrong by their own account.
ELSEWHERE = {"mala", "hmc", "ghmc", "adjusted_mclmc", "exact", "mclmc", "gibbs", "nuts"}
OTHERS = {"devinterp_sgnht", "canonical_sgld"}
# A part in a thousand, where one percent of noise is two of temperature.
LIMIT = 1e-3


def built(name, parameters):
    package = name.split("_")[0]
    if package in ("posteriors", "devinterp") and missing(package) is not None:
        pytest.skip(str(missing(package)))
    return make_sampler(name, parameters)


def points(problem: str) -> list[Tensor]:
    star = target_of(problem, 1).w_star
    rng = torch.Generator().manual_seed(5)
    return [star + 0.3 * torch.randn(len(star), generator=rng, dtype=star.dtype) for _ in range(2)]


@pytest.mark.parametrize(("name", "parameters", "problem"), PLAIN)
def test_noise_and_drift_of_a_langevin_step_have_temperature_one(name, parameters, problem):
    sampler = built(name, parameters)
    for theta in points(problem):
        # Rounding of a displacement of 1e-6 of the parameters.
        assert departure(sampler, problem, theta) < 1e-6
        for factor in (0.99, 1.01):
            assert departure(sampler, problem, theta, scale=factor) > 1e-2
            assert departure(sampler, problem, theta, nbeta=factor * 100.0) > LIMIT
            assert departure(sampler, problem, theta, gamma=factor * 20.0) > LIMIT / 100


@pytest.mark.parametrize("name", ["sgld", "posteriors_sgld", "devinterp_sgld"])
@pytest.mark.parametrize("eps", [EPS, 1e-3])
def test_the_variance_of_the_noise_is_the_step_size(name, eps):
    """Temperature says nothing of it: a step of another size has the same."""
    covariance = one_step(built(name, {"step_size": eps}), DATA, points(DATA)[0])[1]
    assert torch.allclose(covariance, eps * torch.eye(3, dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("name", "squares"),
    [
        # 2^-t, the start of 1 being forgotten; Adam divides by 1 - 2^-t.
        ("rmsprop_sgld", [1 / 2, 1 / 4, 1 / 8]),
        ("adam_sgld", [1, 1 / 3, 1 / 7]),
    ],
)
def test_the_mean_square_without_a_gradient_is_that_of_the_start(name, squares):
    """Without noise chains stay at the optimum; one with noise says how long the step was."""
    target = target_of("poly/x2y2", 1)
    sampler = make_sampler(name, {"step_size": EPS, "decay": 0.5, "damping": 0.1})
    zeros = torch.zeros(1, 2, dtype=torch.float64)
    for waits, square in enumerate(squares):
        with noise_of(zeros):
            state = sampler.init(zeros.clone(), target, torch.Generator())
            for _ in range(waits):
                state, draw = sampler.step(state, target, torch.Generator())
                assert not draw.theta.any()
        with noise_of(torch.ones_like(zeros)):
            _, draw = sampler.step(state, target, torch.Generator())
        size = math.sqrt(EPS / (math.sqrt(square) + 0.1))
        assert draw.theta[0].tolist() == pytest.approx([size, size], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "share"),
    [
        # (1 + g^2) / 2 after one step; Adam divides by 1 - 1/2.
        ("rmsprop_sgld", 0.5),
        ("adam_sgld", 1.0),
    ],
)
@pytest.mark.parametrize("problem", ["poly/x2y2", DATA])
def test_the_first_step_follows_the_gradient_of_the_loss_alone(name, share, problem):
    sampler = make_sampler(name, {"step_size": EPS, "decay": 0.5, "damping": 0.1})
    star = target_of(problem, 1).w_star
    shift = torch.linspace(1.0, 0.5, len(star), dtype=star.dtype)
    for theta in (star + shift, star - 0.5 * shift):
        _, covariance, pull = one_step(sampler, problem, theta)
        grad = -(pull + GAMMA * (theta - star)) / NBETA
        assert float(grad.abs().max()) > 0.1
        size = EPS / ((share * (1 + grad.square())).sqrt() + 0.1)
        assert torch.allclose(covariance, size.diag(), rtol=1e-6, atol=0)


def largest(sampler, **wrong) -> float:
    """Return how far the stationary distribution is off, variances and means."""
    result = stationary(sampler, **wrong)
    return max(np.abs(result.variances - 1).max(), result.off, result.shift)


@pytest.mark.parametrize(("name", "parameters"), MOVING)
def test_a_step_with_momentum_leaves_the_target_alone(name, parameters):
    sampler = built(name, parameters)
    assert largest(sampler) < LIMIT
    # Velocities are displacements in a step, momenta have unit mass.
    unit = (EPS / 2) ** 0.5 if name in ("sghmc", "sgnht") else 1.0
    assert stationary(sampler).momenta == pytest.approx(unit, rel=1e-12)
    for factor in (0.99, 1.01):
        assert largest(sampler, scale=factor) > 10 * LIMIT
        assert largest(sampler, drift=factor) > 5 * LIMIT
        assert largest(sampler, gamma=factor * 20.0) > LIMIT


@pytest.mark.parametrize(
    ("name", "parameters", "bias"),
    [
        ("sgld", {}, lambda x: 1 / (1 - x / 4)),
        ("sghmc", {"friction": 0.1}, lambda x: 1 / (1 - x / (4 * 1.9))),
        ("sghmc", {"friction": 0.7}, lambda x: 1 / (1 - x / (4 * 1.3))),
        ("baoab", {"friction": 0.3}, lambda x: 1 + 0 * x),
        ("baoab", {"friction": 2.0}, lambda x: 1 + 0 * x),
        ("leimkuhler_matthews", {}, lambda x: 1 + 0 * x),
        ("posteriors_baoa", {"friction": 0.4}, lambda x: 1 + 0 * x),
    ],
)
def test_the_bias_of_a_large_step_is_the_one_that_is_documented(name, parameters, bias):
    eps = 2e-3
    result = stationary(built(name, {**parameters, "step_size": eps}))
    expected = bias(eps * result.curvatures)
    # Factors of posteriors are numbers in single precision.
    within = 1e-6 if name.startswith("posteriors") else 1e-9
    assert result.variances == pytest.approx(expected, rel=within)
    assert result.off < 1e-9
    assert result.shift < 1e-9
    assert result.variances != pytest.approx(1.001 * expected, rel=1e-4)


@pytest.mark.parametrize("factor", [0.98, 1.0, 1.02])
def test_the_thermostat_moves_with_the_kinetic_energy(factor):
    """Velocities with mean square ``eps/2`` leave the friction alone; more of it raises it."""
    eps, dim = 1e-4, 3
    target = target_of(DATA, 2, nbeta=1e-9, gamma=0.0)
    sampler = make_sampler("sgnht", {"step_size": eps, "noise": 0.25})
    zeros = torch.zeros(2, dim, dtype=torch.float64)
    with noise_of(zeros):
        state = sampler.init(zeros.clone(), target, torch.Generator())
        before = state.friction.clone()
        speed = math.sqrt(factor * eps / 2)
        # Friction takes a quarter of it, so that the step ends with this speed.
        state.velocity.copy_(torch.full((2, dim), speed / 0.75, dtype=torch.float64))
        state, draw = sampler.step(state, target, torch.Generator())
    assert torch.allclose(draw.theta, torch.full_like(zeros, speed), rtol=1e-6)
    change = (state.friction - before) / (eps / 2)
    assert torch.allclose(change, torch.full_like(change, factor - 1), atol=1e-6)


@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_the_thermostat_of_devinterp_has_the_temperature_that_its_page_says(noise):
    """``2 noise``: its noise has that variance, in units of the step."""
    sampler = built("devinterp_sgnht", {"step_size": EPS, "noise": noise})
    theta = points("poly/x2y2")[0]
    scale = (2 * noise) ** -0.5
    assert departure(sampler, "poly/x2y2", theta, scale=scale) < 1e-5
    assert departure(sampler, "poly/x2y2", theta, scale=1.01 * scale) > 1e-2


def test_every_registered_sampler_has_a_test_of_its_temperature():
    here = {name for name, *_ in (*PLAIN, *MOVING)}
    entries = entry_points(group="llcbench.samplers")
    ours = {entry.name for entry in entries if entry.value.startswith("llcbench.")}
    assert here | ELSEWHERE | OTHERS == ours
