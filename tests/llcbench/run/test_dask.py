"""A sweep on the workers of a real scheduler: the same numbers, and a death costs one run."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster, wait_for
from timeless import timeless

from llcbench.records import Spec
from llcbench.run.execute import load_plugins
from llcbench.run.executors.dask import Dask
from llcbench.run.executors.drive import drive
from llcbench.run.executors.executor import Serial, make_executor
from llcbench.run.executors.machines import Machines
from llcbench.run.failure import Failure
from llcbench.run.plan import expand
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore
from llcbench.run.suite import Group, Suite
from llcbench.run.units import bytes_of

LLCBENCH = str(Path(sys.executable).with_name("llcbench"))
# Room for torch and a run, not for what the hog takes.
WORKER_MEMORY = "700MB"
SCRIPT = """
import os
import signal
import time
import llcbench

FOLDER = {folder!r}
HELD = []

def step(theta, target, rng):
    loss, _ = target.loss_and_grad(theta)
    return theta + 1e-3 * theta.new_empty(theta.shape).normal_(generator=rng), loss

@llcbench.sampler("naps")
def naps(theta, target, rng, *, nap=0.004):
    maker = os.getppid()
    worker = open(f"/proc/{{maker}}/stat").read().rpartition(")")[2].split()[1]
    open(f"{{FOLDER}}/busy-{{worker}}-{{maker}}-{{os.getpid()}}", "a").close()
    time.sleep(nap)
    return step(theta, target, rng)

@llcbench.sampler("dies")
def dies(theta, target, rng, *, size=1):
    os.kill(os.getpid(), signal.SIGKILL)

@llcbench.sampler("eats")
def eats(theta, target, rng, *, size=40_000_000):
    HELD.append(b"x" * size)
    time.sleep(0.05)
    return step(theta, target, rng)

@llcbench.sampler("hangs")
def hangs(theta, target, rng, *, nap=60.0):
    time.sleep(nap)
    return step(theta, target, rng)
"""


def specs(samplers: list[str], replicates: int) -> list[Spec]:
    settings = {"nbeta": 100.0, "num_chains": 4, "num_draws": 150, "num_burnin": 50}
    problems = ["poly/x2y2", "regular/d2/n100"] if "sgld" in samplers[0] else ["regular/d2"]
    group = [Group(problems=problems, samplers=samplers)]
    return expand(
        Suite(title="few", version=1, replicates=replicates, settings=settings, group=group)
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    made = Cluster(tmp_path_factory.mktemp("cluster"), WORKER_MEMORY)
    script = made.folder / "bad.py"
    script.write_text(SCRIPT.format(folder=str(made.folder)))
    load_plugins([str(script)])
    yield made
    made.close()


def on(cluster: Cluster, limit: float | None = None, **changes: Any) -> Dask:
    machines = Machines(scheduler=cluster.address, **changes)
    return Dask(1, (str(cluster.folder / "bad.py"),), limit, machines)


def test_a_run_that_dies_hangs_or_fills_the_memory_fails_alone(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = specs(["hangs", "dies", "eats", "naps[nap=0.0]"], 1)
    executor = on(cluster, 8.0)
    with caplog.at_level(logging.WARNING, "llcbench"):
        result = run_specs(wanted, RunStore(tmp_path), executor, progress=False).finished
    by = {record.spec.sampler: record.estimate for record in result}
    assert {name: estimate.status for name, estimate in by.items()} == {
        "hangs": "timeout",
        "dies": "crashed",
        "eats": "out_of_memory",
        "naps": "ok",
    }
    assert "hung: no result after 8 s" in by["hangs"].message
    assert "SIGKILL" in by["dies"].message
    assert "700 MB" in by["eats"].message
    retried = [r.getMessage() for r in caplog.records if "once more" in r.getMessage()]
    assert len(retried) == 2
    # The second try was elsewhere: both workers are named.
    for name in ("dies", "eats"):
        assert len(set(re.findall(r"tcp://\S+\d", by[name].message))) == 2


def test_workers_give_the_numbers_of_one_process_and_a_killed_one_costs_a_second_try(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, slow = specs(["sgld[step_size=1e-3]"], 3), specs(["naps"], 6)
    one = run_specs(plain, RunStore(tmp_path / "a"), Serial(), progress=False)
    assert len(one.finished) == 6
    victim = cluster.workers[0]
    seen: list[dict[str, str]] = []

    def kill() -> None:
        pattern = f"busy-{victim.pid}-*"
        for old in cluster.folder.glob(pattern):
            old.unlink()
        wait_for(lambda: list(cluster.folder.glob(pattern)))
        os.kill(victim.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    executor = on(cluster, keep=seen.append)
    store = RunStore(tmp_path / "b")
    with caplog.at_level(logging.WARNING, "llcbench"):
        result = run_specs([*plain, *slow], store, executor, progress=False).finished
    killer.join()
    assert victim.wait(timeout=120) == -signal.SIGKILL
    assert len(result) == 12
    assert all(record.estimate.status == "ok" for record in result)
    assert timeless(one.finished) == timeless([r for r in result if r.spec.sampler == "sgld"])
    # Truths are made there too.
    assert len(seen) > 12
    assert all("torch" in environment for environment in seen)
    retried = [r.getMessage() for r in caplog.records]
    assert len(retried) == 1
    assert "was lost; the run is tried once more" in retried[0]
    # What the lost worker watched over ends on its own.
    (busy,) = cluster.folder.glob(f"busy-{victim.pid}-*")
    for pid in map(int, busy.name.split("-")[2:]):
        wait_for(lambda pid=pid: gone(pid))


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def test_the_command_starts_workers_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT.format(folder=str(tmp_path)))
    command = [
        LLCBENCH, "run", "smoke", "-p", "poly/x4", "-s", "eats",
        "--replicates", "1", "--set", "num_draws=60", "--set", "num_burnin=10", "--load",
        str(script), "--executor", "dask", "--workers", "1", "--worker-memory", "600MB", "--store",
        str(tmp_path), "--no-progress", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"] == 1
    assert json.loads(done.stdout)["failed"] == 1
    assert "limit of 600 MB" in done.stderr
    records = RunStore(tmp_path).contents().records.values()
    assert [r.estimate.status for r in records] == ["out_of_memory"]
    known = {path.stem for path in (tmp_path / "environments").glob("*.json")}
    assert all(r.environment in known for r in records)


def test_a_scheduler_that_does_not_answer_is_one_line() -> None:
    pytest.importorskip("distributed")
    executor = Dask(1, machines=Machines(scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(ValueError, match=r"tcp://127\.0\.0\.1:9: no scheduler answers"):
        list(executor.map(len, ["a"]))


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'llcbench\[dist\]'"):
        list(Dask(1).map(len, ["a"]))


class Shelf:
    """Places in this process: at each, tasks that are named there die."""

    def __init__(self, deadly: dict[str, set[str]]) -> None:
        self.deadly = deadly
        self.flying: dict[int, tuple[str, str]] = {}
        self.tries: list[tuple[str, str]] = []

    def free(self) -> list[str]:
        used = {place for place, _ in self.flying.values()}
        return [place for place in self.deadly if place not in used]

    def others(self, place: str) -> bool:
        return len(self.deadly) > 1

    def start(self, work: list[tuple[str, str]]) -> list[Any]:
        handles = [len(self.tries) + k for k in range(len(work))]
        self.tries += work
        self.flying.update(zip(handles, work, strict=True))
        return list(handles)

    def ended(self) -> list[tuple[Any, Any]]:
        handle = min(self.flying)
        place, task = self.flying.pop(handle)
        return [(handle, Failure("died") if task in self.deadly[place] else task.upper())]


@pytest.mark.parametrize(
    ("deadly", "dead"),
    [
        ({"here": {"b"}, "there": set()}, set()),
        ({"here": {"b"}, "there": {"b"}}, {"b"}),
        ({"here": {"b", "c"}}, {"b", "c"}),
        ({"here": set("abcde"), "there": set("abcde")}, set("abcde")),
    ],
)
def test_a_task_is_tried_twice_and_elsewhere(deadly: dict[str, set[str]], dead: set[str]) -> None:
    shelf = Shelf(deadly)
    results = dict(drive("abcde", shelf))
    assert {task for task, result in results.items() if isinstance(result, Failure)} == dead
    assert {t: r for t, r in results.items() if t not in dead} == {
        t: t.upper() for t in "abcde" if t not in dead
    }
    for task in "abcde":
        places = [place for place, tried in shelf.tries if tried == task]
        assert len(places) <= 2
        assert len(deadly) == 1 or len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bytes_of("much", "--worker-memory"), ["--worker-memory", "much", "4GB"]),
        (lambda: bytes_of("-1GB", "--worker-memory"), ["-1GB"]),
        (
            lambda: make_executor("processes", 1, [], None, Machines(scheduler="tcp://a:1")),
            ["tcp://a:1", "dask"],
        ),
        (lambda: make_executor("serial", 1, [], None, Machines(memory=1)), ["--worker-memory"]),
        (lambda: make_executor("dask", 1, [], None, Machines(slurm={"a": "b"})), ["submitit"]),
    ],
)
def test_bad_options_are_named(call: Any, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_amounts_of_memory() -> None:
    assert bytes_of("4GB", "-") == 4_000_000_000
    assert bytes_of("0.5 g", "-") == 500_000_000
    assert bytes_of("1048576", "-") == 2**20
    assert bytes_of(None, "-") is None
