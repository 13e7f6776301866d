"""devinterp 1: its kernels under our loop, and its own loop with its own initial loss."""

import numpy as np
import pytest
import torch

import llcbench
from llcbench.adapters import devinterp_kernels as kernels
from llcbench.adapters.devinterp import Devinterp
from llcbench.adapters.devinterp_feed import Weights, evaluate_of, loader_of
from llcbench.adapters.packages import missing
from llcbench.seeds import Seeds
from llcbench.testing import named_checks
from llcbench.types import Budget
from theory.langevin.euler import euler_langevin

pytestmark = pytest.mark.skipif(missing("devinterp") is not None, reason=str(missing("devinterp")))
EPS = 4e-3  # times the largest curvature: 2
DATA = "rrr/2-2-2/r1/n1000"


def moments(quadratics, eps, temperature=1.0):
    return temperature * euler_langevin(quadratics.stiffness, 1.0, 0.0, eps).variance


def energy(variance):
    """Return ``nbeta E[L]`` of the quadratic at nbeta 100."""
    return float(50 * (np.array([0.25, 1.0, 4.0]) * variance).sum())


def test_sgld_has_the_distribution_of_the_same_step_and_of_no_other(quadratics):
    (squares,) = quadratics.walk(kernels.DevinterpSGLD(EPS), (80,))
    assert quadratics.errors(squares, moments(quadratics, EPS)) < 5
    assert quadratics.errors(squares, moments(quadratics, EPS / 2)) > 5


def test_its_loop_has_the_distribution_too(quadratics):
    settings = quadratics.settings(num_draws=150, num_burnin=30)
    estimate = Devinterp(kernels.DevinterpSGLD(EPS), settings).estimate(
        llcbench.problem("regular/d3")
    )
    assert estimate.status == "ok"
    assert estimate.grad_evals == 16 * 180
    assert abs(estimate.llc - energy(moments(quadratics, EPS))) < 5 * estimate.mcse
    assert abs(estimate.llc - energy(moments(quadratics, EPS / 2))) > 5 * estimate.mcse
    # In population the initial loss is exact: both numbers agree, up to single precision.
    assert estimate.llc == pytest.approx(estimate.llc_unpaired, rel=1e-5)


def test_its_thermostat_is_langevin_dynamics_at_twice_the_noise(quadratics):
    sampler = kernels.DevinterpSGNHT(EPS, noise=0.1)
    found = quadratics.mean_energy(sampler, num_draws=300, num_burnin=60)
    assert abs(found.llc - energy(moments(quadratics, EPS / 2, 0.2))) < 5 * found.mcse
    assert abs(found.llc - energy(1 / quadratics.stiffness)) > 5 * found.mcse


def deprecated(quadratics, eps, noise, late, chains=2048):
    """Return ``nbeta E[L]`` of the thermostat in NumPy, friction after or before the gradient."""
    rng, lr = np.random.default_rng(5), eps / 2
    curvatures = (quadratics.stiffness - 100) / 100
    w, v = np.zeros((chains, 3)), lr**0.5 * rng.standard_normal((chains, 3))
    friction, results = np.full((chains, 1), noise), []
    for step in range(500):
        kick = lr * quadratics.stiffness * w
        v = (1 - friction) * (v - kick) if late else (1 - friction) * v - kick
        v = v + (2 * lr * noise) ** 0.5 * rng.standard_normal(v.shape)
        w, friction = w + v, friction + (v**2).mean(1, keepdims=True) - lr
        if step >= 100:
            results.append(50 * (curvatures * w**2).sum(1))
    means = np.mean(results, axis=0)
    return means.mean(), means.std() / chains**0.5


def test_the_deprecated_thermostat_damps_the_gradient_too(quadratics):
    sampler = kernels.DevinterpSGNHT(EPS / 8, noise=0.3, deprecated=True)
    found = quadratics.mean_energy(sampler, num_draws=400, num_burnin=100)
    for late in (True, False):
        value, error = deprecated(quadratics, EPS / 8, 0.3, late)
        assert (abs(found.llc - value) < 5 * np.hypot(found.mcse, error)) == late


def test_rmsprop_makes_the_step_of_ours_once_its_mean_squares_agree(quadratics):
    """Decay 0 forgets the start, the one difference: same noise scale, same distribution."""
    options = {"step_size": EPS / 2, "decay": 0.0, "damping": 1.0}
    run = {"num_draws": 60, "num_burnin": 40, "num_chains": 1024}
    ours = quadratics.mean_energy(llcbench.make_sampler("rmsprop_sgld", options), **run)
    for factor, agrees in ((1, True), (0.5, False)):
        changed = options | {"step_size": EPS / 2 * factor}
        estimate = quadratics.mean_energy(kernels.DevinterpRMSpropSGLD(**changed), **run)
        errors = abs(estimate.llc - ours.llc) / np.hypot(estimate.mcse, ours.mcse)
        assert (errors < 5) == agrees


def test_the_same_trace_with_both_baselines():
    """The number that it reports is off by its initial loss: the mean of 4 minibatches."""
    problem = llcbench.problem(DATA)
    settings = llcbench.Settings(
        gamma=10.0, num_chains=4, num_draws=10, num_burnin=0, batch_size=100
    )
    gaps, expected = [], []
    for replicate in range(10):
        seeds = Seeds(0, DATA, replicate, "devinterp")
        own, right = (
            Devinterp(kernels.DevinterpSGLD(1e-4), settings, baseline).estimate(
                problem, llcbench.RunContext(seeds)
            )
            for baseline in ("own", "exact")
        )
        assert own.llc_unpaired == pytest.approx(right.llc, rel=1e-9)
        assert right.llc_unpaired == pytest.approx(own.llc, rel=1e-9)
        assert own.mcse == pytest.approx(right.mcse, rel=1e-9)
        assert own.feed == right.feed == "shuffled"
        gaps.append(own.llc - right.llc)
        noise = problem.sample_data(seeds.generator("data")).noise
        single = 0.5 * noise.square().sum(1)
        # 400 of 1000 samples, without replacement.
        expected.append(own.nbeta**2 * float(single.var()) / 400 * 0.6)
    ratio = np.square(gaps).sum() / np.mean(expected)
    # Chi-square with 10 degrees of freedom: false alarm 1e-4. The coefficient itself is 3/2.
    assert 0.9 < ratio < 36
    assert np.std(gaps) > 2


@pytest.mark.parametrize("name", ["rrr/2-2-2/r1/n50", "model/tanh-1/n50"])
def test_what_it_differentiates_is_the_loss_and_the_localisation(name):
    problem = llcbench.problem(name)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = llcbench.Target(problem, 20.0, 3.0, 1, data, batch_size=10)
    full = target.loss.draw(1, None, torch.Generator())
    theta = target.w_star + 0.1
    loss, grad = target.loss.excess_and_grad(theta[None], full)
    for localised, pull in ((True, 0.0), (False, 3.0 / 20.0)):
        model = Weights(theta)
        value = evaluate_of(target, localised, None)(model, torch.arange(50))
        value.backward()
        assert value.item() == pytest.approx(float(loss + target.loss.baseline(full)), rel=1e-9)
        right = grad[0] + pull * (theta - target.w_star)
        assert torch.allclose(model.theta.grad, right, rtol=1e-9, atol=1e-12)
    batches = [rows for _ in range(2) for rows in loader_of(target)]
    assert sorted(torch.cat(batches[:5]).tolist()) == list(range(50))
    assert batches[0].tolist() != batches[5].tolist()


def test_limits_become_statuses():
    problem = llcbench.problem("regular/d3")
    settings = llcbench.Settings(nbeta=100.0, num_chains=2, num_draws=50, num_burnin=0)
    estimator = Devinterp(kernels.DevinterpSGLD(EPS), settings)
    few = estimator.estimate(problem, llcbench.RunContext(budget=Budget(grad_evals=99)))
    assert (few.status, few.llc) == ("timeout", None)
    late = estimator.estimate(problem, llcbench.RunContext(budget=Budget(seconds=1e-9)))
    assert (late.status, late.llc) == ("timeout", None)
    lost = Devinterp(kernels.DevinterpSGLD(1e200), settings).estimate(problem)
    assert (lost.status, lost.llc) == ("not_finite", None)
    with pytest.raises(ValueError, match="devinterp_"):
        Devinterp(llcbench.SGLD(1e-3), settings)


def test_conforms():
    checks = named_checks(kernels.DevinterpSGLD(1e-3))
    for name in (
        "shapes",
        "deterministic",
        "global_random_state",
        "independent_chains",
        "own_noise",
        "gradients_counted",
        "budget",
        "not_finite",
        "pickles",
        "parameters",
        "inputs_kept",
    ):
        checks[name]()


def test_its_loop_is_corrected_after_the_fact(quadratics):
    """The package runs as it is: the same trace, with and without the bias of its step."""
    settings = quadratics.settings(num_draws=120, num_burnin=20)
    problem, sampler = llcbench.problem("regular/d3"), kernels.DevinterpSGLD(EPS)
    found = Devinterp(sampler, settings, corrected=True).estimate(problem)
    truth = energy(1 / quadratics.stiffness)
    assert abs(found.llc - truth) < 5 * found.mcse
    # The number of the package, beside it.
    assert abs(found.llc_unpaired - truth) > 10 * found.mcse
    assert found.llc_unpaired * (1 - found.discretisation.value) == pytest.approx(
        found.llc, rel=1e-2
    )
    declined = Devinterp(kernels.DevinterpSGNHT(EPS), settings, corrected=True).estimate(problem)
    assert declined.status == "skipped"
    assert "discretisation" in declined.message


@pytest.mark.parametrize("sampler", [kernels.DevinterpSGLD(EPS), kernels.DevinterpSGNHT(EPS)])
def test_its_callback_sees_gradient_and_weights_of_one_state(quadratics, sampler):
    """On a quadratic ``r . grad L = 2 L`` in every draw, also where the gradient localises."""
    settings = quadratics.settings(num_draws=20, num_burnin=3, num_chains=4)
    problem = llcbench.problem("regular/d3")
    estimator = Devinterp(sampler, settings)
    target = llcbench.MeanEnergy(sampler, settings).target(problem, None)
    _, recorded, _ = estimator._run(target, Seeds(0, problem.id))
    assert recorded.pull.shape == (4, 20)
    assert list(recorded.steps[:2]) == [3, 4]
    assert recorded.pull == pytest.approx(2 * recorded.loss, rel=1e-4)
    # The gradient of a coordinate is between the least and the largest curvature times its offset.
    ratio = recorded.slope / recorded.distance
    assert 0.25**2 <= ratio.min() < ratio.max() <= 4.0**2
