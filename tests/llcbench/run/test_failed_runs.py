"""Samplers that diverge, raise, hang or return NaN become typed records, and the suite goes on."""

import json
from pathlib import Path

from command import here

from llcbench.run.store import RunStore

SCRIPT = """
import time
import llcbench

@llcbench.sampler("diverges")
def diverges(theta, target, rng, *, factor=1.2):
    loss, _ = target.loss_and_grad(theta)
    return factor * (theta + 1.0), loss * 0

@llcbench.sampler("raises")
def raises(theta, target, rng, *, size=3):
    raise ArithmeticError(f"no step of size {size}")

@llcbench.sampler("hangs")
def hangs(theta, target, rng, *, nap=1.0):
    while True:
        time.sleep(nap)

@llcbench.sampler("nan")
def nan(theta, target, rng, *, factor=float("nan")):
    loss, _ = target.loss_and_grad(theta)
    return theta * factor, loss
"""
SUITE = """
title = "Failures"
version = 1
replicates = 1
[settings]
nbeta = 100.0
num_chains = 4
num_draws = 300
num_burnin = 10
[[group]]
problems = ["regular/d2"]
samplers = ["hangs", "diverges", "raises", "nan", "sgld[step_size=1e-3]"]
"""


def test_every_failure_is_a_record_and_the_others_are_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    (tmp_path / "failures.toml").write_text(SUITE)
    done = here(
        "run", str(tmp_path / "failures.toml"), "--load", str(tmp_path / "mine.py"),
        "--store", str(tmp_path / "store"), "--executor", "processes", "--run-limit", "25s",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed"] == 4
    results = {r.spec.sampler: r for r in RunStore(tmp_path / "store").contents().records.values()}
    assert {name: record.estimate.status for name, record in results.items()} == {
        "hangs": "timeout",
        "diverges": "diverged",
        "raises": "error",
        "nan": "not_finite",
        "sgld": "ok",
    }
    assert "hung: no result after 25 s" in results["hangs"].estimate.message
    assert "no step of size 3" in results["raises"].estimate.message
    assert all(record.truths is not None for record in results.values())
    shown = here("leaderboard", "--store", str(tmp_path / "store"), "--json")
    assert shown.returncode == 0, shown.stderr
    assert all(name in shown.stdout for name in results)


def test_a_limit_that_is_no_time_is_named(tmp_path: Path) -> None:
    done = here("run", "smoke", "--store", str(tmp_path), "--run-limit", "soon")
    assert done.returncode == 2
    assert "--run-limit 'soon' is not a time" in done.stderr
