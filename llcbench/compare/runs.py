"""Runs of one entry as arrays: questions along one axis, replicates along the other."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llcbench.compare.entries import Case, Entries, LeaderboardEntry, case_of
from llcbench.intervals import run_quantile
from llcbench.records import RunRecord
from llcbench.settings import Settings

Array = NDArray[np.float64]

# A run without an estimate counts as one that is wrong by this much, relative to the truth, and no
# estimate counts as worse: beyond 100 % all are equally useless, and failing never pays.
CAP = 1.0


class Runs(NamedTuple):
    """Values of the runs of an entry, each an array ``(..., cases, replicates)``, NaN for none.

    Attributes:
        tried: 1 for a run that ended with an estimate or failed.
        failed: 1 for a run without an estimate, 0 for one with it.
        flagged: 1 for an estimate that a guard warns of.
        error: ``(estimate - tempered) / tempered``, within the cap; NaN for failed runs.
        error_local: The same against the exact local coefficient.
        noise: Claimed Monte Carlo variance of ``error``.
        truth: Variance of the tempered value that all replicates share, relative to its square.
        covered: 1 if the 90 % interval held the tempered value; 0 for failed runs.
        estimate: The estimate.
        local: The exact local coefficient.
        tempered: The tempered value.
        ess_rate: Effective draws per gradient; 0 for failed runs.
        grads: Gradients, summed over chains.
        burnin: Share of them in the burn-in.
        seconds: Time of the run.
        peak_bytes: Its peak memory.
        tuning: Gradients of the choice of hyper-parameters.
    """

    tried: Array
    failed: Array
    flagged: Array
    error: Array
    error_local: Array
    noise: Array
    truth: Array
    covered: Array
    estimate: Array
    local: Array
    tempered: Array
    ess_rate: Array
    grads: Array
    burnin: Array
    seconds: Array
    peak_bytes: Array
    tuning: Array

    def taken(self, cases: NDArray[np.intp], draws: NDArray[np.intp]) -> "Runs":
        """Return the runs at places ``cases (..., S)`` and ``draws (..., S, R)``."""
        flat = cases[..., None] * self.tried.shape[-1] + draws
        return Runs(*(array.ravel().take(flat) for array in self))


def cases_of(records: Iterable[RunRecord]) -> list[Case]:
    """Return the questions with a tempered truth that at least one run tried to answer."""
    tried: set[Case] = set()
    known: set[Case] = set()
    for record in records:
        case = case_of(record.spec)
        if record.estimate.status != "skipped":
            tried.add(case)
        if _tempered(record) is not None:
            known.add(case)
    return sorted(tried & known)


def slots_of(records: Iterable[RunRecord]) -> list[tuple[int, int]]:
    """Return seeds and replicates: equal ones of two entries had the same data set."""
    return sorted({(record.spec.seed, record.spec.replicate) for record in records})


def runs_of(
    records: Sequence[RunRecord], cases: Sequence[Case], slots: Sequence[tuple[int, int]]
) -> Runs:
    """Return the values of an entry's runs; what it did not try is NaN."""
    shape = (len(cases), len(slots))
    runs = Runs(*(np.full(shape, np.nan) for _ in Runs._fields))
    row = {case: place for place, case in enumerate(cases)}
    column = {slot: place for place, slot in enumerate(slots)}
    shared = _shared(records)
    for record in records:
        case = case_of(record.spec)
        if case not in row or record.estimate.status == "skipped":
            continue
        at = row[case], column[record.spec.seed, record.spec.replicate]
        for name, value in _values(record, case in shared).items():
            if value is not None:
                getattr(runs, name)[at] = value
    return runs


def arrays(*sides: Entries) -> tuple[list[LeaderboardEntry], list[Runs], list[Case]]:
    """Return the entries that tried anything, their runs as arrays, and the questions.

    Raises:
        ValueError: If no run has a tempered truth.
    """
    groups = {entry: own for side in sides for entry, own in side.runs.items()}
    records = [record for own in groups.values() for record in own]
    cases, slots = cases_of(records), slots_of(records)
    if not cases:
        raise ValueError(
            "no run has a tempered truth, so there is nothing to compare with:"
            " choose problems that have one ('llcbench show ID' prints it)"
        )
    arrayed = {entry: runs_of(own, cases, slots) for entry, own in sorted(groups.items())}
    kept = [entry for entry, runs in arrayed.items() if (runs.tried == 1).any()]
    return kept, [arrayed[entry] for entry in kept], cases


def _values(record: RunRecord, shared: bool) -> dict[str, float | None]:
    estimate, spec = record.estimate, record.spec
    done = estimate.status == "ok" and estimate.llc is not None
    values: dict[str, float | None] = {
        "tried": 1.0,
        "failed": float(not done),
        "flagged": float(done and not estimate.converged),
        "local": _local(record),
        "grads": float(estimate.grad_evals) or None,
        "burnin": _burnin(spec.settings),
        "seconds": estimate.seconds_setup + estimate.seconds_sampling,
        "peak_bytes": float(estimate.peak_bytes),
        "tuning": float(spec.tuning_grads),
    }
    if not done:
        return values | {"covered": 0.0, "ess_rate": 0.0}
    llc, mcse = estimate.llc or 0.0, estimate.mcse or 0.0
    values["estimate"] = llc
    if estimate.ess_bulk and estimate.grad_evals:
        values["ess_rate"] = estimate.ess_bulk / estimate.grad_evals
    local, tempered = values["local"], _tempered(record)
    if local:
        values["error_local"] = _capped((llc - local) / local)
    if tempered is not None:
        value, stderr = tempered
        chains = spec.settings.num_chains
        quantile = run_quantile(chains, estimate.interval, estimate.stderr)
        reach = quantile * math.hypot(mcse, stderr)
        values |= {
            "tempered": value,
            "error": _capped((llc - value) / value),
            "noise": (mcse / value) ** 2,
            "truth": (stderr / value) ** 2 if shared else 0.0,
            "covered": float(abs(llc - value) <= reach),
        }
    return values


def _burnin(settings: Settings) -> float:
    return settings.num_burnin / (settings.num_burnin + settings.num_draws)


def _shared(records: Iterable[RunRecord]) -> set[Case]:
    """Return the questions whose replicates share one tempered value: those in population."""
    values: dict[Case, set[float]] = {}
    for record in records:
        tempered = _tempered(record)
        if tempered is not None:
            values.setdefault(case_of(record.spec), set()).add(tempered[0])
    return {case for case, found in values.items() if len(found) == 1}


def _tempered(record: RunRecord) -> tuple[float, float] | None:
    """Return the tempered value with its error; an error relative to nothing has no meaning."""
    truth = record.truths.tempered if record.truths else None
    return (truth.value, truth.stderr) if truth is not None and truth.value > 0 else None


def _local(record: RunRecord) -> float | None:
    """Return the exact local coefficient, None if only bounds are known."""
    value = record.truths.local.value if record.truths else None
    if value is None or value.startswith("["):
        return None
    return float(Fraction(value))


def _capped(error: float) -> float:
    return min(CAP, max(-CAP, error))
