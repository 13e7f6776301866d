"""The best against the best: who may compete, and what the interval says."""

import numpy as np
import pytest
from click.testing import CliRunner

from llcbench.cli.commands import cli
from llcbench.peers.claim import margins
from llcbench.records import Estimate, ExactValue, RunRecord, Spec, TemperedTruth, Truths
from llcbench.run import exports as reference
from llcbench.run.store import key_of
from llcbench.settings import Settings

PROBLEMS = [f"poly/p{k}" for k in range(12)]


def run(problem, sampler, replicate, error, mcse, variant):
    """Return a run that is off the tempered truth, which is 2, by a relative error."""
    spec = Spec(
        problem=problem, problem_version=1, estimator="mean_energy", sampler=sampler, parameters={},
        settings=Settings(nbeta=1e3), seed=0, replicate=replicate, variant=variant,
    )  # fmt: skip
    estimate = Estimate(status="ok", llc=2 * (1 + error), mcse=mcse, nbeta=1e3, gamma=1.0)
    exact = ExactValue(value="5/2", multiplicity=1, source="none")
    tempered = TemperedTruth(value=2.0, stderr=0.0, method="none", certified=True)
    truths = Truths(local=exact, global_=exact, tempered=tempered)
    key = key_of(spec)
    return RunRecord(key=key, spec=spec, truths=truths, estimate=estimate, environment="none")


def runs(sampler, bias, problems=PROBLEMS, replicates=3, spread=0.01, variant=""):
    """Return runs with a given relative bias on every problem, and noise that the records claim."""
    rng = np.random.default_rng(len(sampler))
    return [
        run(p, sampler, r, bias + spread * rng.standard_normal(), 2 * spread, variant)
        for p in problems
        for r in range(replicates)
    ]


@pytest.fixture(scope="module")
def ours():
    few = runs("exact", 0.0, PROBLEMS[:4])
    return runs("good", 0.05, replicates=5) + runs("bad", 0.5, replicates=5) + few


def test_the_best_of_both_sides_are_compared(ours):
    """Our perfect sampler did not try all problems: it may not compete."""
    bias, rmse = margins(ours, runs("theirs", 0.2) + runs("theirs_worse", 0.9))
    assert (bias.metric, rmse.metric) == ("bias", "rmse")
    assert (bias.ours, bias.peer, bias.problems, bias.replicates) == ("good", "theirs", 12, 3)
    assert bias.ours_value == pytest.approx(0.05, abs=0.01)
    expected = np.hypot(0.05, 0.01) / np.hypot(0.2, 0.01)
    assert bias.ratio == pytest.approx(expected, abs=0.05)
    assert bias.low < bias.ratio < bias.high < 0.5
    assert rmse.ratio == pytest.approx(0.25, abs=0.05)
    assert (bias.verdict, rmse.verdict) == ("holds", "holds")


def test_a_close_race_and_a_lost_one(ours):
    lost = margins(ours, runs("theirs", 0.05))
    assert [m.verdict for m in lost] == ["does not hold"] * 2
    assert lost[0].low < 1 < lost[0].high
    close = margins(ours, runs("theirs", 0.1, spread=0.03))
    assert close[1].low < 0.5 < close[1].high
    assert close[1].verdict == "not decided"


def test_the_standard_of_accuracy_is_apart(ours):
    """It tried seven problems and is exact there; on these our exact one still may not compete."""
    peers = runs("theirs", 0.2) + runs("nuts", 0.0, PROBLEMS[:7], variant="default")
    results = {(m.scope, m.metric): m for m in margins(ours, peers)}
    assert len(results) == 6
    assert results["all problems, without nuts", "rmse"].peer == "theirs"
    without = results["problems of nuts, without it", "rmse"]
    assert (without.peer, without.problems, without.verdict) == ("theirs", 7, "holds")
    with_it = results["problems of nuts, with it", "rmse"]
    assert (with_it.peer, with_it.verdict) == ("nuts@default", "does not hold")


def test_packages_are_compared_one_by_one_too(ours):
    peers = runs("alpha_x", 0.2) + runs("alpha_y", 0.4) + runs("beta_x", 0.06)
    results = {m.scope: m for m in margins(ours, peers) if m.metric == "rmse"}
    assert list(results) == [
        "all problems, without nuts", "all problems, alpha alone", "all problems, beta alone",
    ]  # fmt: skip
    assert [m.peer for m in results.values()] == ["beta_x", "alpha_x", "beta_x"]
    assert results["all problems, alpha alone"].verdict == "holds"


def test_a_few_problems_decide_nothing(ours):
    few = margins(ours, runs("theirs", 0.2, PROBLEMS[:2]))
    assert {m.verdict for m in few} == {"not decided: too few problems"}


def test_what_cannot_be_compared(ours):
    with pytest.raises(ValueError, match="no seed and replicate in common"):
        margins(ours[:1], [r for r in runs("theirs", 0.2) if r.spec.replicate == 2])
    with pytest.raises(ValueError, match="in both sets"):
        margins(ours, runs("good", 0.05))
    with pytest.raises(ValueError, match="nobody on one of the sides"):
        margins(runs("exact", 0.0, PROBLEMS[:4]), runs("theirs", 0.2))


def test_the_command_says_what_holds(ours, tmp_path):
    files = [tmp_path / "ours.jsonl", tmp_path / "peers.jsonl.gz"]
    for path, records in zip(files, (ours, runs("theirs", 0.2)), strict=True):
        reference.write({record.key: record for record in records}, path)
    options = ["peers", "claim", "--ours", str(files[0]), "--peers", str(files[1])]
    outcome = CliRunner().invoke(cli, options, catch_exceptions=False)
    first, second = outcome.stdout.splitlines()
    assert first.startswith("all problems, without nuts (12 problems, 3 replicates), bias: ours 5")
    assert first.endswith("at most 0.5 holds")
    assert "rmse: ours" in second
