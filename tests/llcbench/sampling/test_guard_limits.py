"""Every guard on both sides of its limit and in both directions."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import llcbench
from llcbench import MALA
from llcbench.sampling.chains import Trace
from llcbench.sampling.diagnostics import Convergence
from llcbench.sampling.guards import guards
from llcbench.sampling.target import Target

FINE = Convergence(1000.0, 1000.0, 1.0)
ALWAYS = {"rhat", "ess_bulk", "split_half", "negative", "rounding"}


@dataclass(frozen=True)
class Stepless:
    """A sampler without a step size."""


def noise(chains=4, draws=1000, seed=0):
    return 1 + 0.1 * np.random.default_rng(seed).standard_normal((chains, draws))


def guards_of(
    kept, statistics=FINE, sampler=None, *, acceptance=None, burnin=0, nbeta=1.0, gamma=1.0
):
    """Return all guards of a trace by name."""
    before = np.full((len(kept), burnin), 7.0)
    trace = Trace(
        excess=np.hstack([before, kept]), baseline=np.zeros((1, 1)), loss_star=0.0,
        num_burnin=burnin, acceptance=acceptance, data_se=None, status="ok", message="",
        seconds_setup=0.0, seconds_sampling=0.0,
    )  # fmt: skip
    target = Target(llcbench.problem("regular/d2"), nbeta, gamma, len(kept))
    rng = torch.Generator().manual_seed(0)
    return {g.name: g for g in guards(target, sampler or Stepless(), trace, statistics, rng)}


def test_a_run_without_fault_has_the_guards_that_all_have():
    result = guards_of(noise())
    assert set(result) == ALWAYS
    assert all(guard.passed for guard in result.values())


@pytest.mark.parametrize(
    ("name", "statistics", "passed"),
    [
        ("rhat", FINE._replace(rhat=1.049), True),
        ("rhat", FINE._replace(rhat=1.05), False),
        ("rhat", FINE._replace(rhat=1.051), False),
        ("rhat", FINE._replace(rhat=math.inf), False),
        ("rhat", FINE._replace(rhat=math.nan), False),
        ("ess_bulk", FINE._replace(ess_bulk=101.0), True),
        ("ess_bulk", FINE._replace(ess_bulk=100.0), True),
        ("ess_bulk", FINE._replace(ess_bulk=99.0), False),
        ("ess_bulk", FINE._replace(ess_bulk=11.0), False),
        ("ess_bulk", FINE._replace(ess_bulk=math.nan), False),
    ],
)
def test_statistics_of_the_chains(name, statistics, passed):
    result = guards_of(noise(), statistics)
    assert result[name].passed == passed
    assert all(guard.passed for other, guard in result.items() if other != name)
    assert math.isfinite(result[name].value)


def test_undefined_effective_draws_are_none():
    assert guards_of(noise(), FINE._replace(ess_bulk=math.nan))["ess_bulk"].value == 0


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("z", "passed"), [(3.99, True), (4.01, False), (20.0, False)])
def test_a_drift_in_both_directions(sign, z, passed):
    """Gaps ``a - b, a - b, a + b, a + b`` lie ``a 3^(1/2) / b`` standard errors off."""
    a, b = sign * 0.1 * z / 3**0.5, 0.1
    gaps = np.array([a - b, a - b, a + b, a + b])[:, None]
    wiggle = np.tile([3.0, 3.5], 50)
    kept = np.hstack([np.tile(wiggle, (4, 1)), wiggle + gaps])
    result = guards_of(kept)["split_half"]
    assert result.value == pytest.approx(sign * z)
    assert result.passed == passed


@pytest.mark.parametrize(("mean", "passed"), [(1e-3, True), (0.0, False), (-1e-3, False)])
def test_a_mean_below_the_loss_at_the_point(mean, passed):
    kept = np.tile([mean - 1.0, mean + 1.0], (4, 50))
    assert guards_of(kept)["negative"].passed == passed


@pytest.mark.parametrize(
    ("rate", "passed"), [(0.0, False), (0.099, False), (0.1, True), (0.101, True), (1.0, True)]
)
def test_the_acceptance(rate, passed):
    result = guards_of(noise(), acceptance=rate)["acceptance"]
    assert result.passed == passed
    assert result.value == rate


def stayed(draws, repeats, at=100):
    """Return a trace in which one chain repeats a draw a number of times."""
    kept = noise(draws=draws)
    kept[2, at : at + repeats + 1] = kept[2, at]
    return kept


@pytest.mark.parametrize(("repeats", "passed"), [(49, True), (50, True), (51, False)])
def test_a_stay_of_a_twentieth_of_the_draws(repeats, passed):
    """At acceptance 1/2 the fair limit is below: 3 log(4000) / log 2 = 36 of 1000."""
    result = guards_of(stayed(1000, repeats), acceptance=0.5)["stuck"]
    assert result.value == repeats / 1000
    assert result.passed == passed


@pytest.mark.parametrize(("repeats", "passed"), [(210, True), (211, False)])
def test_a_stay_that_a_low_acceptance_makes_fair(repeats, passed):
    """At acceptance 0.12 the limit is ``3 log(4 * 2000) / -log 0.88`` = 210.9 of 2000 draws."""
    assert 210 < 3 * math.log(8000) / -math.log(0.88) < 211
    assert guards_of(stayed(2000, repeats), acceptance=0.12)["stuck"].passed == passed
    assert not guards_of(stayed(2000, 210), acceptance=0.5)["stuck"].passed


@pytest.mark.parametrize(("repeats", "listed"), [(0, False), (40, False), (51, True), (999, True)])
def test_a_sampler_that_reports_no_rejection_but_stays(repeats, listed):
    """One whose steps vanish in rounding, or a function that rejects without saying so."""
    result = guards_of(stayed(1000, repeats, at=0))
    assert ("stuck" in result) == listed
    assert not listed or not result["stuck"].passed


def test_a_function_that_rejects_half_of_its_proposals_is_fine():
    rng = np.random.default_rng(0)
    kept, moves = noise(draws=100), rng.random((4, 100)) < 0.5
    for step in range(1, 100):
        kept[:, step] = np.where(moves[:, step], kept[:, step], kept[:, step - 1])
    assert set(guards_of(kept)) == ALWAYS


def test_chains_that_never_move_are_counted():
    kept = noise()
    kept[1:3] = 0.5
    result = guards_of(kept, acceptance=0.5)["moving"]
    assert (result.value, result.passed) == (2.0, False)
    assert "of 4 chains never left one place" in result.meaning
    kept[1:3, -1] = 0.6
    assert "moving" not in guards_of(kept, acceptance=0.5)


@pytest.mark.parametrize(("adapt", "listed"), [(0, False), (100, False), (101, True)])
def test_an_adaptation_longer_than_the_burnin(adapt, listed):
    result = guards_of(noise(), sampler=MALA(adapt=adapt), acceptance=0.5, burnin=100)
    assert ("adaptation" in result) == listed
    if listed:
        guard = result["adaptation"]
        assert (guard.value, guard.limit, guard.passed) == (101.0, "<= 100", False)
        assert "ended with the burn-in" in guard.meaning
