"""Declared discretisations against the exact second moments of the steps on a quadratic.

A step is ``s' = A s + b xi + k n`` for a state s with the position first, xi normal and n the noise
of the gradient; A depends on the curvature h. The factors are limits of its stationary variance and
of its growth where nothing pulls. That samplers make these steps is checked elsewhere, by their
conformance and by the second moments of adapters.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from llcbench import BAOAB, SGHMC, SGLD, LeimkuhlerMatthews
from llcbench.adapters.devinterp_kernels import DevinterpSGLD
from llcbench.adapters.posteriors import PosteriorsBAOA, PosteriorsSGHMC, PosteriorsSGLD
from llcbench.sampling import sampler_abilities

EPS = 1e-6


class Linear(NamedTuple):
    """A step on a quadratic of curvature h: its matrix, its noise, and that of the gradient."""

    matrix: Callable[[float], list[list[float]]]
    noise: list[float]
    kick: list[float]


def euler() -> Linear:
    return Linear(lambda h: [[1 - EPS * h / 2]], [EPS**0.5], [-EPS / 2])


def averaged() -> Linear:
    """With the noise of the last step as a second number."""
    half = EPS**0.5 / 2
    return Linear(lambda h: [[1 - EPS * h / 2, half], [0, 0]], [half, 1], [-EPS / 2, 0])


def new_velocity(friction: float) -> Linear:
    keep, size = 1 - friction, (friction * EPS) ** 0.5
    return Linear(
        lambda h: [[1 - EPS * h / 2, keep], [-EPS * h / 2, keep]],
        [size, size],
        [-EPS / 2, -EPS / 2],
    )


def old_momentum(friction: float) -> Linear:
    lr = (EPS / 2) ** 0.5
    return Linear(
        lambda h: [[1, lr], [-lr * h, 1 - friction]], [0, (2 * friction) ** 0.5], [0, -lr]
    )


def splitting(friction: float) -> Linear:
    """A full kick, half a drift, friction, half a drift: BAOAB from one half kick on."""
    lr, keep = EPS**0.5, math.exp(-friction)
    size = (1 - keep**2) ** 0.5
    after = np.array([[1, lr / 2 * (1 + keep)], [0, keep]])
    return Linear(
        lambda h: (after @ np.array([[1, 0], [-lr * h, 1]])).tolist(),
        [lr / 2 * size, size],
        (after @ [0, -lr]).tolist(),
    )


def variance(step: Linear, h: float, heat: float) -> float:
    """Return the stationary variance of the position, with gradients of a variance."""
    noise = np.outer(step.noise, step.noise) + heat * np.outer(step.kick, step.kick)
    return float(solve_discrete_lyapunov(np.array(step.matrix(h)), noise)[0, 0])


def growth(step: Linear, steps: int = 4000) -> float:
    """Return how much the variance of the position grows a step, without curvature."""
    matrix, noise = np.array(step.matrix(0.0)), np.outer(step.noise, step.noise)
    covariance, places = np.zeros_like(noise), []
    for _ in range(2 * steps):
        covariance = matrix @ covariance @ matrix.T + noise
        places.append(covariance[0, 0])
    return float((places[-1] - places[steps - 1]) / steps)


SCHEMES = {
    "sgld": (SGLD(EPS), euler()),
    "leimkuhler_matthews": (LeimkuhlerMatthews(EPS), averaged()),
    "sghmc 0.1": (SGHMC(EPS, 0.1), new_velocity(0.1)),
    "sghmc 0.5": (SGHMC(EPS, 0.5), new_velocity(0.5)),
    "baoab 0.3": (BAOAB(EPS, 0.3), splitting(0.3)),
    "baoab 2": (BAOAB(EPS, 2.0), splitting(2.0)),
    "devinterp_sgld": (DevinterpSGLD(EPS), euler()),
    "posteriors_sgld": (PosteriorsSGLD(EPS), euler()),
    "posteriors_sghmc 0.1": (PosteriorsSGHMC(EPS, 0.1), old_momentum(0.1)),
    "posteriors_sghmc 0.5": (PosteriorsSGHMC(EPS, 0.5), old_momentum(0.5)),
    "posteriors_baoa 0.3": (PosteriorsBAOA(EPS, 0.3), splitting(0.3)),
}


def factors(step: Linear) -> tuple[float, float, float]:
    """Return curvature, noise and relaxation at the leading order of a step."""
    cold, hot = variance(step, 1.0, 0.0), variance(step, 1.0, 1.0)
    return (cold - 1) / (EPS / 4), (hot - cold) / (EPS / 4), EPS / growth(step)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_declared_factors_are_those_of_the_step(name: str) -> None:
    sampler, step = SCHEMES[name]
    declared = sampler_abilities.discretisation(sampler)
    assert declared is not None
    assert declared.step_size == EPS
    assert declared[1:] == pytest.approx(factors(step), rel=2e-3, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "other"),
    [("posteriors_sghmc 0.1", "sghmc 0.1"), ("sghmc 0.1", "sghmc 0.5"), ("baoab 0.3", "sgld")],
)
def test_the_factors_of_another_step_are_not(name: str, other: str) -> None:
    declared = sampler_abilities.discretisation(SCHEMES[name][0])
    assert declared is not None
    wrong = factors(SCHEMES[other][1])
    assert any(a != pytest.approx(b, rel=0.1) for a, b in zip(declared[1:], wrong, strict=True))
