"""Estimates without sampling against closed forms."""

import math

import numpy as np
import pytest
import torch

import llcbench
from llcbench import Settings
from llcbench.estimators.curvature import spectrum
from llcbench.estimators.effective_dimension import EffectiveDimension
from llcbench.estimators.half_dimension import HalfDimension
from llcbench.estimators.hessian_rank import HessianRank
from llcbench.estimators.laplace import Laplace
from llcbench.sampling.target import Target
from llcbench.seeds import Seeds

SETTINGS = Settings(nbeta=200.0, gamma=5.0)


def test_a_quadratic():
    problem = llcbench.problem("regular/d5")
    curvatures = np.geomspace(0.5, 2.0, 5) ** 2
    np.testing.assert_allclose(spectrum(problem, None).values, curvatures, rtol=1e-12)
    effective = EffectiveDimension(None, SETTINGS).estimate(problem)
    assert effective.llc == pytest.approx(problem.tempered(200.0, 5.0).value, rel=1e-12)
    assert effective.grad_evals == 10
    laplace = Laplace(None, SETTINGS).estimate(problem).llc
    expected = sum(math.log((200 * e + 5) / (e + 5)) for e in curvatures) / 2 / math.log(200)
    assert laplace == pytest.approx(expected, rel=1e-12)
    assert HessianRank(None, SETTINGS).estimate(problem).llc == 2.5
    assert HalfDimension(None, SETTINGS).estimate(problem).llc == 2.5


@pytest.mark.parametrize(
    ("identifier", "rank"),
    [
        ("poly/x4", 0),
        ("poly/x2y2", 0),
        ("poly/x2-y4", 1),
        ("poly/circle", 1),
        ("poly/x2-flat8/rotated-3", 1),
        ("rrr/3-3-3/r1", 5),
        ("poly/shifted-x4", 0),
    ],
)
def test_half_the_rank_is_a_lower_bound(identifier, rank):
    """At rrr/3-3-3/r1 with both factors of rank 1 the Jacobian has the tangent's rank 1 (3+3-1)."""
    problem = llcbench.problem(identifier)
    found = HessianRank(None, SETTINGS).estimate(problem)
    assert found.llc == rank / 2
    assert found.llc <= problem.truth.local.upper <= HalfDimension().estimate(problem).llc
    assert (found.mcse, found.interval) == (0.0, (rank / 2, rank / 2))


def largest_curvature(target, rng):
    """Return the largest eigenvalue at ``w*`` by power iteration on differences of the gradient."""
    start, width = target.w_star.unsqueeze(0), 1e-4
    batch = target.loss.draw(1, None, rng)
    direction = torch.randn(start.shape, generator=rng, dtype=start.dtype)
    for _ in range(200):
        direction = direction / direction.norm()
        ahead, behind = (
            target.loss.excess_and_grad(start + sign * width * direction, batch)[1]
            for sign in (1, -1)
        )
        direction = (ahead - behind) / (2 * width)
    return float(direction.norm())


def test_the_largest_eigenvalue_is_that_of_power_iteration():
    problem = llcbench.problem("rrr/3-3-3/r1/n500")
    seeds = Seeds(problem=problem.id)
    data = problem.sample_data(seeds.generator("data"))
    target = Target(problem, 1.0, 1.0, 1, data._replace(noise=0 * data.noise))
    by_differences = largest_curvature(target, seeds.generator("guard"))
    eigenvalues = spectrum(problem, data)
    assert eigenvalues.values[-1] == pytest.approx(by_differences, rel=1e-4)
    # Label noise is taken out: the Gauss-Newton matrix has no negative eigenvalue.
    assert eigenvalues.lowest > -1e-12


def test_the_effective_dimension_misses_flat_directions():
    problem, settings = llcbench.problem("poly/x2-y4"), Settings(nbeta=1e4, gamma=0.01)
    found = EffectiveDimension(None, settings).estimate(problem).llc
    assert found == pytest.approx(0.5, abs=1e-4)
    assert problem.tempered(1e4, 0.01).value == pytest.approx(0.75, abs=5e-3)


def test_laplace_converges_like_one_over_log_n():
    problem = llcbench.problem("poly/x2")
    gaps = []
    for nbeta in (1e4, 1e8):
        value = Laplace(None, Settings(nbeta=nbeta, gamma=1.0)).estimate(problem).llc
        gaps.append((0.5 - value) * 2 * math.log(nbeta))
    np.testing.assert_allclose(gaps, math.log(1 + 1 / 2), rtol=1e-3)


def test_too_many_parameters_are_refused_in_words():
    problem = llcbench.problem("regular/d5000")
    for kind in (HessianRank, EffectiveDimension, Laplace):
        estimate = kind(None, SETTINGS).estimate(problem)
        assert estimate.status == "skipped"
        assert "at most 2000 parameters" in estimate.message
        assert kind(None, SETTINGS).tempered(problem, 200.0, 5.0, None) is None
    assert HalfDimension().estimate(problem).llc == 2500


def test_large_linear_networks_are_probed_on_the_output_side():
    """At the same point and temperature as theory; a polynomial of that size stays skipped."""
    problem, settings = llcbench.problem("dln/100k/s17"), Settings(nbeta=7e4, gamma=6e3)
    estimator = EffectiveDimension(None, settings)
    estimate = estimator.estimate(problem)
    assert estimate.status == "ok"
    assert 0 < estimate.mcse < 0.05 * estimate.llc
    assert estimate.llc < float(problem.truth.local.value)
    assert all(guard.passed for guard in estimate.guards)
    target = estimator.tempered(problem, 7e4, 6e3, None)
    assert target is not None
    assert target.value == estimate.llc
    with_data = llcbench.problem("dln/100k/s17/n2000")
    sampled = estimator.estimate(with_data)
    assert sampled.llc == pytest.approx(estimate.llc, rel=0.03)
    assert EffectiveDimension(None, settings).estimate(
        llcbench.problem("regular/d3000")
    ).status == ("skipped")
