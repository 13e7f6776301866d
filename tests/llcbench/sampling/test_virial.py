"""What is read off the moments: identities to rounding, and statistics against exact values."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import wrong_samplers as wrong

import llcbench
from llcbench import BAOAB, HMC, MALA, SGHMC, SGLD, AdjustedMCLMC, Exact, Gibbs, Seeds
from llcbench.sampling.loop import sample
from llcbench.sampling.recorder import Recorded, RecordedPairs
from llcbench.sampling.target import Target
from llcbench.sampling.virial import RunMoments, measurement
from llcbench.types import Discretisation
from theory.langevin.euler import euler_langevin

# Two-sided false-alarm rate of a gate: 1.5e-5 for each of the statistics below.
LIMIT = 4.33


def run(problem, sampler, nbeta, gamma, *, chains=32, draws=1500, burnin=500, seed=0, **options):
    problem = llcbench.problem(problem)
    seeds = Seeds(2011, problem.id, seed)
    data = problem.sample_data(seeds.generator("data"))
    target = Target(problem, nbeta, gamma, chains, data, **options)
    trace = sample(
        target, sampler, num_draws=draws, num_burnin=burnin, noise=seeds.generator("noise"),
        batches=seeds.generator("batch"),
    )  # fmt: skip
    assert trace.status == "ok"
    moments = measurement(trace, target, sampler)
    assert moments is not None
    return moments, problem, data


def z(measured, expected=0.0):
    return (measured.value - expected) / measured.stderr


def test_an_euler_step_obeys_the_decomposition_to_rounding():
    """``|r'|^2 - |r|^2 = -eps r.g + eps^2/4 |g|^2 + |xi|^2 eps + 2 sqrt(eps) xi.(r - eps/2 g)``."""
    problem, eps = llcbench.problem("rrr/3-3-3/r1"), 1e-3
    target = Target(problem, 100.0, 3.0, 4)
    rng = torch.Generator().manual_seed(0)
    target.next_batch(rng)
    sampler = SGLD(eps)
    state = sampler.init(target.start(rng), target, rng)
    for _ in range(20):
        before = state - target.w_star
        twin = torch.Generator()
        twin.set_state(rng.get_state())
        xi = torch.empty_like(before).normal_(generator=twin)
        target.recording = True
        state, draw = sampler.step(state, target, rng)
        assert target.moments is not None
        assert target.moments.loss is draw.loss
        after = (state - target.w_star).square().sum(1)
        (square, pull), (_, slope) = target.moments.gram.unbind(1)[0].T, target.moments.gram[:, 1].T
        force = 100.0 * pull + 3.0 * square
        length = 100.0**2 * slope + 2 * 100.0 * 3.0 * pull + 3.0**2 * square
        grad = (before + math.sqrt(eps) * xi - (state - target.w_star)) * (2 / eps)
        torch.testing.assert_close(length, grad.square().sum(1), rtol=1e-8, atol=1e-8)
        cross = 2 * math.sqrt(eps) * (xi * (before - 0.5 * eps * grad)).sum(1)
        made = square - eps * force + eps**2 / 4 * length + eps * xi.square().sum(1) + cross
        torch.testing.assert_close(after, made, rtol=1e-10, atol=1e-12)


EXACT = [
    ("poly/x2y2", Exact(), 1e3, 10.0), ("poly/x4", MALA(2e-3), 1e3, 10.0),
    ("regular/d5", HMC(1e-3), 1e3, 10.0), ("rrr/3-3-3/r1", Gibbs(), 1e3, 10.0),
    ("rrr/3-3-3/r1", MALA(1e-3), 1e3, 10.0), ("dln/3-3-3/r3-1", Gibbs(), 8686.0, 100.0),
    ("rrr/2-2-2/r1/n1000", Gibbs(), 145.0, 10.0), ("regular/d5", AdjustedMCLMC(1e-3), 1e3, 10.0),
    ("regular/d3/n500", MALA(4e-3), 80.0, 10.0),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "sampler", "nbeta", "gamma"), EXACT)
def test_samplers_that_are_exact_obey_the_identity(problem, sampler, nbeta, gamma):
    moments, *_ = run(problem, sampler, nbeta, gamma)
    excess = moments.excess()
    print(f"{problem} {type(sampler).__name__}: excess {excess.value:+.4f}({excess.stderr:.4f})")
    assert abs(z(excess)) < LIMIT
    assert moments.drift() == excess
    assert moments.share() is None


@pytest.mark.parametrize("step_size", [2e-4, 8e-4])
def test_the_parts_are_those_of_the_closed_form(step_size):
    """On a quadratic, at products of step and curvature up to 2.4."""
    moments, problem, _ = run("regular/d5", SGLD(step_size), 1e3, 10.0, chains=64)
    curvatures = np.geomspace(0.5, 2.0, 5) ** 2
    chain = euler_langevin(curvatures, 1e3, 10.0, step_size)
    stiff = 1e3 * curvatures + 10.0
    excess = float(np.mean(stiff * chain.variance) - 1)
    assert abs(z(moments.excess(), excess)) < LIMIT
    steps = float(step_size / 4 * np.mean(stiff**2 * chain.variance))
    assert abs(z(moments.steps(), steps)) < LIMIT
    assert abs(z(moments.drift())) < LIMIT
    above = 1e3 * curvatures * (1e3 * curvatures + 10.0) * chain.variance
    share = step_size / 4 * above.sum() / (1e3 * curvatures * chain.variance).sum()
    assert abs(z(moments.share(), share)) < LIMIT
    # What D removes is what the steps have added.
    truth = problem.tempered(1e3, 10.0, None).value
    assert chain.llc * (1 - share) == pytest.approx(truth, rel=2e-3)
    assert chain.llc > 1.05 * truth


def test_a_chain_that_has_not_equilibrated_is_seen():
    """From w_star, at a localisation that it has not felt; and not where it has."""
    short, *_ = run("dln/3-3-3/r3-1", SGLD(1e-5), 8686.0, 1.0, draws=3000, burnin=1000)
    assert short.excess().value < -0.3
    assert short.drift().value < -0.2
    assert z(short.drift()) < -LIMIT
    long, *_ = run("dln/3-3-3/r3-1", SGLD(3e-5), 8686.0, 100.0, draws=3000, burnin=2000)
    assert abs(z(long.drift())) < LIMIT
    assert abs(long.drift().value) < 0.05


@pytest.mark.parametrize(
    ("sampler", "seen"),
    [
        (wrong.Sound(2e-4), False),
        (wrong.NoiseTooLarge(2e-4), True),
        (wrong.GammaDropped(2e-4), True),
        (wrong.NbetaDoubled(2e-4), True),
    ],
)
def test_wrong_samplers_are_seen_without_a_truth(sampler, seen):
    """The steps that they claim to make do not explain their excess."""
    moments, *_ = run("regular/d5", sampler, 30.0, 10.0)
    moments = replace(moments, discretisation=Discretisation(2e-4))
    gap = moments.identity()
    print(f"{type(sampler).__name__}: {gap.value:+.4f}({gap.stderr:.4f})")
    assert (abs(z(gap)) > LIMIT) == seen


SENSITIVE = [
    ("rrr/3-3-3/r1", Gibbs(), 1e3, 10.0), ("rrr/3-3-3/r1/n1000", Gibbs(), 145.0, 100.0),
    ("rrr/2-2-2/r1", Gibbs(), 1e3, 1.0), ("dln/3-3-3/r3-1", Gibbs(), 8686.0, 100.0),
    ("poly/x2y2", Exact(), 1e3, 10.0), ("poly/x2y4", Exact(), 1e3, 10.0),
    ("poly/x4", Exact(), 1e3, 100.0), ("poly/x2", Exact(), 1e3, 100.0),
    ("poly/x6", Exact(), 1e3, 30.0), ("poly/x4y4", Exact(), 1e3, 10.0),
    ("regular/d5", MALA(1e-3), 1e3, 100.0), ("regular/d2", MALA(1e-3), 100.0, 30.0),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "sampler", "nbeta", "gamma"), SENSITIVE)
def test_sensitivities_are_derivatives_of_the_tempered_value(problem, sampler, nbeta, gamma):
    """Against central differences of exact values."""
    moments, problem, data = run(problem, sampler, nbeta, gamma, chains=64, draws=3000)
    width = 0.05

    def slope(up, down):
        ahead, behind = (problem.tempered(*point, data) for point in (up, down))
        return (
            (ahead.value - behind.value) / (2 * width),
            math.hypot(ahead.stderr, behind.stderr) / (2 * width),
        )

    factor = math.exp(width)
    for measured, (exact, error) in (
        (moments.by_gamma(), slope((nbeta, gamma * factor), (nbeta, gamma / factor))),
        (moments.by_nbeta(), slope((nbeta * factor, gamma), (nbeta / factor, gamma))),
    ):
        print(
            f"{problem.id}: {measured.value:+.4f}({measured.stderr:.4f}), {exact:+.4f}({error:.4f})"
        )
        assert abs(measured.value - exact) < LIMIT * math.hypot(measured.stderr, error) + 2e-3


def made(loss, pull, distance, slope, *, scheme=None, minibatch=False, exact=False, pairs=None):
    """Moments of 8 chains at 12 steps, constant within each chain."""
    columns = (np.asarray(row, float).reshape(-1, 1) for row in (loss, pull, distance, slope))
    rows = [np.repeat(column, 12, 1) for column in columns]
    steps = np.arange(0, 192, 16)
    recorded = Recorded(steps, rows[0], rows[1], rows[2], rows[3], None, pairs)
    return RunMoments(recorded, 10.0, 2.0, 5, scheme, minibatch, exact)


def test_statistics_by_hand():
    """nbeta 10, gamma 2, d 5, eps 0.1; pulls 0.3 and 0.5, squares 0.6 and 1.0, slopes 4 and 6."""
    ends = [0.3, 0.5] * 4
    moments = made([0.2] * 8, ends, [0.6, 1.0] * 4, [4.0, 6.0] * 4, scheme=Discretisation(0.1))
    # 10 * 0.4 + 2 * 0.8 = 5.6; chains have 4.2 and 7.0.
    assert moments.excess().value == pytest.approx(5.6 / 5 - 1)
    assert moments.excess().stderr == pytest.approx(np.std([4.2 / 5, 7.0 / 5] * 4, ddof=1) / 8**0.5)
    # eps/4 (100 * 5 / 4 + 2).
    assert moments.share().value == pytest.approx(0.025 * (500 / 4 + 2))
    # eps/4 (100 * 5 + 2 * 10 * 2 * 0.4 + 4 * 0.8) / 5.
    assert moments.steps().value == pytest.approx(0.025 * (500 + 16 + 3.2) / 5)
    assert moments.drift().value == pytest.approx(0.0)


def test_schemes_weigh_curvature_and_noise_apart():
    """Half batches say that 3 of the 5 of ``|grad|^2`` is noise."""
    pairs = RecordedPairs(np.array([0, 64]), *(np.full((8, 2), value) for value in (3.0, 0, 0, 0)))
    for curvature, noise, expected in ((0.0, 1.0, 3.0), (0.5, 4.0, 1.0 + 12.0), (1.0, 1.0, 5.0)):
        moments = made(
            [0.2] * 8, [0.4] * 8, [0.8] * 8, [5.0] * 8, minibatch=True, pairs=pairs,
            scheme=Discretisation(0.1, curvature, noise),
        )  # fmt: skip
        share = 0.025 * (100 * expected / 4 + curvature * 2)
        assert moments.share().value == pytest.approx(share)
        assert moments.noise_share().value == pytest.approx(0.025 * noise * 300 / 4)


def test_distances_that_grow_are_drift():
    """``-growth a step / (eps d)``, over the relaxation of the scheme."""
    scheme = Discretisation(0.1, relaxation=0.25)
    moments = made([0.1] * 8, [0.4] * 8, [0.8] * 8, [5.0] * 8, scheme=scheme)
    grown = moments.recorded.distance + 0.01 * moments.recorded.steps
    moments = replace(moments, recorded=replace(moments.recorded, distance=grown))
    assert moments.drift().value == pytest.approx(-0.25 * 0.01 / (0.1 * 5))


def test_what_is_not_known_is_none():
    pairs = RecordedPairs(np.array([0]), *(np.full((8, 1), 1.0) for _ in range(4)))
    common = ([0.1] * 8, [0.4] * 8, [0.8] * 8, [5.0] * 8)
    unknown = made(*common)
    assert unknown.share() is unknown.steps() is unknown.drift() is unknown.noise_share() is None
    assert unknown.excess() is not None
    noisy = made(*common, minibatch=True, scheme=Discretisation(0.1, curvature=0.0))
    assert noisy.share() is noisy.noise_share() is noisy.by_nbeta() is None
    noisy = made(*common, minibatch=True, scheme=Discretisation(0.1, curvature=0.0), pairs=pairs)
    assert noisy.share() is not None
    exact = made(*common, exact=True)
    assert exact.drift() == exact.excess()


@pytest.mark.parametrize("sampler", [BAOAB(4e-4), SGHMC(2e-4)])
def test_momenta_have_a_temperature(sampler):
    moments, *_ = run("regular/d5", sampler, 1e3, 10.0)
    assert abs(moments.kinetic().value) < 0.2
    assert moments.kinetic().stderr < 0.02


@pytest.mark.parametrize("chains", [1, 2, 8])
@pytest.mark.parametrize("pairs", [0, 1, 3, 9])
def test_few_pairs_of_half_batches_break_nothing(chains, pairs):
    """There are eight times as many records as pairs."""
    rng = np.random.default_rng(chains)
    loss, other = rng.random((chains, 40)), rng.random((chains, pairs))
    held = Recorded(
        np.arange(40), loss, loss, loss, loss, None,
        RecordedPairs(np.arange(pairs), other, other, other, other),
    )  # fmt: skip
    moments = RunMoments(held, 100.0, 1.0, 4, None, True, False)
    found = moments.by_nbeta()
    assert (found is None) is (pairs < 2)
    assert moments.excess() is not None
