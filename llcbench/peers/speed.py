"""What the rounds say: rates, ratios round by round, and whether all sample one distribution."""

import math
from importlib.metadata import version

import msgspec
import numpy as np
from scipy.special import stdtr

from llcbench.peers.network_cases import NetworkWorkload
from llcbench.peers.work import Workload
from llcbench.peers.worker_process import Answer
from llcbench.peers.workers import PACKAGES

# Ratios are to the first of these that ran; distributions are compared with that of the control.
BASES = ("devinterp", "control")
CONTROL = "control"
# Two-sided false-alarm rate of the comparison of two distributions.
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
            same distribution; None for the control itself.
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
    def same_distribution(self) -> bool:
        """Whether its losses are those of the control, as far as the runs can tell."""
        return self.law_p is None or self.law_p > ALARM


def summarise(
    case: Workload | NetworkWorkload,
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
    losses = {peer: [x for answer in answers[peer] for x in answer.losses] for peer in done}
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
        mean, error = _mean(losses[peer])
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
                law_p=_same(losses[peer], losses[CONTROL]) if peer != CONTROL in losses else None,
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
