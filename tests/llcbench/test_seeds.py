"""Every purpose has random numbers of its own, and samplers are compared on the same data."""

import hashlib
from itertools import product

import msgspec
import numpy as np
import pytest
import torch

import llcbench
from llcbench import MeanEnergy, Seeds, Settings
from llcbench.estimators.mean_energy import nbeta_of
from llcbench.problems.linear_networks.random_networks import RandomClass
from llcbench.records import Estimate, RunRecord, Spec
from llcbench.run.execute import execute, seeds_of
from llcbench.run.store import key_of
from llcbench.scoring import scores

ROLES = ("data", "batch", "noise", "guard")


def test_a_hundred_thousand_purposes_have_numbers_of_their_own():
    problems = [f"poly/x{k}" for k in range(1, 12)] + ["regular/d1", "regular/d11", "rrr/1-1-1/r0"]
    samplers = ["", *(f"sgld[step_size=1e-0{k}]" for k in range(1, 9)), "mala"]
    numbers, count = set(), 0
    for seed, problem, replicate in product(range(12), problems, range(-1, 26)):
        for sampler in samplers:
            seeds = Seeds(seed, problem, replicate, sampler)
            # Those of data and batches do not depend on the sampler.
            roles = ROLES if not sampler else ("noise", "guard")
            numbers |= {seeds.number(role) for role in roles}
            count += len(roles)
    assert count == 12 * 14 * 27 * 22 > 99_000
    assert len(numbers) == count
    assert 0 <= min(numbers) < 2**53 < max(numbers) < 2**63


def test_numbers_are_those_of_all_records():
    """By hand: a change would let no committed number be made again."""

    def hashed(text: str) -> int:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") // 2

    seeds = Seeds(3, "poly/x2", 7, "mala")
    between = "\x1f"
    assert seeds.number("data") == hashed(between.join(["data", "3", "poly/x2", "7"]))
    assert seeds.number("batch") == hashed(between.join(["batch", "3", "poly/x2", "7"]))
    assert seeds.number("noise") == hashed(between.join(["noise", "3", "poly/x2", "7", "mala"]))
    assert seeds.number("guard") == hashed(between.join(["guard", "3", "poly/x2", "7", "mala"]))
    assert Seeds().number("data") == 264271127419674971


@pytest.mark.parametrize("axis", ["seed", "problem", "replicate", "sampler", "role"])
def test_streams_of_neighbours_are_independent(axis):
    """Correlations of 64 streams, each 2016 pairs within 5.6 errors: false alarm 5e-5."""
    streams = []
    for k in range(64):
        axes = {"seed": 0, "problem": "a", "replicate": 0, "sampler": "b"}
        if axis in axes:
            axes[axis] = k if axis in ("seed", "replicate") else str(k)
        else:
            axes["replicate"] = k // 4
        rng = Seeds(**axes).generator(ROLES[k % 4] if axis == "role" else "noise")
        streams.append(torch.randn(2000, generator=rng, dtype=torch.float64).numpy())
    correlations = np.corrcoef(streams)[np.triu_indices(64, 1)]
    limit = 5.6 / 2000**0.5
    assert np.abs(correlations).max() < limit
    # Control: a stream that shares an eighth of its numbers.
    streams[1][:250] = streams[0][:250]
    assert np.abs(np.corrcoef(streams)[0, 1]) > 2 / 3 * limit


def spec(sampler="sgld", seed=0, replicate=0, **changes):
    values = {
        "problem": "rrr/1-1-1/r0/n100", "problem_version": 1, "estimator": "mean_energy",
        "sampler": sampler, "parameters": {}, "seed": seed, "replicate": replicate,
        "settings": Settings(nbeta=10.0, num_chains=2, num_draws=8, num_burnin=0),
    }  # fmt: skip
    return Spec(**(values | changes))


def test_samplers_are_compared_on_the_same_data():
    """The loss at the point depends on the data alone."""
    runs = [
        ("sgld", 0, 0), ("mala", 0, 0), ("gibbs", 0, 0), ("sgld", 0, 1), ("mala", 0, 1),
        ("sgld", 1, 0), ("mala", 1, 0),
    ]  # fmt: skip
    records = {run: execute(spec(*run), None) for run in runs}
    assert all(record.estimate.status == "ok" for record in records.values())
    loss = {run: record.estimate.loss_star for run, record in records.items()}
    for seed, replicate in ((0, 0), (0, 1), (1, 0)):
        assert len({x for (_, s, r), x in loss.items() if (s, r) == (seed, replicate)}) == 1
    assert len(set(loss.values())) == 3


def test_samplers_get_the_same_minibatches_and_noise_of_their_own():
    one, other = seeds_of(spec("sgld")), seeds_of(spec("mala"))
    tuned = seeds_of(spec("sgld", parameters={"step_size": 1e-3}))
    for role, same in (("data", True), ("batch", True), ("noise", False), ("guard", False)):
        assert (one.number(role) == other.number(role)) is same
        assert (one.number(role) == tuned.number(role)) is same


def record(seed: int, replicate: int, llc: float) -> RunRecord:
    one = spec(seed=seed, replicate=replicate)
    estimate = msgspec.convert(
        {"status": "ok", "nbeta": 10.0, "gamma": 1.0, "llc": llc, "mcse": 0.1}, Estimate
    )
    return RunRecord(key=key_of(one), spec=one, truths=None, estimate=estimate, environment="e")


def test_suites_of_two_seeds_are_two_scores():
    """Their replicates have the same numbers, and are not the same runs."""
    given = [record(0, 0, 1.0), record(0, 1, 3.0), record(5, 0, 10.0), record(5, 1, 20.0)]
    table = scores(given)
    assert [score.replicates for score in table] == [2, 2]
    assert sorted(score.mean.value for score in table if score.mean) == [2.0, 15.0]
    # Control: replicates of one seed are one score.
    assert len(scores([record(0, k, 1.0) for k in range(4)])) == 1


@pytest.mark.parametrize(
    ("num_data", "nbeta"),
    [
        # n over its natural logarithm; a population counts as 100 000 samples.
        (1000, 144.76482730108395),
        (500, 80.45559624700124),
        (None, 8685.889638065035),
    ],
)
def test_the_default_temperature_is_n_over_log_n(num_data, nbeta):
    assert nbeta_of(Settings(), num_data) == pytest.approx(nbeta, rel=1e-14)
    assert nbeta_of(Settings(nbeta=12), num_data) == 12.0
    identifier = "poly/x2" + (f"/n{num_data}" if num_data else "")
    problem = llcbench.problem(identifier)
    data = problem.sample_data(torch.Generator().manual_seed(0))
    target = MeanEnergy(llcbench.MALA()).target(problem, data)
    assert target.nbeta == pytest.approx(nbeta, rel=1e-14)
    drawn = RandomClass((2, 5), (5, 50), num_data or 100_000, single=False)
    assert drawn.nbeta == pytest.approx(nbeta, rel=1e-14)
