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
from pathlib import Path
from signal import Signals
from threading import Lock
from typing import final

from llcbench.run.child import prepare
from llcbench.run.died import Died, hung
from llcbench.run.machines import Script, opened, pack, size

# Between two looks at a run: its memory can grow in it unseen.
PAUSE = 0.05
# Importing torch and scripts is no part of a run: its own limit must not be met by a cold disk.
START_SECONDS = 300.0


@final
@dataclass(frozen=True)
class Setup:
    """What all tasks of a sweep have in common.

    Attributes:
        token: Names the sweep; its processes serve no other.
        scripts: Scripts that are imported before the first task.
        limit: Seconds after which a task counts as hanging.
        memory: Bytes of resident memory that its process may take.
    """

    token: str
    scripts: tuple[Script, ...] = ()
    limit: float | None = None
    memory: int | None = None


@final
class Child:
    """A process that makes one task after the other.

    Attributes:
        busy: Whether a task has it; guarded by the lock of this module.
    """

    def __init__(self) -> None:
        ours, theirs = Pipe()
        # -P: what happens to lie in the working directory must not shadow a package.
        command = [sys.executable, "-P", "-m", "llcbench.run.child", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._line = ours
        self._ready = False
        self.busy = True

    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def run(self, work: bytes, setup: Setup) -> bytes | Died:
        """Make a packed task, return its packed result; after a death the process is gone."""
        if not self._ready:
            start = pack((prepare, setup.scripts))
            answer = self._call(start, replace(setup, limit=START_SECONDS))
            ready = opened(answer)
            if isinstance(ready, Died):
                self.kill()
                return ready
            self._ready = True
        return self._call(work, setup)

    def kill(self) -> int:
        """End the process, whatever it does; return its exit code."""
        self._process.kill()
        return self._process.wait()

    def _call(self, work: bytes, setup: Setup) -> bytes | Died:
        try:
            self._line.send_bytes(work)
            started = time.monotonic()
            while not self._line.poll(PAUSE):
                broken = self._broken(time.monotonic() - started, setup)
                if broken is not None:
                    self.kill()
                    return broken
            return self._line.recv_bytes()
        except (EOFError, OSError):
            return Died(_cause(self._process.wait()))

    def _broken(self, seconds: float, setup: Setup) -> Died | None:
        if setup.limit is not None and seconds >= setup.limit:
            return hung(setup.limit)
        if setup.memory is not None and resident(self._process.pid) > setup.memory:
            text = f"took more than its limit of {size(setup.memory)} of memory"
            return Died(f"{text}, its process was killed", "out_of_memory")
        return None


_CHILDREN: dict[str, list[Child]] = {}
_LOCK = Lock()


def supervise(setup: Setup, work: bytes) -> bytes | Died:
    """Make a packed ``(function, task)`` in a process that stays for the next one.

    Returns:
        A packed ``Reply`` or ``Died``, or what killed the process.
    """
    child = _take(setup.token)
    answer = child.run(work, setup)
    with _LOCK:
        child.busy = False
    return answer


def stop(token: str) -> None:
    """End the processes of a sweep, busy or not."""
    with _LOCK:
        for child in _CHILDREN.pop(token, []):
            child.kill()


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 if it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _take(token: str) -> Child:
    with _LOCK:
        children = [child for child in _CHILDREN.get(token, []) if child.alive()]
        _CHILDREN[token] = children
        for child in children:
            if not child.busy:
                child.busy = True
                return child
        children.append(Child())
        return children[-1]


def _cause(code: int) -> str:
    if code == -Signals.SIGKILL:
        return "its process was killed by SIGKILL, as the kernel does when memory runs out"
    if code < 0:
        return f"its process was killed by {Signals(-code).name}"
    return f"its process ended with exit code {code}"
