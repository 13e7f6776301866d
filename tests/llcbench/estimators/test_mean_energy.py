"""The mean energy of traces that are made up: value, errors, interval and controls by hand."""

import math

import numpy as np
import pytest

import llcbench
from llcbench import SGLD, Seeds, Settings
from llcbench.estimators.mean_energy import MeanEnergy, nbeta_of
from llcbench.sampling.chains import Trace
from llcbench.types import RunContext

PROBLEM = llcbench.problem("poly/x2")
# Two-sided quantiles of Student's t at 90 %, from printed tables.
T3, T7 = 2.3534, 1.8946
NBETA = 50.0


def settings(chains: int = 4, **options) -> Settings:
    return Settings(nbeta=NBETA, num_chains=chains, num_draws=8, num_burnin=2, **options)


def estimated(kept, *, control="paired", shift=None, data_se=None, status="ok", burnin=9.0):
    """Return the estimate of excess losses ``(chains, draws)`` after a burn-in far away."""
    kept = np.asarray(kept, dtype=float)
    early = np.full((len(kept), 2), burnin)
    excess = np.concatenate([early, kept], axis=1)
    baseline = np.array([[0.25]])
    if shift is not None:
        baseline = 0.25 + np.concatenate([0 * early, shift], axis=1)
    trace = Trace(
        excess=excess, baseline=baseline, loss_star=0.25, num_burnin=2, acceptance=None,
        data_se=data_se, status=status, message="", seconds_setup=0.5, seconds_sampling=1.5,
    )  # fmt: skip
    chosen = settings(len(kept))
    estimator = MeanEnergy(SGLD(1e-3), chosen, control=control)
    return estimator.summarise(trace, estimator.target(PROBLEM, None), Seeds())


def chains(means, wobble=0.001):
    """Return eight draws about each mean, with no error of the mean."""
    return np.asarray(means)[:, None] + wobble * np.array([1.0, -1, 2, -2, 3, -3, 4, -4])


def test_value_and_error_are_those_of_the_chains_without_burn_in() -> None:
    """Means 0.01, 0.02, 0.04, 0.05: mean 0.03, variance 0.001/3, of the mean a quarter."""
    found = estimated(chains([0.01, 0.02, 0.04, 0.05]))
    assert found.llc == pytest.approx(NBETA * 0.03)
    assert found.mcse == pytest.approx(NBETA * math.sqrt(0.001 / 3 / 4))
    assert found.llc_per_chain == pytest.approx([0.5, 1.0, 2.0, 2.5])
    assert found.data_se is None
    assert found.stderr == found.mcse
    assert (found.nbeta, found.gamma, found.loss_star) == (NBETA, 1.0, 0.25)


def test_the_interval_is_that_of_90_percent_from_the_combined_error() -> None:
    found = estimated(chains([0.01, 0.02, 0.04, 0.05]), data_se=0.7)
    assert found.stderr == pytest.approx(math.hypot(found.mcse, 0.7))
    low, high = found.interval
    assert high - found.llc == pytest.approx(T3 * found.stderr, rel=1e-4)
    assert found.llc - low == pytest.approx(T3 * found.stderr, rel=1e-4)
    eight = estimated(chains(np.linspace(0.01, 0.05, 8)))
    assert eight.interval[1] - eight.llc == pytest.approx(T7 * eight.stderr, rel=1e-4)


def test_control_variates_by_hand() -> None:
    """Raw losses are ``kept + shift``; with ``raw = k + c shift`` the fit finds c."""
    rng = np.random.default_rng(0)
    shift = rng.normal(0, 0.01, (4, 8))
    shift -= shift.mean()
    k = chains([0.01, 0.02, 0.04, 0.05])
    kept = k - 0.4 * shift
    paired = estimated(kept, shift=shift)
    assert paired.llc == pytest.approx(NBETA * kept.mean())
    raw = estimated(kept, shift=shift, control="none")
    assert raw.llc == pytest.approx(NBETA * (kept + shift).mean())
    assert raw.llc_per_chain == pytest.approx(NBETA * (k + 0.6 * shift).mean(1))
    fitted = estimated(kept, shift=shift, control="fitted")
    weight = float(((k + 0.6 * shift - k.mean()) * shift).mean() / shift.var())
    assert fitted.llc_per_chain == pytest.approx(NBETA * (k + (0.6 - weight) * shift).mean(1))
    assert paired.llc_unpaired == pytest.approx(NBETA * (kept + shift).mean())
    assert estimated(k).llc_unpaired is None


def test_a_run_with_a_lost_chain_has_no_estimate() -> None:
    kept = chains([0.01, 0.02, 0.04, 0.05])
    kept[2, 5] = np.nan
    found = estimated(kept)
    assert (found.status, found.llc, found.interval) == ("not_finite", None, None)
    # The others are on record.
    assert found.llc_per_chain == pytest.approx([0.5, 1.0, 2.5])


@pytest.mark.parametrize("status", ["diverged", "not_finite"])
def test_a_failed_run_has_no_estimate(status: str) -> None:
    found = estimated(chains([0.01, 0.02, 0.04, 0.05]), status=status)
    assert (found.status, found.llc) == (status, None)


@pytest.mark.parametrize(("draws", "status"), [(7, "error"), (8, "ok")])
def test_eight_draws_are_the_fewest(draws: int, status: str) -> None:
    kept = chains([0.01, 0.02, 0.04, 0.05])[:, :draws]
    assert estimated(kept).status == status


def test_the_default_temperature_is_n_over_the_natural_logarithm() -> None:
    assert nbeta_of(Settings(), 1000) == pytest.approx(144.76482730108395)
    # A population has the nominal size 100 000.
    assert nbeta_of(Settings(), None) == pytest.approx(8685.889638065036)
    assert nbeta_of(Settings(nbeta=7.0), 1000) == 7.0


def test_times_and_costs_are_those_of_the_run() -> None:
    found = estimated(chains([0.01, 0.02, 0.04, 0.05]))
    assert (found.seconds_setup, found.seconds_sampling) == (0.5, 1.5)
    run = MeanEnergy(SGLD(1e-3), settings()).estimate(PROBLEM, RunContext(Seeds(1)))
    assert run.grad_evals == 4 * 10
    assert run.sample_grads == 4 * 10
