"""Processes that make runs for a supervisor: ``python -m ...executors.child HANDLE FORKS``.

With ``FORKS`` the process that is started computes nothing: it imports what every run needs and
makes runs in a fork of itself, so that the next one after a death costs milliseconds.
"""

import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llcbench.files import write
from llcbench.provenance import environment
from llcbench.run.execute import load_plugins
from llcbench.run.executors.machines import Reply, Script, pack, unpack
from llcbench.run.executors.processes import IMPORTED
from llcbench.run.failure import failure_of

# A supervisor that has no more work, and could not say so, does not keep the memory for ever.
IDLE_SECONDS = 300.0
# Between two looks at a process that makes runs: its end can be unknown as long.
PAUSE = 0.05


def prepare(scripts: tuple[Script, ...]) -> None:
    """Import what every run needs, and the scripts that were sent along, once for all runs."""
    _import()
    import numpy as np
    import torch

    torch.set_num_threads(1)
    # Forks begin with the same state of it, and a script may draw from it.
    np.random.seed()  # noqa: NPY002
    with TemporaryDirectory() as folder:
        for name, source in scripts:
            path = Path(folder) / name
            write(path, source, durable=False)
            load_plugins([str(path)])


def main(handle: int, forks: bool) -> None:
    """Make runs for every line that is sent, each in a process of its own, or here for the first.

    The supervisor is told the id of that process, and its exit code when it has ended.
    """
    # Ctrl-C reaches the whole group of processes; the supervisor decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watched = os.getppid()
    if forks:
        _import()
        # What is looked at by no collection stays shared between all forks.
        gc.freeze()
    with Connection(handle) as orders:
        line = _ordered(orders)
        while line is not None:
            here = os.getpid()
            pid = os.fork() if forks else 0
            if pid == 0:
                watched = here if forks else watched
                break
            os.close(line)
            line = _next(orders, pid, watched)
    if line is not None:
        _serve(line, watched)


def _next(orders: "Connection[Any, Any]", pid: int, watched: int) -> int | None:
    """Tell of a process and of its end; return the handle of the line for the next one."""
    try:
        orders.send(pid)
        code = _exit_code(pid, watched)
        orders.send(code)
    except OSError:  # the supervisor was killed
        os.kill(pid, signal.SIGKILL)
        return None
    # With code 0 it ended on its own, since nothing came.
    line = _ordered(orders) if code else None
    # Not before: until then its id is no other's, and the supervisor may kill it.
    os.waitpid(pid, 0)
    return line


def _ordered(orders: "Connection[Any, Any]") -> int | None:
    """Return the handle of the next line, None if none comes any more."""
    try:
        return recv_handle(orders) if orders.poll(IDLE_SECONDS) else None
    except (EOFError, OSError):
        return None


def _exit_code(pid: int, watched: int) -> int:
    """Wait for the end of a process, or end it and this one if the supervisor was killed."""
    while True:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is not None:
            exited = ended.si_code == os.CLD_EXITED
            return ended.si_status if exited else -ended.si_status
        if os.getppid() != watched:
            os.kill(pid, signal.SIGKILL)
            os._exit(1)
        time.sleep(PAUSE)


def _serve(handle: int, watched: int) -> None:
    """Call what is sent and answer with the result, until nothing comes any more."""
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    # The pipe breaks when the supervisor was killed: there is nobody left to tell.
    with suppress(BrokenPipeError, ConnectionResetError), Connection(handle) as line:
        while line.poll(IDLE_SECONDS):
            try:
                work = line.recv_bytes()
            except EOFError:
                return
            line.send_bytes(_answer(work))


def _answer(work: bytes) -> bytes:
    try:
        function, argument = unpack(work)
        result = function(argument)
        import torch

        # A run sets its threads, and they are part of the environment that its record names.
        return pack(Reply(result, environment(torch.get_num_threads())))
    except Exception as error:  # the supervisor goes on with another task
        return pack(failure_of(error))


def _end_with(parent: int) -> None:
    """End this process when its parent was killed, whatever it computes at that time."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _import() -> None:
    """Import what every run needs; none of it is garbage, so nobody looks for any meanwhile."""
    gc.disable()
    for name in IMPORTED:
        import_module(name)
    gc.enable()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "forks")
