"""Chains that stay where they are: no zero error, no interval, no effective draws, no warning."""

import warnings
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
import torch

import llcbench
from llcbench import HMC, MALA, MeanEnergy, Settings
from llcbench.estimators.extrapolated import Extrapolated
from llcbench.estimators.heat_capacity import HeatCapacity
from llcbench.estimators.regression import TemperatureRegression
from llcbench.estimators.reweighting import Reweighting
from llcbench.estimators.thermodynamic_integration import ThermodynamicIntegration
from llcbench.estimators.two_temperatures import TwoTemperatures
from llcbench.records import Estimate
from llcbench.types import Draw

PROBLEM = llcbench.problem("regular/d2")
CHAINS = 8


@dataclass(frozen=True)
class Sticking:
    """Independent normal draws, except that some chains stay where they started.

    Attributes:
        still: Number of these chains.
        step_size: Not used; `Extrapolated` wants one.
        broken: Loss of all chains in the tenth step.
    """

    still: int = 0
    step_size: float = 0.1
    broken: float | None = None

    def init(self, theta, target, rng):
        return theta, 0

    def step(self, state, target, rng):
        theta, count = state
        drawn = torch.empty_like(theta).normal_(std=0.1, generator=rng)
        drawn[: self.still] = theta[: self.still]
        loss = target.loss.excess(drawn, target.batch)
        if self.broken is not None and count == 9:
            loss = torch.full_like(loss, self.broken)
        return (drawn, count + 1), Draw(drawn, loss)


def settings(chains=CHAINS):
    return Settings(nbeta=100.0, gamma=1.0, num_chains=chains, num_draws=64, num_burnin=0)


ESTIMATORS = {
    "mean_energy": MeanEnergy,
    "two_temperatures": TwoTemperatures,
    "integration": lambda k, s: ThermodynamicIntegration(k, s, rungs=2),
    "regression": lambda k, s: TemperatureRegression(k, s, rungs=3),
    "covariance": lambda k, s: TemperatureRegression(k, s, rungs=3, weights="covariance"),
    "heat_capacity": HeatCapacity,
    "reweighting": Reweighting,
    "extrapolated": lambda k, s: Extrapolated(k, msgspec.structs.replace(s, num_chains=16)),
}


@pytest.fixture(params=ESTIMATORS)
def estimated(request):
    """Return the estimator, with every warning an error; its record can be written and read."""

    def run(sampler, chains=CHAINS):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = ESTIMATORS[request.param](sampler, settings(chains)).estimate(PROBLEM)
        return msgspec.json.decode(msgspec.json.encode(made), type=Estimate)

    return run


def test_no_chain_that_moves_is_no_estimate(estimated):
    found = estimated(Sticking(still=100))
    assert found.status == "error"
    assert "chains never left one place in 64 draws" in found.message
    assert "reduce step_size" in found.message
    assert (found.llc, found.mcse, found.stderr, found.interval) == (None, None, None, None)
    assert (found.ess_bulk, found.ess_tail, found.rhat) == (None, None, None)
    assert not found.converged


def test_one_chain_that_stays_among_several(estimated):
    found = estimated(Sticking(still=1))
    assert found.status == "ok"
    assert found.llc is not None
    assert found.mcse is not None
    assert found.mcse > 0
    assert found.interval is None
    assert (found.ess_bulk, found.ess_tail) == (None, None)
    failed = {guard.name: guard for guard in found.guards if not guard.passed}
    assert {"moving", "ess_bulk"} <= set(failed)
    assert failed["moving"].value == 1
    assert not found.converged


def test_the_control_moves(estimated):
    found = estimated(Sticking())
    assert found.status == "ok"
    assert found.interval is not None
    assert found.ess_bulk is not None
    assert not {"moving", "stuck"} & {guard.name for guard in found.guards}


@pytest.mark.parametrize("chains", [1, 2, 3])
def test_one_chain_that_stays_among_few_is_no_estimate(chains):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = MeanEnergy(Sticking(still=1), settings(chains)).estimate(PROBLEM)
        control = MeanEnergy(Sticking(), settings(chains)).estimate(PROBLEM)
    assert (found.status, found.llc) == ("error", None)
    assert f"1 of {chains} chains never left one place" in found.message
    assert control.status == "ok"
    assert control.rhat is not None
    assert all(guard.value < 1e6 for guard in control.guards)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e200])
def test_a_loss_that_is_no_number_between_two_checks_is_named(estimated, value):
    """The loop looks at the last losses only, every 200 steps."""
    found = estimated(Sticking(broken=value))
    assert found.status == "not_finite"
    assert "recorded losses that are not finite" in found.message
    assert found.llc is None


@pytest.mark.parametrize("sampler", [MALA(step_size=1e6, adapt=0), HMC(step_size=1e6, adapt=0)])
def test_a_metropolis_sampler_whose_step_is_never_accepted(sampler):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = MeanEnergy(sampler, settings()).estimate(PROBLEM)
    assert found.status == "error"
    assert found.acceptance == 0
    assert "8 of 8 chains never left one place" in found.message


def test_steps_that_vanish_in_single_precision_are_no_estimate():
    """Steps of 1e-11 around 1 are below the rounding of single precision, not of double."""
    problem = llcbench.problem("dln/3-3-3/r3-1")
    run = msgspec.structs.replace(settings(), nbeta=1.0)
    for precision, statuses in (("float32", {"error"}), ("float64", {"ok"})):
        settled = msgspec.structs.replace(run, dtype=precision)
        found = MeanEnergy(llcbench.SGLD(1e-22), settled).estimate(problem)
        print(precision, found.status, found.message, found.llc)
        assert found.status in statuses


def test_effective_draws_per_gradient_are_not_known_for_stuck_chains():
    from llcbench.scoring import _ess_per_grad

    moving = MeanEnergy(Sticking(), settings()).estimate(PROBLEM)
    stuck = MeanEnergy(Sticking(still=1), settings()).estimate(PROBLEM)
    moving = msgspec.structs.replace(moving, grad_evals=10)
    stuck = msgspec.structs.replace(stuck, grad_evals=10)
    assert _ess_per_grad([stuck]) is None
    assert _ess_per_grad([moving, stuck]) == _ess_per_grad([moving])
    assert moving.ess_bulk is not None
    assert np.isfinite(moving.ess_bulk)
