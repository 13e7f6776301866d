"""A process that makes runs for a supervisor: ``python -m llcbench.run.child HANDLE``."""

import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from llcbench.provenance import environment
from llcbench.run.died import Died
from llcbench.run.execute import load_plugins
from llcbench.run.machines import Reply, Script, pack, unpack

# A supervisor that has no more work, and could not say so, does not keep the memory for ever.
IDLE_SECONDS = 300.0


def prepare(scripts: tuple[Script, ...]) -> None:
    """Import what every run needs, and the scripts that were sent along, once for all runs."""
    import arviz_stats.base  # noqa: F401
    import torch

    import llcbench.estimators.mean_energy  # noqa: F401

    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        for name, source in scripts:
            path = Path(folder) / name
            path.write_text(source, encoding="utf-8")
            load_plugins([str(path)])


def main(handle: int) -> None:
    """Call what is sent and answer with the result, until nothing comes any more."""
    # Ctrl-C reaches the whole group of processes; the supervisor decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with Connection(handle) as line:
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
        return pack(Died(f"{type(error).__name__}: {error}", "error"))


def _end_with(parent: int) -> None:
    """End this process when its supervisor was killed, whatever it computes just then."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
