"""Runs of several stores and files as one collection."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, final

import msgspec

from llcbench.records import RunRecord
from llcbench.run.exports import is_export, nothing_in, read, rounded
from llcbench.run.store import RunStore

# A run that ended so was stopped from outside or not tried; one that was not takes its place.
UNDECIDED = ("skipped", "timeout", "crashed", "out_of_memory")
# What differs between two machines that make the same run.
OF_THE_MACHINE = ("seconds_setup", "seconds_sampling", "peak_bytes", "message")


@final
class StoredRuns(NamedTuple):
    """A store, or a committed file of runs.

    Attributes:
        name: As it was given.
        records: Its runs by key.
        damaged: Files in it that are no records, with the reason.
    """

    name: str
    records: dict[str, RunRecord]
    damaged: dict[Path, str]


def read_place(name: str) -> StoredRuns:
    """Read a store, or a committed file of runs.

    Raises:
        ValueError: If it holds no run, or the file is damaged.
    """
    if is_export(name):
        return StoredRuns(name, read(Path(name)), {})
    contents = RunStore(Path(name)).contents()
    if not contents.records:
        note = said_of(contents.damaged)
        raise ValueError(nothing_in(name, "runs", "llcbench run smoke", note))
    return StoredRuns(name, contents.records, contents.damaged)


def said_of(damaged: Mapping[Path, str]) -> str:
    """Return the first of the damaged files and their number in brackets, nothing without any."""
    if not damaged:
        return ""
    path, reason = next(iter(damaged.items()))
    return f" ({len(damaged)} damaged, the first {path.name}: {reason})"


def merged(places: Sequence[StoredRuns]) -> dict[str, RunRecord]:
    """Return the runs of all places, each once.

    A run that was stopped or skipped in one place gives way to one that was not in another.

    Raises:
        ValueError: If two places hold different results of one run; the message names both.
    """
    records: dict[str, RunRecord] = {}
    conflicts = list(conflicting(places))
    if conflicts:
        first = conflicts[0]
        more = f", and {len(conflicts) - 1} more runs" if len(conflicts) > 1 else ""
        raise ValueError(f"{first}{more}: give one of them")
    for _, held_there, _ in places:
        for key, record in held_there.items():
            held = records.get(key)
            if held is None or held.estimate.status in UNDECIDED:
                records[key] = record
    return records


def conflicting(places: Iterable[StoredRuns]) -> Iterable[str]:
    """Yield a line on each run of which two places hold different results."""
    seen: dict[str, tuple[str, RunRecord]] = {}
    for place in places:
        for key, record in place.records.items():
            name, held = seen.setdefault(key, (place.name, record))
            if held.estimate.status in UNDECIDED:
                seen[key] = (place.name, record)
            elif record.estimate.status not in UNDECIDED and _result(held) != _result(record):
                spec = record.spec
                yield (
                    f"run {key} ({spec.problem}, {spec.sampler}, replicate {spec.replicate}) is"
                    f" {_said(held)} in {name!r} and {_said(record)} in {place.name!r}"
                )


def _result(record: RunRecord) -> Any:
    """Return what two copies of a run share, whether or not one of them was rounded."""
    plain = msgspec.to_builtins(record.estimate)
    return rounded({key: value for key, value in plain.items() if key not in OF_THE_MACHINE})


def _said(record: RunRecord) -> str:
    estimate = record.estimate
    return f"{estimate.llc:.6g}" if estimate.llc is not None else estimate.status
