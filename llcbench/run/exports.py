"""Committed results: one sorted line per record, so that a change can be read as a diff."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from llcbench import files
from llcbench.records import RunRecord
from llcbench.run.store import FORMER

RecordT = TypeVar("RecordT")

SUFFIXES = (".jsonl", ".jsonl.gz")
# Six digits decide nothing that the errors do not swamp, and keep diffs readable.
DIGITS = 6


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """Write values as JSON lines with sorted keys, zipped for ``.gz``; same in, same bytes."""
    files.write(path, b"".join(msgspec.json.encode(v, order="sorted") + b"\n" for v in values))


def read_lines(path: Path, decode: Callable[[bytes], RecordT], what: str) -> list[RecordT]:
    """Read what `write_lines` wrote.

    Args:
        path: The file.
        decode: From a line to a record; raises a ValueError for anything else.
        what: The records in the plural, for messages.

    Raises:
        ValueError: If the file does not exist, cannot be read or a line is no record.
    """
    if not path.is_file():
        raise ValueError(f"no {what} in {str(path)!r}: there is no such file")
    records = []
    for number, line in enumerate(files.read(path).splitlines(), start=1):
        try:
            records.append(decode(line))
        except ValueError as error:
            raise ValueError(f"{path}:{number} is no record: {error}") from error
    return records


def is_export(name: str) -> bool:
    """Return whether a name is that of an exported file, not of a store."""
    return name.endswith(SUFFIXES)


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
        for part in ("truths", "estimate"):
            plain[part] = _rounded(plain[part])
        lines.append(plain)
    write_lines(path, lines)


def read(path: Path) -> dict[str, RunRecord]:
    """Read runs from JSON lines.

    Raises:
        ValueError: If the file does not exist, cannot be read or a line is no record.
    """
    records = read_lines(path, msgspec.json.Decoder(RunRecord).decode, "runs")
    return {record.key: record for record in records}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
