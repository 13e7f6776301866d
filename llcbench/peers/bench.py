"""Speed on identical work: one process a peer, rounds interleaved, ratios taken round by round."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from llcbench.peers.network_cases import NETWORK_WORKLOADS, NetworkWorkload
from llcbench.peers.speed import Speed, summarise
from llcbench.peers.work import WORKLOADS, Workload, make
from llcbench.peers.worker_process import Answer
from llcbench.peers.workers import PACKAGES, Worker, absent
from llcbench.registry import unknown

Case = Workload | NetworkWorkload
CASES: dict[str, Case] = {**WORKLOADS, **NETWORK_WORKLOADS}
# Seeds of peers are so far apart: equal generators in two of them must not give equal numbers.
APART = 1_000_000


def measure(
    case: Case,
    peers: Sequence[str],
    rounds: int,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> list[Speed]:
    """Run peers on a case.

    The first run of every peer is not counted; after it the peers take turns, a different one
    first in every round. A peer that is not installed, or whose process ends, is skipped with the
    reason.

    Args:
        case: The work.
        peers: Their names.
        rounds: Rounds that count, at least 1.
        say: Called with a line on progress.

    Raises:
        ValueError: If a name is unknown, there are no rounds, or too few cores.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if case.threads > cores:
        raise ValueError(
            f"case {case.name} takes {case.threads} cores, and there are {cores} here;"
            " choose others with --case"
        )
    for peer in peers:
        if peer not in PACKAGES:
            raise unknown("peer", peer, list(PACKAGES))
    elsewhere = {peer for other in CASES.values() for peer in other.peers} - set(case.peers)
    reasons = {
        peer: f"has no kernel for {case.name}" if peer in elsewhere else absent(peer)
        for peer in peers
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.npz"
        _write(case, path)
        runs = _Runs(path, case.threads, rounds, say)
        for peer in peers:
            if reasons[peer] is None:
                reasons[peer] = runs.start(peer)
        reasons |= runs.take_turns()
    return summarise(case, runs.setups, runs.answers, reasons)


class _Runs:
    """Workers with what they have answered."""

    def __init__(self, path: Path, threads: int, rounds: int, say: Callable[[str], None]) -> None:
        self.path, self.threads, self.rounds, self.say = path, threads, rounds, say
        self.workers: dict[str, Worker] = {}
        self.setups: dict[str, float] = {}
        self.answers: dict[str, list[Answer]] = {}

    def start(self, peer: str) -> str | None:
        """Start a peer, alone, and make its first run; return why that failed."""
        worker = Worker(peer, self.path, self.threads)
        try:
            self.setups[peer] = worker.ready().seconds
            self.answers[peer] = [worker.run(self.seed(peer, 0))]
        except RuntimeError as error:
            worker.close()
            return str(error)
        self.workers[peer] = worker
        self.say(f"{peer}: first run {self.answers[peer][0].seconds:.3g} s")
        return None

    def seed(self, peer: str, number: int) -> int:
        """Return the seed of a run."""
        return list(PACKAGES).index(peer) * APART + number

    def take_turns(self) -> dict[str, str]:
        """Make all rounds; return the peers that failed, with the reasons."""
        failed: dict[str, str] = {}
        try:
            for number in range(1, self.rounds + 1):
                names = list(self.workers)
                shift = number % max(len(names), 1)
                for peer in names[shift:] + names[:shift]:
                    try:
                        self.answers[peer].append(self.workers[peer].run(self.seed(peer, number)))
                    except RuntimeError as error:
                        failed[peer] = str(error)
                        self.workers.pop(peer).close()
                self.say(f"round {number} of {self.rounds}")
        finally:
            for worker in self.workers.values():
                worker.close()
        return failed


def _write(case: Case, path: Path) -> None:
    """Write the numbers of a case."""
    if isinstance(case, Workload):
        make(case, path)
        return
    from llcbench.peers import network_work

    network_work.make(case, path)


def chosen(names: Sequence[str]) -> list[Case]:
    """Return the cases of names, all for none.

    Raises:
        ValueError: If a name is unknown.
    """
    for name in names:
        if name not in CASES:
            raise unknown("case", name, list(CASES))
    return [CASES[name] for name in names] or list(CASES.values())


def shortened(case: Case, steps: int) -> Case:
    """Return a case with other lengths, half of them burn-in.

    Raises:
        ValueError: If there are fewer than 2 steps.
    """
    if steps < 2:
        raise ValueError(f"--steps must be at least 2, got {steps}")
    return replace(case, burnin=steps // 2, draws=steps - steps // 2)
