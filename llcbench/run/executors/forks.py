"""The server of forks of this process: it starts with the first sweep and never outlives us."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.context import BaseContext

# Of <linux/prctl.h>: the signal that a process gets when the thread that made it ends.
_PR_SET_PDEATHSIG = 1
_FIRST = "llcbench.run.executors.preload"
_LOCK = threading.Lock()


def context() -> BaseContext:
    """Return how processes are made: as forks of a server on Linux, from scratch elsewhere.

    Never as a fork of this process: it would copy locks that the threads of torch may hold.
    """
    return get_context("forkserver" if sys.platform == "linux" else "spawn")


def server(imported: tuple[str, ...]) -> int | None:
    """Start the server unless there is one, and return its process id; None without servers.

    Neither it nor its forks get Ctrl-C, which a terminal sends to all processes of a command.

    Args:
        imported: Modules that it imports once for all forks.

    Raises:
        OSError: If it cannot be started.
    """
    if sys.platform != "linux":
        return None
    with _LOCK:
        pid = _pid()
        if pid is None or not alive(pid):
            forkserver.set_forkserver_preload([_FIRST, *imported])
            errors: list[OSError] = []
            started = threading.Event()
            threading.Thread(target=_keep, args=(started, errors), daemon=True).start()
            started.wait()
            if errors:
                raise errors[0]
        return _pid()


def alive(pid: int) -> bool:
    """Return whether a child of this process has not ended."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have threads and processes that are made meanwhile block Ctrl-C, for as long as they live.

    A terminal sends it to all processes of a command; the first one decides what ends.
    """
    # Its start, which the first process would cause, unblocks the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Have the system kill this process when its parent ends, whatever it computes; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def is_server() -> bool:
    """Return whether this process was started to serve forks."""
    return any("multiprocessing.forkserver" in argument for argument in sys.orig_argv)


def _pid() -> int | None:
    # The standard library starts it, and does not tell its id.
    pid: int | None = vars(forkserver._forkserver)["_forkserver_pid"]
    return pid


def _keep(started: threading.Event, errors: list[OSError]) -> None:
    """Start the server in a thread that ends with this process: to the system it is the parent."""
    try:
        with uninterrupted():
            forkserver.ensure_running()
    except OSError as error:
        errors.append(error)
        return
    finally:
        started.set()
    threading.Event().wait()
