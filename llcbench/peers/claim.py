"""How much smaller the error of the best of our samplers is than that of the best peer.

Who is best is decided again in every bootstrap sample, on both sides, so that the interval counts
what choosing the winner by these very runs adds. Both sides answer the same questions with the same
data and minibatches: problems are those that all contestants tried, replicates those that both sets
of runs hold, and both are drawn together.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from llcbench.compare.bootstrap import DRAWS, LEVEL, Resampling
from llcbench.compare.entries import MEAN_ENERGY, entries_of
from llcbench.compare.metrics import METRICS, NEGLIGIBLE, Metric
from llcbench.compare.pairwise import FEWEST
from llcbench.compare.runs import Array, Runs, arrays
from llcbench.records import RunRecord

# The standard of accuracy on small problems; it needs the full batch and the form of the loss.
STANDARD = "nuts"
ASKED = ("bias", "rmse")


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """The best of two sides in one metric on one set of problems.

    Attributes:
        scope: Which problems and contestants.
        metric: ``bias`` or ``rmse``, relative to the tempered truth, root mean square over
            problems.
        problems: Number of problems.
        replicates: Number of replicates.
        ours: Our best entry.
        peer: The best entry of the others.
        ours_value: Its error.
        peer_value: Its error.
        ratio: Ours to theirs; for the bias with 1 % added in quadrature to both.
        low: Lower end of the 90 % interval.
        high: Upper end.
        share: Share of the bootstrap samples in which the ratio is at most ``factor``.
        factor: What the claim says.
    """

    scope: str
    metric: str
    problems: int
    replicates: int
    ours: str
    peer: str
    ours_value: float
    peer_value: float
    ratio: float
    low: float
    high: float
    share: float
    factor: float

    @property
    def verdict(self) -> str:
        """Whether the runs say that the claim holds; a bootstrap of a few problems says nothing."""
        if self.problems < FEWEST:
            return "not decided: too few problems"
        if self.high <= self.factor:
            return "holds"
        return "does not hold" if self.low > self.factor else "not decided"


def margins(
    ours: Iterable[RunRecord],
    peers: Iterable[RunRecord],
    *,
    factor: float = 0.5,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Margin]:
    """Compare the best of ours with the best of theirs, with and without the standard of accuracy.

    Args:
        ours: Runs of our samplers.
        peers: Runs of other packages' samplers.
        factor: The ratio that is claimed.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If the two have no replicate in common, or nobody tried all problems.
    """
    theirs = [r for r in peers if r.spec.estimator == MEAN_ENERGY]
    slots = {_slot(record) for record in theirs}
    mine = [r for r in ours if _slot(r) in slots and r.spec.estimator == MEAN_ENERGY]
    if not mine:
        raise ValueError("the two sets of runs have no seed and replicate in common")
    here, there = entries_of(mine), entries_of(theirs)
    entries, runs, _ = arrays(here, there)
    held = dict(zip(entries, runs, strict=True))
    if set(here.runs) & set(there.runs):
        raise ValueError("an entry is in both sets of runs: give ours and theirs apart")
    sides = [{e.name: held[e] for e in side.runs if e in held} for side in (here, there)]
    return [
        _margin(contest, METRICS[name], factor, draws, seed)
        for contest in _contests(*sides)
        for name in ASKED
    ]


class _Contest(NamedTuple):
    """Who is compared on which problems; all of them tried every one.

    Attributes:
        scope: The same in words.
        ours: Runs by entry.
        peers: Runs by entry.
    """

    scope: str
    ours: dict[str, Runs]
    peers: dict[str, Runs]


def _contests(ours: dict[str, Runs], peers: dict[str, Runs]) -> list[_Contest]:
    others = {name: runs for name, runs in peers.items() if not _is_standard(name)}
    standard = [runs for name, runs in peers.items() if _is_standard(name)]
    asked = [(f"all problems, without {STANDARD}", list(others.values()), others)]
    packages = sorted({_package(name) for name in others})
    for package in packages if len(packages) > 1 else ():
        own = {name: runs for name, runs in others.items() if _package(name) == package}
        asked.append((f"all problems, {package} alone", list(own.values()), own))
    if standard:
        asked.append((f"problems of {STANDARD}, without it", standard, others))
        asked.append((f"problems of {STANDARD}, with it", standard, peers))
    contests = []
    for scope, askers, rivals in asked:
        cases = np.any([_tried(runs) for runs in askers], axis=0)
        contest = _Contest(scope, _complete(ours, cases), _complete(rivals, cases))
        if not contest.ours or not contest.peers:
            raise ValueError(f"{scope}: nobody on one of the sides tried all {cases.sum()} of them")
        contests.append(contest)
    return contests


def _tried(runs: Runs) -> NDArray[np.bool_]:
    return np.asarray((runs.tried == 1).any(1))


def _complete(side: dict[str, Runs], cases: NDArray[np.bool_]) -> dict[str, Runs]:
    """Return the runs on these problems of those who tried all of them."""
    return {
        name: Runs(*(array[cases] for array in runs))
        for name, runs in side.items()
        if _tried(runs)[cases].all()
    }


def _margin(contest: _Contest, metric: Metric, factor: float, draws: int, seed: int) -> Margin:
    both = {**contest.ours, **contest.peers}
    held = np.any([runs.tried == 1 for runs in both.values()], axis=0)
    resampling = Resampling(held, draws, seed)
    ours, peer = (_best(side, metric, resampling) for side in (contest.ours, contest.peers))
    floor = NEGLIGIBLE if metric.name == "bias" else 0.0
    ratios = np.hypot(ours.drawn, floor) / np.hypot(peer.drawn, floor)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Margin(
        scope=contest.scope,
        metric=metric.name,
        problems=held.shape[0],
        replicates=held.shape[1],
        ours=ours.name,
        peer=peer.name,
        ours_value=ours.value,
        peer_value=peer.value,
        ratio=float(np.hypot(ours.value, floor) / np.hypot(peer.value, floor)),
        low=float(low),
        high=float(high),
        share=float((ratios <= factor).mean()),
        factor=factor,
    )


class _Best(NamedTuple):
    """The smallest error of a side: who has it, and what it is in every bootstrap sample."""

    name: str
    value: float
    drawn: Array


def _best(side: dict[str, Runs], metric: Metric, resampling: Resampling) -> _Best:
    values, drawn = {}, []
    for name, runs in side.items():
        values[name] = float(metric.shown(metric.statistic(runs)))
        (sample,) = resampling.distributions([metric.statistic], runs)
        # What is subtracted for the noise has another mean among resampled runs.
        if metric.centre is not None:
            sample = sample + metric.statistic(runs) - metric.centre(runs)
        drawn.append(metric.shown(sample))
    name = min(values, key=lambda name: values[name])
    return _Best(name, values[name], np.min(drawn, axis=0))


def _slot(record: RunRecord) -> tuple[int, int]:
    return record.spec.seed, record.spec.replicate


def _is_standard(name: str) -> bool:
    return name.partition("@")[0] == STANDARD


def _package(name: str) -> str:
    """Return the package of a peer, which its name begins with."""
    return name.partition("@")[0].partition("_")[0]
