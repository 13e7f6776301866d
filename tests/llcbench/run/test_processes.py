"""Processes die, hang, raise and are killed: each costs its own task, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llcbench.run.executors.processes import Processes
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

def work(folder):
    import os
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(Processes(2).map(work, [sys.argv[1]] * 2))
"""


def test_no_process_outlives_a_killed_sweep(tmp_path: Path) -> None:
    script, busy = tmp_path / "sweep.py", tmp_path / "busy"
    script.write_text(SWEEP)
    busy.mkdir()
    process = subprocess.Popen([sys.executable, str(script), str(busy)])
    limit = time.monotonic() + 120
    while len(list(busy.iterdir())) < 2 and time.monotonic() < limit:
        time.sleep(0.05)
    pids = [int(path.name) for path in busy.iterdir()]
    assert len(pids) == 2
    assert not any(map(gone, pids))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert all_gone(pids)
