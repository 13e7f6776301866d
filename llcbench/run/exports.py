"""Committed results: one sorted line per record, so that a change can be read as a diff."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from llcbench import files
from llcbench.checks import shown
from llcbench.foreign import reading
from llcbench.records import RunRecord
from llcbench.run.store import FORMER, keys_of

RecordT = TypeVar("RecordT")

SUFFIXES = (".jsonl", ".jsonl.gz")
# Six digits decide nothing that the errors do not swamp, and keep diffs readable.
DIGITS = 6
# Fields that came after results were committed: left out where a run has none.
LATER = ("virial", "discretisation", "dllc_dlog_gamma", "dllc_dlog_nbeta", "method")


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """Write values as JSON lines with sorted keys, zipped for ``.gz``; same in, same bytes."""
    files.write(path, b"".join(msgspec.json.encode(v, order="sorted") + b"\n" for v in values))


def read_lines(
    path: Path,
    decode: Callable[[bytes], RecordT],
    keys: Callable[[RecordT], Sequence[str]],
    what: str,
) -> dict[str, RecordT]:
    """Read what `write_lines` wrote, checked as a folder of records is.

    Args:
        path: The file.
        decode: From a line to a record; raises a ValueError for anything else.
        keys: All that a record says of its own key, as in `llcbench.run.store.Store`.
        what: The records in the plural, for messages.

    Returns:
        The records by key, in the order of the file.

    Raises:
        ValueError: If the file does not exist, cannot be read or is empty, if a line is no record,
            if its key does not match its contents, or if a key is there twice.
    """
    if not path.exists():
        raise ValueError(f"no {what} in {str(path)!r}: there is no such file")
    records: dict[str, RecordT] = {}
    places: dict[str, int] = {}
    for number, line in enumerate(reading.lines(path), start=1):
        try:
            record = decode(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number} is no record: {error}") from error
        key, *others = keys(record)
        if any(other != key for other in others):
            raise ValueError(
                f"{path}:{number}: the key of the record, {shown(key)},"
                f" does not match its contents ({others[0]})"
            )
        if key in records:
            same = "the same record" if records[key] == record else "with different values"
            raise ValueError(f"{path}:{number}: {key} is in line {places[key]} too, {same}")
        records[key], places[key] = record, number
    if not records:
        raise ValueError(f"no {what} in {str(path)!r}: the file is empty")
    return records


def is_export(name: str) -> bool:
    """Return whether a name is that of an exported file, not of a store."""
    return name.endswith(SUFFIXES)


def nothing_in(place: str | Path, what: str, command: str, note: str = "") -> str:
    """Return the line on a place that holds none of what a command makes, and the way out.

    Args:
        place: A store, or what was given for one.
        what: Runs or trials.
        command: What makes some, without its store.
        note: What else is there.
    """
    if Path(place).exists() and not Path(place).is_dir():
        return (
            f"{str(place)!r} is a file, not a store of {what}: give the folder of a store, or a"
            f" file of {what} that ends in {' or '.join(SUFFIXES)}"
        )
    return f"no {what} in {str(place)!r}{note}; '{command} --store {place}' makes some"


def write(records: dict[str, RunRecord], path: Path) -> None:
    """Write runs as JSON lines, sorted by problem, sampler and replicate.

    Floats are rounded to six significant digits, except in the specs, whose hash is the key.
    """
    ordered = sorted(
        records.values(),
        key=lambda r: (r.spec.problem, r.spec.label, r.spec.replicate, r.key),
    )
    lines = []
    for record in ordered:
        plain = msgspec.to_builtins(record)
        # As the key was made, so that committed lines stay as they are.
        plain["spec"]["settings"] |= FORMER
        for name in LATER:
            if not plain["estimate"][name]:
                del plain["estimate"][name]
        for part in ("truths", "estimate"):
            plain[part] = rounded(plain[part])
        lines.append(plain)
    write_lines(path, lines)


def read(path: Path) -> dict[str, RunRecord]:
    """Read runs from JSON lines, by key.

    Raises:
        ValueError: As `read_lines`.
    """
    return read_lines(path, reading.json_as(RunRecord), keys_of, "runs")


def rounded(value: object) -> object:
    """Return plain data with six significant digits, as it is committed."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
