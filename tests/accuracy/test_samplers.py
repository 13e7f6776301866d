"""Samplers against truths that no sampler made, each gate with a wrong sampler that it rejects.

Seeds are fixed, so a verdict never changes. A right sampler would fail the gates below
with the probability that stands beside each; together that is under 1e-2 for a fresh seed, nearly
all of it from the 3-standard-error gate on five step sizes.
"""

import numpy as np
import pytest
import torch
import wrong_samplers as wrong
from scipy.stats import binom, chi2, t

import llcbench
from llcbench import MALA, SGLD, Exact, Gibbs, MeanEnergy, Seeds, Settings, Target
from llcbench.intervals import chain_quantile
from llcbench.sampling.loop import sample
from theory.langevin.euler import euler_langevin
from theory.tempered import regular

pytestmark = pytest.mark.llc_accuracy

FALSE_ALARM = 1e-4
CURVATURES = np.geomspace(0.5, 2.0, 2) ** 2
NBETA, GAMMA, CHAINS = 100.0, 25.0, 256
# step_size * (nbeta a_max + gamma) is at most 1.7: biases from 0.3 % to 47 %.
STEPS = (1e-4, 4e-4, 1e-3, 2e-3, 4e-3)


def z_limit(chains, replicates=1, false_alarm=FALSE_ALARM):
    """Limit on ``(mean - truth) / error`` with the error from the spread of independent chains."""
    return float(t.isf(false_alarm / 2, replicates * (chains - 1)))


def quadratic(sampler, step_size, *, steps=1200, burnin=True):
    """Return mean and error of ``nbeta L`` on regular/d2."""
    target = Target(llcbench.problem("regular/d2"), NBETA, GAMMA, CHAINS)
    # Slowest coordinate: 25 from the loss and 25 from the localisation.
    relaxation = 2 / (step_size * 50)
    trace = sample(
        target,
        sampler,
        num_draws=steps,
        num_burnin=int(8 * relaxation) if burnin else 0,
        noise=torch.Generator().manual_seed(1),
        batches=torch.Generator().manual_seed(2),
    )
    means = NBETA * trace.kept.mean(1)
    return means.mean(), means.std(ddof=1) / CHAINS**0.5


def expected(step_size):
    return euler_langevin(CURVATURES, NBETA, GAMMA, step_size).llc


# --- Langevin on quadratics: 3 standard errors, false alarm 0.3 % a step size -----------------


@pytest.mark.parametrize("step_size", STEPS)
def test_sgld_has_the_distribution_of_euler_langevin(step_size):
    mean, error = quadratic(SGLD(step_size), step_size)
    z = (mean - expected(step_size)) / error
    print(
        f"step {step_size:g}: expected {expected(step_size):.4f},"
        f" SGLD {mean:.4f}({error:.4f}), z {z:+.2f}"
    )
    assert abs(z) <= 3
    assert error < 0.02 * mean


def test_the_bias_of_sgld_is_seen_where_it_is():
    exact = regular(CURVATURES, NBETA, GAMMA).value
    mean, error = quadratic(SGLD(STEPS[-1]), STEPS[-1])
    assert mean - exact > 20 * error


@pytest.mark.parametrize("step_size", STEPS)
@pytest.mark.parametrize(
    "make", [wrong.NoiseTooLarge, wrong.GammaDropped, wrong.NbetaDoubled, wrong.DriftDoubled]
)
def test_the_gate_rejects_wrong_langevin(make, step_size):
    mean, error = quadratic(make(step_size), step_size)
    assert not abs(mean - expected(step_size)) <= 3 * error


@pytest.mark.parametrize("step_size", STEPS)
def test_the_gate_rejects_a_transient_that_is_counted(step_size):
    mean, error = quadratic(wrong.StartsFarAway(step_size), step_size, burnin=False)
    assert not abs(mean - expected(step_size)) <= 3 * error


# --- Metropolis and exact draws against tempered truths: false alarm 1e-4 each ----------------


def gated(identifier, sampler, *, nbeta=1e3, chains=64, draws=3000, burnin=2000):
    settings = Settings(
        nbeta=nbeta, gamma=1.0, num_chains=chains, num_draws=draws, num_burnin=burnin
    )
    problem = llcbench.problem(identifier)
    estimate = MeanEnergy(sampler, settings).estimate(problem)
    truth = problem.tempered(nbeta, 1.0)
    assert truth.certified
    assert estimate.status == "ok", estimate.message
    error = np.hypot(estimate.mcse, truth.stderr)
    return (estimate.llc - truth.value) / error, estimate, truth


@pytest.mark.parametrize("identifier", ["poly/x4", "poly/x2-y4", "poly/parabola", "poly/x2y2"])
def test_mala_agrees_with_the_tempered_truth(identifier):
    z, estimate, truth = gated(identifier, MALA(step_size=1e-2, spread=2), draws=6000)
    assert abs(z) <= z_limit(64)
    assert estimate.mcse < 0.06 * truth.value


@pytest.mark.parametrize("identifier", ["poly/x2y2", "poly/two-component-line", "poly/x4"])
def test_exact_agrees_with_the_tempered_truth(identifier):
    z, estimate, truth = gated(identifier, Exact(), draws=600, burnin=20)
    assert abs(z) <= z_limit(64)
    assert estimate.mcse < 0.02 * truth.value


@pytest.mark.parametrize(
    ("identifier", "sampler", "draws"),
    [
        ("poly/x4", wrong.ForgetsProposalDensity(1e-2), 6000),
        ("poly/x2y2", wrong.ForgetsProposalDensity(1e-3), 6000),
        ("poly/x2-y4", wrong.AcceptsAll(1e-3), 6000),
        ("poly/x2y2", wrong.ProposalOnly(), 600),
    ],
)
def test_the_gate_rejects_wrong_metropolis(identifier, sampler, draws):
    z, _, _ = gated(identifier, sampler, draws=draws)
    assert not abs(z) <= z_limit(64)


@pytest.mark.parametrize("nbeta", [1e2, 1e4])
@pytest.mark.parametrize("rao_blackwell", [True, False])
def test_gibbs_agrees_with_quadrature(nbeta, rao_blackwell):
    settings = Settings(nbeta=nbeta, num_chains=64, num_draws=4000, num_burnin=500)
    problem = llcbench.problem("rrr/1-1-1/r0")
    estimate = MeanEnergy(Gibbs(rao_blackwell), settings).estimate(problem)
    # L = (w1 w2)^2 / 2: the potential of poly/x2y2 at half the temperature, by another method.
    truth = llcbench.problem("poly/x2y2").tempered(nbeta / 2, 1.0)
    assert abs(estimate.llc - truth.value) <= z_limit(64) * estimate.mcse
    # Control: a factor of two in the temperature.
    wrong_truth = llcbench.problem("poly/x2y2").tempered(nbeta, 1.0)
    assert not abs(estimate.llc - wrong_truth.value) <= z_limit(64) * estimate.mcse


# --- Minibatches -------------------------------------------------------------------------------

MINIBATCH = Settings(
    nbeta=100.0, gamma=25.0, num_chains=256, num_draws=400, num_burnin=400, batch_size=10
)


def minibatch_estimates():
    problem = llcbench.problem("regular/d2/n500")
    return {
        control: MeanEnergy(SGLD(1e-3), MINIBATCH, control).estimate(problem)
        for control in ("paired", "fitted", "none")
    }


def test_paired_baseline_keeps_the_mean_and_cuts_the_variance():
    result = minibatch_estimates()
    assert len({e.llc for e in result.values()}) == 3
    for control in ("paired", "fitted"):
        difference = np.array(result[control].llc_per_chain) - result["none"].llc_per_chain
        error = difference.std(ddof=1) / len(difference) ** 0.5
        assert abs(difference.mean()) <= z_limit(256) * error
        assert result[control].mcse < 0.5 * result["none"].mcse
    assert result["paired"].llc_unpaired == pytest.approx(result["none"].llc)


def test_a_baseline_of_other_minibatches_cuts_nothing():
    """Control: pairing with the wrong chains keeps the mean and adds variance."""
    problem = llcbench.problem("regular/d2/n500")
    estimator = MeanEnergy(SGLD(1e-3), MINIBATCH)
    target = estimator.target(problem, problem.sample_data(torch.Generator().manual_seed(0)))
    noise, batches = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    trace = sample(target, SGLD(1e-3), num_draws=400, num_burnin=400, noise=noise, batches=batches)
    raw = trace.excess + trace.baseline
    right, swapped = raw - trace.baseline, raw - np.roll(trace.baseline, 1, axis=0)
    assert right.mean(1).std() < 0.5 * raw.mean(1).std()
    assert swapped.mean(1).std() > raw.mean(1).std()


def test_every_chain_has_minibatches_of_its_own():
    problem = llcbench.problem("regular/d2/n500")
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = Target(problem, 100.0, 1.0, 32, data, batch_size=10)
    rng = torch.Generator().manual_seed(1)
    target.next_batch(rng)
    first = target.batch.inputs.clone()
    target.next_batch(rng)
    rows = torch.cat([first, target.batch.inputs]).flatten(1)
    assert len(torch.unique(rows, dim=0)) == 64
    # Independent: correlation between chains of baselines over many batches, z at 1e-4 / 496.
    baselines = []
    for _ in range(500):
        target.next_batch(rng)
        baselines.append(target.loss.baseline(target.batch))
    correlation = np.corrcoef(torch.stack(baselines).T.numpy())[np.triu_indices(32, 1)]
    assert np.abs(correlation).max() <= 5.1 / 500**0.5


# --- Error bars --------------------------------------------------------------------------------


def intervals(estimates, truth):
    return sum(e.interval[0] <= truth <= e.interval[1] for e in estimates)


def replicated(count, sampler, settings, identifier):
    problem = llcbench.problem(identifier)
    return [
        MeanEnergy(sampler, settings).estimate(
            problem, llcbench.RunContext(Seeds(7, identifier, r))
        )
        for r in range(count)
    ]


@pytest.mark.parametrize("chains", [1, 8])
def test_ninety_percent_intervals_cover(chains):
    settings = Settings(nbeta=1e3, num_chains=chains, num_draws=300, num_burnin=200)
    count, identifier = 40, "poly/x2"
    estimates = replicated(count, MALA(step_size=1e-3, adapt=100), settings, identifier)
    truth = llcbench.problem(identifier).tempered(1e3, 1.0).value
    hits = intervals(estimates, truth)
    assert binom.cdf(hits, count, 0.9) > FALSE_ALARM
    # Control: error bars of a third the width are seen to be too short.
    narrow = [(e.llc, e.mcse * chain_quantile(0.9, chains) / 3) for e in estimates]
    hits = sum(abs(value - truth) <= reach for value, reach in narrow)
    assert binom.cdf(hits, count, 0.9) < FALSE_ALARM


@pytest.mark.parametrize(
    ("identifier", "sampler", "nbeta"),
    [("regular/d2/n500", MALA(step_size=1e-2, adapt=100), 80.0), ("poly/x2/n1000", Exact(), 140.0)],
)
def test_data_se_is_the_spread_over_data_sets(identifier, sampler, nbeta):
    settings = Settings(nbeta=nbeta, num_chains=64, num_draws=400, num_burnin=150)
    count = 40
    result = replicated(count, sampler, settings, identifier)
    observed = np.var([e.llc for e in result], ddof=1)
    claimed = np.mean([e.stderr**2 for e in result])
    low, high = chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], count - 1) / (count - 1)
    assert low <= observed / claimed <= high
    # Control: the Monte Carlo error alone is no error of the estimate.
    assert observed / np.mean([e.mcse**2 for e in result]) > high
