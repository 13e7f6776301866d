"""What makes runs for a supervisor dies in every way, and is replaced without a new start."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from llcbench.run.executors.machines import opened, pack
from llcbench.run.executors.supervisor import Setup, stop, supervise
from llcbench.run.failure import Failure

SETUP = Setup("here", limit=30.0)


def ids(_: None) -> tuple[int, int, int]:
    return os.getpid(), os.getppid(), len(os.listdir(f"/proc/{os.getppid()}/task"))


def shot(number: int) -> None:
    os.kill(os.getpid(), number)


def exits(code: int) -> None:
    sys.exit(code)


def called(function: object, argument: object, setup: Setup = SETUP) -> object:
    answer = opened(supervise(setup, pack((function, argument))))
    return answer if isinstance(answer, Failure) else answer.result


@pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux only")
def test_a_death_costs_a_fork_and_its_cause_is_told() -> None:
    try:
        first, maker, threads = called(ids, None)
        # A fork of a process with threads may hold their locks for ever.
        assert threads == 1
        assert maker != os.getpid()
        assert called(ids, None) == (first, maker, 1)
        for function, argument, setup, message in [
            (shot, signal.SIGKILL, SETUP, "SIGKILL, as the kernel does"),
            (shot, signal.SIGSEGV, SETUP, "killed by SIGSEGV"),
            (exits, 3, SETUP, "exit code 3"),
            (time.sleep, 60.0, Setup("here", limit=0.2), "hung"),
            (time.sleep, 60.0, Setup("here", memory=10_000_000), "more than its limit of 10 MB"),
        ]:
            died = called(function, argument, setup)
            assert isinstance(died, Failure)
            assert message in died.message
            pid, parent, _ = called(ids, None)
            assert pid != first
            assert parent == maker
        last, _, _ = called(ids, None)
        os.kill(maker, signal.SIGKILL)
        died = called(time.sleep, 60.0)
        assert isinstance(died, Failure)
        assert "SIGKILL" in died.message
    finally:
        stop("here")
    limit = time.monotonic() + 30.0
    while not all(gone(pid) for pid in (first, last, maker)):
        assert time.monotonic() < limit
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
