"""Trials on the workers of a real scheduler and as jobs: the same options, and the same numbers."""

import json
import os
from pathlib import Path

import pytest
from cluster import Cluster
from command import here

from llcbench.heuristics import execute
from llcbench.heuristics.store import TrialStore
from llcbench.heuristics.trial import TrialRecord

SUITE = """
title = "t"
version = 1
seeds = 1
diffusive = true
[defaults]
samples = 60
network = "mlp-6"
[defaults.training]
steps = 60
batch_size = 20
[defaults.measuring]
num_burnin = 5
num_draws = 10
batch_size = 20
gc_samples = 20
hessian_samples = 0
[[experiment]]
name = "data"
factor = "data"
arm = [{arms}]
"""
# Data that are harmless where the command was given and fatal where the trial lands.
SCRIPT = """
import os
import signal
import time
from llcbench.heuristics import execute
from llcbench.networks import DATA

HERE = {here}
HELD = []

def away():
    return os.getpid() != HERE

def deadly():
    if away():
        os.kill(os.getpid(), signal.SIGKILL)
    return DATA["digits"]()

def slow():
    time.sleep(600 if away() else 0)
    return DATA["digits"]()

def hungry():
    while away():
        HELD.append(b"x" * 40_000_000)
        time.sleep(0.02)
    return DATA["digits"]()

execute.LOADERS.update(deadly=deadly, slow=slow, hungry=hungry)
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    # The script adds to a copy, which is gone after the test.
    monkeypatch.setattr(execute, "LOADERS", dict(execute.LOADERS))
    path = tmp_path / "data_here.py"
    path.write_text(SCRIPT.format(here=os.getpid()))
    return str(path)


def suite(folder: Path, *data: str) -> str:
    path = folder / "mine.toml"
    arms = ", ".join(f'{{ level = {k}, data = "{name}" }}' for k, name in enumerate(data, start=1))
    path.write_text(SUITE.format(arms=arms))
    return str(path)


def records(folder: Path) -> dict[str, TrialRecord]:
    return {r.trial.data: r for r in TrialStore(folder).contents().records.values()}


def numbers(record: TrialRecord) -> list[tuple[object, ...]]:
    return [(m.train_loss, m.norm, m.gc, m.llc and m.llc.value) for m in record.measured]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    folder = tmp_path_factory.mktemp("plain")
    done = here(
        "heuristics", "run", suite(folder, "digits", "digits"), "--store", str(folder),
        "--executor", "serial",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return numbers(records(folder)["digits"])


def test_a_scheduler_takes_trials_with_all_options(
    script: str, plain: list[tuple[object, ...]], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder, "4GB")
    store = tmp_path / "store"
    command = (
        "heuristics", "run", suite(tmp_path, "slow", "deadly", "hungry", "digits"),
        "--store", str(store), "--load", script, "--executor", "dask", "--scheduler",
        cluster.address, "--worker-memory", "1GB", "--run-limit", "25s", "--no-progress", "--json",
    )  # fmt: skip
    try:
        done = here(*command)
    finally:
        cluster.close()
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["finished"], summary["not_ok"]) == (4, 3)
    saved = records(store)
    assert {name: record.status for name, record in saved.items()} == {
        "slow": "timeout", "deadly": "crashed", "hungry": "out_of_memory", "digits": "ok",
    }  # fmt: skip
    assert "hung: no result after 25 s" in saved["slow"].message
    assert "SIGKILL" in saved["deadly"].message
    assert "limit of 1 GB" in saved["hungry"].message
    # The second try was on the other worker.
    assert saved["deadly"].message.count("(worker tcp://127.0.0.1:") == 2
    assert numbers(saved["digits"]) == plain != []
    known = {path.stem for path in (store / "environments").glob("*.json")}
    assert all(record.environment in known for record in saved.values())


def test_trials_run_as_jobs_in_the_folder_of_the_store(
    script: str, plain: list[tuple[object, ...]], tmp_path: Path
) -> None:
    pytest.importorskip("submitit")
    store = tmp_path / "store"
    done = here(
        "heuristics", "run", suite(tmp_path, "digits", "deadly"), "--store", str(store),
        "--load", script, "--executor", "submitit", "--slurm", "cluster=local", "--no-progress",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    saved = records(store)
    assert {n: r.status for n, r in saved.items()} == {"digits": "ok", "deadly": "crashed"}
    assert numbers(saved["digits"]) == plain != []
    assert list((store / "jobs").glob("*_log.out"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scheduler", "tcp://127.0.0.1:9"], "goes with --executor dask"),
        (["--executor", "processes", "--worker-memory", "1GB"], "goes with --executor dask or"),
        (["--executor", "dask", "--worker-memory", "much"], "no amount of memory"),
        (["--executor", "dask", "--slurm", "time=1"], "goes with --executor submitit"),
        (["--run-limit", "soon"], "--run-limit 'soon' is not a time"),
        (["--load", "nowhere.py"], "there is no such file"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    options: list[str], words: str, tmp_path: Path
) -> None:
    done = here("heuristics", "run", suite(tmp_path, "digits", "digits"), *options,
                "--store", str(tmp_path / "store"))  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_both_commands_take_the_same_options() -> None:
    from llcbench.cli.execution import executing
    from llcbench.cli.heuristics import run as trials
    from llcbench.cli.run import run

    @executing
    def bare() -> None: ...

    shared = {option.name: option for option in reversed(bare.__click_params__)}  # type: ignore[attr-defined]
    assert len(shared) == 9
    for command in (run, trials):
        mine = {option.name: option for option in command.params}
        for name, option in shared.items():
            assert mine[name].to_info_dict() == option.to_info_dict()
