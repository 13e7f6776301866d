"""Data sets and tempered truths of regressions against what they are by definition."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import llcbench
from llcbench.problems.linear_networks import linear_model
from llcbench.problems.linear_networks.linear_model import linear_problem
from llcbench.problems.squared.regression import Inputs
from llcbench.types import Truth
from theory.tempered import linear_regression

NBETA, GAMMA = 40.0, 2.0


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("kind", "variance"), [("normal", 1.0), ("uniform10", 100 / 3)])
def test_the_second_moment_is_that_of_the_inputs(kind: str, variance: float) -> None:
    """Uniform on [-10, 10]: 400/12. Of 200 000 draws it is known to 0.5 % (z = 4.5)."""
    inputs = Inputs(kind)
    assert inputs.second_moment == pytest.approx(variance)
    drawn = inputs.sample((1000, 200), rng())
    assert float(drawn.square().mean()) == pytest.approx(variance, rel=0.015)
    assert abs(float(drawn.mean())) < 4.5 * math.sqrt(variance / 200_000)


@pytest.mark.parametrize("noise_sd", [0.0, 0.5, 2.0])
def test_label_noise_has_the_standard_deviation_asked_for(noise_sd: float) -> None:
    base = llcbench.problem("rrr/2-2-2/r1")
    problem = replace(base, noise_sd=noise_sd).with_data(20_000)
    noise = problem.sample_data(rng()).noise
    assert float(noise.std()) == pytest.approx(noise_sd, rel=0.02)


def one_layer(kind: str, noise_sd: float = 1.0):
    """Return a linear regression, of which the tempered value is known in closed form."""
    weights = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]])

    def truth() -> Truth:
        raise AssertionError("not asked for")

    return linear_problem(
        "one", [weights], truth, "", frozenset(), inputs=Inputs(kind), noise_sd=noise_sd
    )


@pytest.mark.parametrize(("kind", "variance"), [("normal", 1.0), ("uniform10", 100 / 3)])
def test_a_truth_in_population_counts_the_variance_of_the_inputs(kind, variance) -> None:
    """Six weights of one curvature: ``6/2 nbeta s / (nbeta s + gamma)``."""
    found = one_layer(kind).tempered(NBETA, GAMMA)
    assert found.value == pytest.approx(3 * NBETA * variance / (NBETA * variance + GAMMA))


def test_a_truth_on_data_is_that_of_its_moments_and_its_label_noise() -> None:
    problem = one_layer("normal", 1.5).with_data(30)
    data = problem.sample_data(rng(3))
    x, noise = data.inputs.numpy(), data.noise.numpy()
    found = problem.tempered(NBETA, GAMMA, data)
    wanted = linear_regression(x.T @ x / 30, noise.T @ x / 30, NBETA, GAMMA)
    assert found.value == pytest.approx(wanted.value)
    # The control: without its noise the value is another one.
    silent = linear_regression(x.T @ x / 30, 0 * noise.T @ x, NBETA, GAMMA)
    assert found.value < silent.value - 0.1


@pytest.mark.parametrize(
    ("widths", "accuracy"), [((2, 2, 2), 1e-3), ((40, 40, 40), 5e-3), ((150, 150, 150), 2e-2)]
)
def test_gibbs_truths_are_asked_for_with_their_accuracy(monkeypatch, widths, accuracy) -> None:
    asked = {}

    def record(*args, **options) -> None:
        asked.update(options)

    monkeypatch.setattr(linear_model.tempered, "linear_network", record)
    layers = [np.eye(out, into) for into, out in itertools.pairwise(widths)]
    problem = linear_problem("any", layers, lambda: None, "", frozenset())
    problem.tempered(NBETA, GAMMA)
    assert asked["rtol"] == accuracy
    assert problem.tempered(NBETA, 0.0) is None
