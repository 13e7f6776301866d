"""One process a peer: reads seeds, line by line, and answers with what the run of each took."""

import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import msgspec


class Ready(msgspec.Struct, frozen=True):
    """What a worker says once it can start.

    Attributes:
        seconds: Time of its imports and preparations.
    """

    seconds: float


class Answer(msgspec.Struct, frozen=True):
    """What a run took.

    Attributes:
        seconds: Wall-clock time.
        losses: Mean loss after burn-in, by chain.
        peak_bytes: Peak memory of the process so far.
    """

    seconds: float
    losses: list[float]
    peak_bytes: int


def main(peer: str, path: str, threads: int) -> None:
    """Answer until the input ends."""
    # What packages print must not land among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    _stay_on(threads)
    os.dup2(2, 1)
    started = time.perf_counter()
    import torch

    from llcbench.peers import network_work
    from llcbench.peers.work import read
    from llcbench.provenance import peak_bytes

    torch.set_num_threads(threads)
    network = network_work.is_network(Path(path))
    work = network_work.read(Path(path)) if network else read(Path(path))
    room = "network_kernels" if network else "kernels"
    run = import_module(f"llcbench.peers.{room}.{peer}").prepare(work)
    _say(answers, Ready(time.perf_counter() - started))
    for line in sys.stdin:
        begun = time.perf_counter()
        losses = run(int(line))
        seconds = time.perf_counter() - begun
        means = losses[:, -work.case.draws :].mean(1)
        _say(answers, Answer(seconds, [float(mean) for mean in means], peak_bytes()))


def _stay_on(cores: int) -> None:
    """Stay on a few cores: not every library listens to the number of threads that it is given."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))


def _say(stream: BinaryIO, message: msgspec.Struct) -> None:
    stream.write(msgspec.json.encode(message) + b"\n")
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
