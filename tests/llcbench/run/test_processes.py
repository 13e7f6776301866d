"""Processes die, hang, raise and are killed: each costs its own task, and none is left behind."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest
from command import here

from llcbench.run.deadline import Deadline
from llcbench.run.executors import forks
from llcbench.run.executors.processes import IMPORTED, Processes, _Pool
from llcbench.run.failure import Failure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def work(task: str) -> object:
    kind, _, rest = task.partition(" ")
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "once":
        path = Path(rest)
        if not path.exists():
            path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if kind == "nap":
        time.sleep(2.0)
    if kind == "hang":
        time.sleep(600)
    if kind == "raise":
        raise TimeoutError("mine")
    if kind == "exit":
        sys.exit(3)
    if kind == "odd":
        return lambda: None
    return os.getpid()


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def all_gone(pids: list[int], seconds: float = 30.0) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if all(gone(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_every_failure_costs_its_own_task(tmp_path: Path) -> None:
    tasks = ["a", "die", f"once {tmp_path / 'died'}", "hang", "raise", "exit", "odd", "b", "c"]
    results = dict(Processes(2, limit=3.0).map(work, tasks))
    assert set(results) == set(tasks)
    failures = {k.partition(" ")[0]: v for k, v in results.items() if isinstance(v, Failure)}
    assert {name: failure.status for name, failure in failures.items()} == {
        "die": "crashed", "hang": "timeout", "raise": "error", "exit": "error", "odd": "error",
    }  # fmt: skip
    assert "SIGKILL" in failures["die"].message
    assert "both times" in failures["die"].message
    assert "hung: no result after 3 s" in failures["hang"].message
    assert "TimeoutError: mine" in failures["raise"].message
    assert "SystemExit: 3" in failures["exit"].message
    pids = [pid for pid in results.values() if isinstance(pid, int)]
    assert len(pids) == 4
    assert all_gone(pids)


def test_a_sweep_that_is_left_ends_what_is_under_way() -> None:
    sweep = Processes(2).map(work, ["a", "hang"])
    _, pid = next(sweep)
    started = time.monotonic()
    sweep.close()
    assert time.monotonic() - started < 30
    assert all_gone([pid])


SWEEP = """
import sys, time
from pathlib import Path
from llcbench.run.executors.processes import Processes

def work(task):
    import os
    kind, path = task
    (Path(path) / str(os.getpid())).touch()
    # Nothing else of the process runs meanwhile: a sum holds the lock of the interpreter.
    sum(range(10**13)) if kind == "locked" else time.sleep(600)

if __name__ == "__main__":
    try:
        # Three processes, one of which has nothing to do.
        list(Processes(3).map(work, [("locked", sys.argv[1]), ("asleep", sys.argv[1])]))
    except OSError as error:
        print(f"{type(error).__name__}: {error}", end="")
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A sweep under way, with its server and processes."""
    script, busy = tmp_path / "sweep.py", tmp_path / "busy"
    script.write_text(SWEEP)
    busy.mkdir()
    command = [sys.executable, str(script), str(busy)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        driver, limit = psutil.Process(process.pid), time.monotonic() + 120
        # Also the tracker of resources, which the standard library starts.
        while time.monotonic() < limit and not (
            len(list(busy.iterdir())) == 2 and len(driver.children(recursive=True)) == 5
        ):
            time.sleep(0.05)
        others = driver.children(recursive=True)
        assert len(others) == 5
        yield process, others
        process.kill()


def server_of(others: list[psutil.Process]) -> psutil.Process:
    (server,) = [each for each in others if each.children()]
    return server


def test_no_process_outlives_a_killed_sweep(
    sweep: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    process, others = sweep
    server = server_of(others)
    for each in (server, *server.children()):
        # Ctrl-C, which a terminal sends to all of them, reaches the first process alone.
        status = Path(f"/proc/{each.pid}/status").read_text()
        blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
        assert blocked >> (signal.SIGINT - 1) & 1
    process.kill()
    process.wait()
    assert all_gone([each.pid for each in others], 10.0)


def test_a_dead_server_ends_the_sweep_and_is_named(
    sweep: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    process, others = sweep
    server = server_of(others)
    server.terminate()
    said, _ = process.communicate(timeout=60)
    assert said == (
        f"ExecutorLost: the process {server.pid} that makes the others has died, perhaps because"
        " memory ran out; finished runs are kept, call again to go on"
    )
    assert process.returncode == 0
    assert all_gone([each.pid for each in others], 10.0)


def test_a_sweep_after_a_dead_server_has_a_new_one() -> None:
    first = forks.server(IMPORTED)
    assert first == forks.server(IMPORTED)
    assert first is not None
    assert forks.alive(first)
    os.kill(first, signal.SIGKILL)
    while forks.alive(first):
        time.sleep(0.01)
    second = forks.server(IMPORTED)
    assert second is not None
    assert forks.alive(second)
    assert not forks.alive(first)
    assert isinstance(dict(Processes(1).map(work, ["a"]))["a"], int)


def test_a_process_that_dies_idle_costs_nothing() -> None:
    """All of them are gone, and none was at work: there is nothing to try again."""
    pids: list[object] = []

    def tasks() -> Iterator[str]:
        yield "a"
        (pid,) = pids
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        assert all_gone([pid])
        yield "b"

    for _, pid in Processes(1).map(work, tasks()):
        pids.append(pid)
    assert len({*pids}) == 2
    assert all(isinstance(pid, int) for pid in pids)


def test_a_task_of_a_broken_pool_is_tried_once_more() -> None:
    """Sent before the death of the last process was seen: nothing says that it is to blame."""
    broken: Future[bytes] = Future()
    broken.set_exception(BrokenProcessPool("All workers expired"))
    pool = object.__new__(_Pool)
    assert pool._result(broken).status == "crashed"


def test_a_clock_that_jumps_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a process within its limit, and not a budget."""
    deadline = Deadline.after(100.0)
    assert deadline is not None
    sweep = Processes(1, limit=100.0).map(work, ["nap", "a"])
    threading.Timer(0.2, lambda: monkeypatch.setattr(time, "time", lambda: 1e10)).start()
    assert [isinstance(result, int) for _, result in sweep] == [True, True]
    assert time.time() == 1e10
    assert 0.0 < deadline.left() < 100.0


def test_a_deadline_means_the_same_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = Deadline.after(100.0)
    assert deadline is not None
    sent = pickle.dumps(deadline)
    assert pickle.loads(sent) == deadline
    assert Deadline.after(None) is None
    assert Deadline(time.monotonic() - 1.0).left() == 0.0
    # On another machine, 30 s later by the clock on the wall.
    now = time.time()
    monkeypatch.setattr("llcbench.run.deadline.machine", lambda: "another")
    monkeypatch.setattr(time, "time", lambda: now + 30.0)
    assert pickle.loads(sent).left() == pytest.approx(70.0, abs=5.0)
    # One that is late never gives time away.
    monkeypatch.setattr(time, "time", lambda: now - 1000.0)
    assert pickle.loads(sent).left() == pytest.approx(100.0, abs=5.0)


@pytest.mark.parametrize(
    "limit", ["1e300h", "inf", "nan", "-1", "0", "h", "1e10s", "9e999", "1 day"]
)
@pytest.mark.parametrize("option", ["--run-limit", "--time-budget", "--checkpoint-every"])
def test_a_limit_that_is_no_time_is_one_line(option: str, limit: str, tmp_path: Path) -> None:
    done = here("run", "smoke", "--store", str(tmp_path), f"{option}={limit}")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"llcbench: {option} '{limit}' is ")
    assert not list(tmp_path.iterdir())
