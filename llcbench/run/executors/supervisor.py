"""Has runs made by a process of their own, and ends it when it hangs or takes too much memory.

This is what a worker on another machine does with a task: the worker itself computes nothing, so
that a run which dies, hangs or fills the memory takes no worker with it.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from signal import Signals
from threading import Lock
from typing import final
from uuid import uuid4

from llcbench.provenance import resident_bytes
from llcbench.run.executors.child import prepare
from llcbench.run.executors.forks import uninterrupted
from llcbench.run.executors.machines import Script, opened, pack, scripts_of
from llcbench.run.failure import Failure, ended, hung
from llcbench.run.units import size

# Between two looks at a run: its memory can grow in it unseen.
PAUSE = 0.05
# Importing torch and scripts is no part of a run: its own limit must not be met by a cold disk.
START_SECONDS = 300.0
# Seconds in which a process that answers no more ends on its own.
PATIENCE = 10.0


@final
@dataclass(frozen=True)
class Setup:
    """What all tasks of a sweep have in common.

    Attributes:
        token: Names the sweep; its processes serve no other.
        scripts: Scripts that are imported before the first task.
        limit: Seconds after which a task counts as hanging.
        memory: Bytes of resident memory that its process may take.
        forks: Whether a process that died is replaced by a fork; a single task needs none.
    """

    token: str
    scripts: tuple[Script, ...] = ()
    limit: float | None = None
    memory: int | None = None
    forks: bool = sys.platform == "linux"

    @staticmethod
    def of(plugins: tuple[str, ...], limit: float | None, memory: int | None) -> "Setup":
        """Return the setup of a new sweep, with the source of its scripts."""
        return Setup(uuid4().hex, scripts_of(plugins), limit, memory)


@final
class Child:
    """A process that makes one task after the other, or a new one after its death.

    On Linux it is a fork of a process that imports torch once for all of them and computes
    nothing; elsewhere, and for a single task, it imports what it needs itself.

    Attributes:
        busy: Whether a task has it; guarded by the lock of this module.
    """

    def __init__(self, *, forks: bool) -> None:
        ours, theirs = Pipe()
        # -P: what happens to lie in the working directory must not shadow a package.
        command = [sys.executable, "-P", "-m", "llcbench.run.executors.child", str(theirs.fileno())]
        with uninterrupted():
            self._process = subprocess.Popen(
                [*command, "forks" if forks else "once"],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        theirs.close()
        self._orders = ours
        self._line: Connection[bytes, bytes] | None = None
        self._forks = forks
        self._fork: int | None = None
        self.busy = True

    def alive(self) -> bool:
        """Whether there is a process, or one that makes it."""
        return self._process.poll() is None

    def run(self, work: bytes, setup: Setup) -> bytes | Failure:
        """Make a packed task, return its packed result; after a death the process is gone."""
        if self._line is None:
            try:
                self._line = self._order()
            except OSError:
                return ended(self._end(PATIENCE))
            start = pack((prepare, setup.scripts))
            ready = opened(self._call(self._line, start, replace(setup, limit=START_SECONDS)))
            if isinstance(ready, Failure):
                if self._line is not None:
                    self._end()
                return ready
        return self._call(self._line, work, setup)

    def kill(self) -> None:
        """End everything, whatever it does."""
        # Its id is no other's as long as the process that made it is there.
        if self._fork is not None and self.alive():
            os.kill(self._fork, Signals.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _order(self) -> "Connection[bytes, bytes]":
        """Have a process made that listens to a line."""
        ours, theirs = Pipe()
        with theirs:
            send_handle(self._orders, theirs.fileno(), self._process.pid)
        return ours

    def _call(self, line: "Connection[bytes, bytes]", work: bytes, setup: Setup) -> bytes | Failure:
        try:
            line.send_bytes(work)
            started = time.monotonic()
            while not line.poll(PAUSE):
                broken = self._broken(time.monotonic() - started, setup)
                if broken is not None:
                    self._end()
                    return broken
            return line.recv_bytes()
        except (EOFError, OSError):
            return ended(self._end(PATIENCE))

    def _end(self, patience: float = 0.0) -> int:
        """Wait for the end of the process that makes tasks, or end it; return its exit code."""
        self._line = None
        try:
            fork = self._told(patience)
            if fork is not None:
                if not self._orders.poll(patience):
                    os.kill(fork, Signals.SIGKILL)
                self._fork = None
                return int(self._orders.recv())
        except (EOFError, OSError):
            pass  # the process that made it is gone
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _told(self, seconds: float) -> int | None:
        """Return the id of the fork, once it is there."""
        if self._forks and self._fork is None and self._orders.poll(seconds):
            self._fork = self._orders.recv()
        return self._fork

    def _broken(self, seconds: float, setup: Setup) -> Failure | None:
        if setup.limit is not None and seconds >= setup.limit:
            return hung(setup.limit)
        if setup.memory is not None and self._resident() > setup.memory:
            text = f"took more than its limit of {size(setup.memory)} of memory"
            return Failure(f"{text}, its process was killed", "out_of_memory")
        return None

    def _resident(self) -> int:
        return resident_bytes(self._told(0.0) or self._process.pid)


_CHILDREN: dict[str, list[Child]] = {}
_LOCK = Lock()


def supervise(setup: Setup, work: bytes) -> bytes | Failure:
    """Make a packed ``(function, task)`` in a process that stays for the next one.

    Returns:
        A packed ``Reply`` or ``Failure``, or what killed the process.
    """
    child = _take(setup)
    answer = child.run(work, setup)
    with _LOCK:
        child.busy = False
    return answer


def stop(token: str) -> None:
    """End the processes of a sweep, busy or not."""
    with _LOCK:
        for child in _CHILDREN.pop(token, []):
            child.kill()


def _take(setup: Setup) -> Child:
    with _LOCK:
        children = [child for child in _CHILDREN.get(setup.token, []) if child.alive()]
        _CHILDREN[setup.token] = children
        for child in children:
            if not child.busy:
                child.busy = True
                return child
        children.append(Child(forks=setup.forks))
        return children[-1]
