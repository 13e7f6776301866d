"""Same numbers everywhere, nothing repeated, nothing lost, failures kept as results."""

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command import LLCBENCH, here
from timeless import timeless

from llcbench.files import temporary_name
from llcbench.run.executors.executor import Serial, make_executor
from llcbench.run.executors.processes import Processes
from llcbench.run.failure import Failure
from llcbench.run.plan import expand, missing
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore, key_of
from llcbench.run.suite import Group, Suite, load, parse_sampler, settings_of

SETTINGS = {"nbeta": 100.0, "num_chains": 4, "num_draws": 200, "num_burnin": 50}
SMALL = Suite(
    title="small",
    version=1,
    replicates=2,
    settings=SETTINGS,
    group=[
        Group(problems=["poly/x2", "poly/x2y2"], samplers=["sgld[step_size=1e-3]", "mala"]),
        Group(problems=["rrr/1-1-1/r0/n100"], samplers=["sgld"], settings={"batch_size": 10}),
    ],
)


def test_serial_and_processes_give_the_same_bytes(tmp_path: Path) -> None:
    specs = expand(SMALL)
    serial = run_specs(specs, RunStore(tmp_path / "a"), Serial(), progress=False)
    spread = run_specs(specs, RunStore(tmp_path / "b"), Processes(2), progress=False)
    assert len(serial.finished) == 10
    assert timeless(serial.finished) == timeless(spread.finished)
    assert all(r.estimate.status == "ok" for r in serial.finished)
    assert all(r.truths is not None and r.truths.tempered is not None for r in serial.finished)


def test_resume_runs_only_what_is_missing(tmp_path: Path) -> None:
    specs = expand(SMALL, problems=["poly/x2"])
    store = RunStore(tmp_path)
    run_specs(specs[:1], store, Serial(), progress=False)
    left = missing(specs, store.contents().records)
    assert left == specs[1:]


def test_replicates_have_their_own_data_and_noise(tmp_path: Path) -> None:
    specs = expand(SMALL, problems=["rrr/1-1-1/r0/n100"])
    found = run_specs(specs, RunStore(tmp_path), Serial(), progress=False).finished
    first, second = found
    assert first.estimate.llc != second.estimate.llc
    assert first.estimate.loss_star != second.estimate.loss_star
    assert first.truths != second.truths


def test_a_failed_run_is_a_record(tmp_path: Path) -> None:
    specs = expand(SMALL, problems=["poly/x8"], samplers=["sgld[step_size=10.0]"])
    found = run_specs(specs, RunStore(tmp_path), Serial(), progress=False).finished
    assert {r.estimate.status for r in found} <= {"not_finite", "diverged"}
    assert all(r.estimate.llc is None and r.estimate.message for r in found)
    assert len(RunStore(tmp_path).contents().records) == len(specs)


def test_an_unsupported_target_is_skipped_with_a_reason(tmp_path: Path) -> None:
    specs = expand(SMALL, problems=["poly/x2"], samplers=["gibbs"], replicates=1)
    (found,) = run_specs(specs, RunStore(tmp_path), Serial(), progress=False).finished
    assert found.estimate.status == "skipped"
    assert "linear network" in found.estimate.message


def test_the_time_budget_cuts_and_leaves_the_rest(tmp_path: Path) -> None:
    specs = expand(SMALL, problems=["poly/x2"], overrides={"num_draws": 10**7, "num_chains": 2})
    started = time.time()
    outcome = run_specs(specs, RunStore(tmp_path), Serial(), seconds=1.5, progress=False)
    assert time.time() - started < 15
    assert outcome.unstarted >= 1
    assert outcome.finished[0].estimate.status == "timeout"
    assert outcome.finished[0].estimate.llc is not None


def die_on_three(task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * task


def test_a_dead_process_costs_only_its_own_task() -> None:
    found = dict(Processes(2).map(die_on_three, range(6)))
    assert isinstance(found.pop(3), Failure)
    assert found == {k: 10 * k for k in (0, 1, 2, 4, 5)}


def drawn(_: int) -> float:
    return float(np.random.random())  # noqa: NPY002


def test_processes_do_not_begin_with_the_same_global_generator() -> None:
    one, other = (dict(Processes(1).map(drawn, [0])) for _ in range(2))
    assert one != other


def test_kill_in_the_middle_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    command = [
        "run", "smoke", "--store", str(tmp_path),
        "-p", "poly/x2y2", "-p", "poly/x4", "-s", "sgld[step_size=1e-4]", "--replicates", "6",
        "--set", "num_draws=1500", "--set", "num_burnin=100", "--no-progress",
    ]  # fmt: skip
    process = subprocess.Popen([LLCBENCH, *command], start_new_session=True)
    runs = tmp_path / "runs"
    limit = time.time() + 120
    while time.time() < limit and len(list(runs.glob("*.json"))) < 3:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in runs.glob("*.json")}
    assert 3 <= len(before) < 12
    # As the killed process leaves one.
    name = temporary_name("0123456789abcdef.json").replace(f"-{os.getpid()}-", f"-{process.pid}-")
    (runs / name).write_text('{"key": "01')
    again = here(*command)
    assert again.returncode == 0, again.stderr
    after = {path.name: path.stat().st_mtime_ns for path in runs.glob("*.json")}
    assert len(after) == 12
    assert all(after[name] == stamp for name, stamp in before.items())
    assert f"{len(before)} reused" in again.stdout
    assert name in again.stderr
    assert "killed while it wrote" in again.stderr


def test_suites_on_disk_are_well_formed() -> None:
    specs = expand(load("smoke"))
    assert len({spec.problem for spec in specs}) >= 8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load("smok"), ["smok", "'smoke'"]),
        (lambda: parse_sampler("sgld[step_size]"), ["step_size", "option=value"]),
        (lambda: parse_sampler("sgld["), ["sgld["]),
        (lambda: expand(SMALL, samplers=["sgld[step_sze=1]"]), ["step_sze", "step_size"]),
        (lambda: expand(SMALL, samplers=["sgld[step_size=-1]"]), ["step_size", "-1"]),
        (lambda: expand(SMALL, samplers=["sgdl"]), ["sgdl", "'sgld'"]),
        (lambda: expand(SMALL, problems=["poly/x2y"]), ["poly/x2y"]),
        (lambda: expand(SMALL, problems=["poli/*"]), ["poli/*"]),
        (lambda: expand(SMALL, replicates=0), ["replicates", "0"]),
        (lambda: settings_of({"num_chians": 3}), ["num_chians"]),
        (lambda: settings_of({"num_chains": "x"}), ["num_chains"]),
        (lambda: make_executor("cluster", 1, []), ["cluster", "processes"]),
        (lambda: make_executor("processes", 0, []), ["workers", "0"]),
    ],
)
def test_bad_input_is_named(call: object, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        call()  # type: ignore[operator]
    assert all(word in str(caught.value) for word in words), str(caught.value)


SCRIPT = """
import llcbench

@llcbench.sampler("drifter")
def drifter(theta, target, rng, *, step_size=1e-3):
    _, grad, loss = target.potential_and_grad(theta)
    return theta - {factor} * step_size * grad, loss
"""


def test_an_edited_script_is_run_again(tmp_path: Path) -> None:
    from llcbench.run.execute import load_plugins

    keys = []
    for factor in (1, 1, 2):
        path = tmp_path / f"version{factor}.py"
        path.write_text(SCRIPT.format(factor=factor))
        load_plugins([str(path)])
        (spec,) = expand(SMALL, problems=["poly/x2"], samplers=["drifter"], replicates=1)
        keys.append(key_of(spec))
    assert keys[0] == keys[1] != keys[2]
