"""The processes of the peers: started once, asked alternately."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TypeVar, final

import msgspec

from llcbench.adapters.packages import missing
from llcbench.peers.worker_process import Answer, Ready

# Peers in the order of the table, with the package that each one needs.
PACKAGES = {
    "devinterp": "devinterp",
    "posteriors": "posteriors",
    "blackjax": "blackjax",
    "control": None,
    "vmap": None,
    "ours": None,
    "ours_bfloat16": None,
}
MessageT = TypeVar("MessageT")


def absent(peer: str) -> str | None:
    """Return why a peer cannot be run, None if it can."""
    package = PACKAGES[peer]
    return missing(package) if package else None


@final
class Worker:
    """A process that runs one peer on one case.

    Attributes:
        peer: Name of the peer.
    """

    def __init__(self, peer: str, path: Path, threads: int = 1) -> None:
        """Start the process; it imports and prepares at once."""
        self.peer = peer
        self._process = subprocess.Popen(
            [*_COMMAND, peer, str(path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | _threads(threads),
        )

    def ready(self) -> Ready:
        """Wait until it can start.

        Raises:
            RuntimeError: If the process ends instead.
        """
        return self._read(Ready)

    def run(self, seed: int) -> Answer:
        """Make one run.

        Raises:
            RuntimeError: If the process ends instead.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{seed}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer that does not come says so
        return self._read(Answer)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self, kind: type[MessageT]) -> MessageT:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return msgspec.json.decode(line, type=kind)
        _, errors = self._process.communicate()
        last = (errors.decode(errors="replace").strip().splitlines() or ["without a message"])[-1]
        raise RuntimeError(f"the process of {self.peer} ended: {last}")


_COMMAND = (sys.executable, "-W", "ignore", "-m", "llcbench.peers.worker_process")


def _threads(number: int) -> dict[str, str]:
    """Return what XLA and the libraries of torch read when they start."""
    xla = f"--xla_cpu_multi_thread_eigen={str(number > 1).lower()}"
    return {
        "OMP_NUM_THREADS": str(number),
        "MKL_NUM_THREADS": str(number),
        "XLA_FLAGS": f"{xla} intra_op_parallelism_threads={number}",
    }
