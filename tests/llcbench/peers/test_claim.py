"""The best against the best: who may compete, and what the interval says."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from llcbench.cli import cli
from llcbench.peers.claim import margins
from llcbench.run import reference

spec = importlib.util.spec_from_file_location(
    "compare_conftest", Path(__file__).parents[1] / "compare" / "conftest.py"
)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
run = module.run

PROBLEMS = [f"poly/p{k}" for k in range(12)]


def runs(sampler, bias, problems=PROBLEMS, replicates=3, spread=0.01, **others):
    """Return runs with a given relative bias on every problem, and noise that the records claim."""
    rng = np.random.default_rng(len(sampler))
    return [
        run(p, sampler, r, error=bias + spread * rng.standard_normal(), mcse=2 * spread, **others)
        for p in problems
        for r in range(replicates)
    ]


@pytest.fixture(scope="module")
def ours():
    few = runs("exact", 0.0, PROBLEMS[:4])
    return runs("good", 0.05, replicates=5) + runs("bad", 0.5, replicates=5) + few


def test_the_best_of_both_sides_are_compared(ours):
    """Our perfect sampler did not try all problems: it may not compete."""
    bias, rmse = margins(ours, runs("theirs", 0.2) + runs("worse", 0.9))
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
    found = {(m.scope, m.metric): m for m in margins(ours, peers)}
    assert len(found) == 6
    assert found["all problems, without nuts", "rmse"].peer == "theirs"
    without = found["problems of nuts, without it", "rmse"]
    assert (without.peer, without.problems, without.verdict) == ("theirs", 7, "holds")
    with_it = found["problems of nuts, with it", "rmse"]
    assert (with_it.peer, with_it.verdict) == ("nuts@default", "does not hold")


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
    found = CliRunner().invoke(cli, options, catch_exceptions=False)
    first, second = found.stdout.splitlines()
    assert first.startswith("all problems, without nuts (12 problems, 3 replicates), bias: ours 5")
    assert first.endswith("at most 0.5 holds")
    assert "rmse: ours" in second
