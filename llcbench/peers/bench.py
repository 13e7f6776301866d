"""Speed on identical work: one process a peer, rounds interleaved, ratios taken round by round."""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from scipy.special import stdtr

from llcbench.peers.crew import PACKAGES, Worker, absent
from llcbench.peers.work import CASES, Case, make
from llcbench.peers.worker import Answer
from llcbench.registry import unknown

# Ratios are to the first of these that ran; laws are compared with that of the control.
BASES = ("devinterp", "control")
CONTROL = "control"
# Seeds of peers are so far apart: equal generators in two of them must not give equal numbers.
APART = 1_000_000
# Two-sided false-alarm rate of the comparison of two laws.
ALARM = 1e-4


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One peer on one case.

    Attributes:
        case: Name of the case.
        peer: Name of the peer.
        version: Version of its package, empty for what ships with this one.
        skipped: Why it did not run, empty if it did.
        dim: Parameters.
        chains: Chains.
        steps: Steps of every chain in a round.
        rounds: Rounds that count.
        rate: Steps of all chains in a second, median over rounds.
        ratio: How much faster than the base, median over rounds of the ratio in a round.
        ratio_low: Smallest of these ratios.
        ratio_high: Largest.
        base: What the ratio is to.
        setup: Seconds until the first run could start: imports, preparations.
        first: Seconds by which the first run took longer than the others: compilation.
        peak_bytes: Peak memory of its process.
        loss: Mean loss on the minibatches after burn-in.
        loss_se: Its standard error, from the spread over chains and rounds.
        law_p: Probability of a difference from the control at least as large, if both sample the
            same law; None for the control itself.
    """

    case: str
    peer: str
    version: str = ""
    skipped: str = ""
    dim: int
    chains: int
    steps: int
    rounds: int = 0
    rate: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    base: str = ""
    setup: float | None = None
    first: float | None = None
    peak_bytes: int | None = None
    loss: float | None = None
    loss_se: float | None = None
    law_p: float | None = None

    @property
    def same_law(self) -> bool:
        """Whether its losses are those of the control, as far as the runs can tell."""
        return self.law_p is None or self.law_p > ALARM


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
        ValueError: If a name is unknown or there are no rounds.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    for peer in peers:
        if peer not in PACKAGES:
            raise unknown("peer", peer, list(PACKAGES))
    reasons = {peer: absent(peer) for peer in peers}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.npz"
        make(case, path)
        runs = _Runs(path, rounds, say)
        for peer in peers:
            if reasons[peer] is None:
                reasons[peer] = runs.start(peer)
        reasons |= runs.take_turns()
    return summarise(case, runs.setups, runs.answers, reasons)


class _Runs:
    """Workers with what they have answered."""

    def __init__(self, path: Path, rounds: int, say: Callable[[str], None]) -> None:
        self.path, self.rounds, self.say = path, rounds, say
        self.workers: dict[str, Worker] = {}
        self.setups: dict[str, float] = {}
        self.answers: dict[str, list[Answer]] = {}

    def start(self, peer: str) -> str | None:
        """Start a peer, alone, and make its first run; return why that failed."""
        worker = Worker(peer, self.path)
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


def summarise(
    case: Case,
    setups: dict[str, float],
    answers: dict[str, list[Answer]],
    reasons: dict[str, str | None],
) -> list[Speed]:
    """Return the rows of a case, one for each peer that was asked.

    Args:
        case: The work.
        setups: Seconds before the first run.
        answers: What each peer answered, the run that does not count first.
        reasons: Why a peer was skipped, None if it was not; in the order of the table.
    """
    done = [peer for peer, reason in reasons.items() if reason is None]
    base = next((peer for peer in (*BASES, *done) if peer in done), "")
    law = {peer: [x for answer in answers[peer] for x in answer.losses] for peer in done}
    rows = []
    for peer, reason in reasons.items():
        package = PACKAGES[peer]
        known = {"case": case.name, "peer": peer, "dim": case.dim, "chains": case.chains}
        if reason is not None:
            rows.append(msgspec.convert(known | {"steps": case.steps, "skipped": reason}, Speed))
            continue
        first, *counted = answers[peer]
        seconds = np.array([answer.seconds for answer in counted])
        ratios = np.array([answer.seconds for answer in answers[base][1:]]) / seconds
        mean, error = _mean(law[peer])
        rows.append(
            Speed(
                case=case.name,
                peer=peer,
                version=version(package) if package else "",
                dim=case.dim,
                chains=case.chains,
                steps=case.steps,
                rounds=len(counted),
                rate=case.chains * case.steps / float(np.median(seconds)),
                ratio=float(np.median(ratios)),
                ratio_low=float(ratios.min()),
                ratio_high=float(ratios.max()),
                base=base,
                setup=setups[peer],
                first=max(0.0, first.seconds - float(np.median(seconds))),
                peak_bytes=counted[-1].peak_bytes,
                loss=mean,
                loss_se=error,
                law_p=_same(law[peer], law[CONTROL]) if peer != CONTROL in law else None,
            )
        )
    return rows


def _mean(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def _same(one: list[float], other: list[float]) -> float:
    """Return the two-sided p-value of Welch's test."""
    (a, error_a), (b, error_b) = _mean(one), _mean(other)
    spread = math.hypot(error_a, error_b)
    if not spread > 0:
        return float(a == b)
    parts = error_a**4 / (len(one) - 1) + error_b**4 / (len(other) - 1)
    return float(2 * stdtr(spread**4 / parts, -abs(a - b) / spread))


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
