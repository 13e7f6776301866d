"""Samplers of posteriors against the second moments of their updates, and against ours."""

import numpy as np
import pytest

import llcbench
from llcbench import SGLD, Corrected, MeanEnergy, RunContext, Seeds
from llcbench.adapters import posteriors
from llcbench.adapters.packages import missing
from llcbench.sampling.virial import measurement
from llcbench.testing import named_checks
from theory.langevin.euler import euler_langevin

pytestmark = pytest.mark.skipif(
    missing("posteriors") is not None, reason=str(missing("posteriors"))
)
EPS = 4e-3  # times the largest curvature: 2
TIMES = (5, 80)


def euler(eps, quadratics):
    stationary = euler_langevin(quadratics.stiffness, 1.0, 0.0, eps)
    rho = stationary.autocorrelation
    return np.array([stationary.variance * (1 - rho ** (2 * k)) for k in TIMES])


def moments(move, noise, quadratics):
    """Return ``E w^2`` of ``(w, m)' = A (w, m) + b xi``, from w = 0 and normal momenta."""
    results = []
    for h in quadratics.stiffness:
        matrix, column = move(h), noise(h)
        covariance, row = np.diag([0.0, 1.0]), []
        for step in range(max(TIMES)):
            covariance = matrix @ covariance @ matrix.T + np.outer(column, column)
            if step + 1 in TIMES:
                row.append(covariance[0, 0])
        results.append(row)
    return np.array(results).T


def explicit(eps, friction, quadratics):
    lr = (eps / 2) ** 0.5
    return moments(
        lambda h: np.array([[1, lr], [-lr * h, 1 - friction]]),
        lambda h: np.array([0, (2 * friction) ** 0.5]),
        quadratics,
    )


def splitting(eps, friction, quadratics):
    lr, keep = eps**0.5, np.exp(-friction)
    kick = [np.array([[1, 0], [-lr * h, 1]]) for h in quadratics.stiffness]
    drift, damp = np.array([[1, lr / 2], [0, 1]]), np.diag([1, keep])
    table = dict(zip(quadratics.stiffness, kick, strict=True))
    return moments(
        lambda h: drift @ damp @ drift @ table[h],
        lambda h: (1 - keep**2) ** 0.5 * np.array([lr / 2, 1]),
        quadratics,
    )


@pytest.mark.parametrize(
    ("sampler", "moments"),
    [
        (posteriors.PosteriorsSGLD(EPS), euler),
        (posteriors.PosteriorsSGHMC(EPS / 4, 0.5), lambda e, bench: explicit(e / 4, 0.5, bench)),
        (posteriors.PosteriorsBAOA(EPS / 2, 0.4), lambda e, bench: splitting(e / 2, 0.4, bench)),
    ],
)
def test_second_moments_are_those_of_the_same_step_and_of_no_other(quadratics, sampler, moments):
    squares = quadratics.walk(sampler, TIMES)
    assert quadratics.errors(squares, moments(EPS, quadratics)) < 5
    assert quadratics.errors(squares, moments(EPS / 2, quadratics)) > 5


def test_sgld_has_the_distribution_of_ours(quadratics):
    assert quadratics.errors(quadratics.walk(SGLD(EPS), TIMES), euler(EPS, quadratics)) < 5


def test_positions_of_the_splitting_have_no_bias(quadratics):
    moments = splitting(EPS / 2, 0.4, quadratics)
    assert moments[-1] == pytest.approx(1 / quadratics.stiffness, rel=1e-3)


def thermostat(eps, noise, quadratics, chains=16384):
    """Return mean squares of the published update in NumPy."""
    rng = np.random.default_rng(5)
    lr, stiffness = (eps / 2) ** 0.5, quadratics.stiffness
    w, m = np.zeros((chains, 3)), rng.standard_normal((chains, 3))
    xi = np.full((chains, 1), noise / lr)
    results = []
    for step in range(max(TIMES)):
        kicked = m - lr * stiffness * w - lr * xi * m
        kicked += (2 * noise) ** 0.5 * rng.standard_normal(w.shape)
        w, xi, m = w + lr * m, xi + lr * ((m**2).mean(1, keepdims=True) - 1), kicked
        if step + 1 in TIMES:
            results.append((w**2).mean(0))
    return np.array(results)


def test_thermostat_follows_the_published_update(quadratics):
    squares = quadratics.walk(posteriors.PosteriorsSGNHT(EPS / 8, 0.5), TIMES)
    # Two samples: the error of their difference is larger by the root of two.
    right = thermostat(EPS / 8, 0.5, quadratics)
    wrong = thermostat(EPS / 4, 0.5, quadratics)
    assert quadratics.errors(squares, right) < 5 * 2**0.5
    assert quadratics.errors(squares, wrong) > 5 * 2**0.5


@pytest.mark.parametrize(
    ("sampler", "raw"),
    [
        (posteriors.PosteriorsSGLD(2e-3), True),
        (posteriors.PosteriorsSGHMC(2.5e-4, 0.5), True),
        (posteriors.PosteriorsBAOA(1e-3, 0.4), False),
    ],
)
def test_the_declared_bias_is_what_the_chains_have(quadratics, sampler, raw):
    """On a quadratic of three curvatures: without D the estimate is wrong where there is one."""
    settings = quadratics.settings(num_draws=800, num_burnin=100, num_chains=256)
    problem = llcbench.problem("regular/d3")
    truth = problem.tempered(quadratics.nbeta, quadratics.gamma).value
    mean, seeds = MeanEnergy(sampler, settings), Seeds(7, problem.id)
    target = mean.target(problem, None)
    trace = mean.sampled(target, seeds, RunContext(seeds))
    plain = mean.summarise(trace, target, seeds)
    answer = Corrected(sampler, settings).summarise(trace, target, seeds)
    print(truth, answer.llc, answer.mcse, plain.llc, answer.discretisation.value)
    assert abs(answer.llc - truth) < 5 * answer.mcse
    assert (abs(plain.llc - truth) > 5 * plain.mcse) == raw
    assert plain.virial.drift is not None
    failed = [guard.name for guard in answer.guards if not guard.passed]
    assert not {"virial", "identity"} & set(failed)


def test_the_identity_of_euler_steps_holds_for_the_package_and_for_no_other_step(quadratics):
    settings = quadratics.settings(num_draws=800, num_burnin=100, num_chains=256)
    mean = MeanEnergy(posteriors.PosteriorsSGLD(2e-3), settings)
    seeds = Seeds(3, "regular/d3")
    target = mean.target(llcbench.problem("regular/d3"), None)
    trace = mean.sampled(target, seeds, RunContext(seeds))
    for claimed, passed in ((2e-3, True), (3e-3, False)):
        gap = measurement(trace, target, posteriors.PosteriorsSGLD(claimed)).identity()
        assert (abs(gap.value) < 5 * gap.stderr) == passed


def test_conforms():
    checks = named_checks(posteriors.PosteriorsSGNHT(1e-3), langevin=False)
    for name in (
        "shapes",
        "global_random_state",
        "independent_chains",
        "gradients_counted",
        "budget",
        "not_finite",
        "pickles",
        "parameters",
        "inputs_kept",
    ):
        checks[name]()


def test_minibatches_of_a_network_give_the_energy_of_ours(quadratics):
    """At a step with a large bias, which half of it does not have."""
    options = {"batch_size": 100, "num_draws": 150, "num_burnin": 50, "num_chains": 64}

    def run(sampler):
        return quadratics.mean_energy(sampler, "rrr/2-2-2/r1/n1000", **options)

    peer, ours, half = run(posteriors.PosteriorsSGLD(2e-3)), run(SGLD(2e-3)), run(SGLD(1e-3))
    assert peer.status == "ok"
    assert peer.grad_evals == ours.grad_evals
    for other, agrees in ((ours, True), (half, False)):
        errors = abs(peer.llc - other.llc) / np.hypot(peer.mcse, other.mcse)
        assert (errors < 5) == agrees
