"""Committed results: one sorted line per run, so that a change can be read as a diff."""

import gzip
from pathlib import Path

import msgspec

from llcbench.records import RunRecord
from llcbench.run.store import FORMER

# Six digits decide nothing that the errors do not swamp, and keep diffs readable.
DIGITS = 6


def write(records: dict[str, RunRecord], path: Path) -> None:
    """Write records as JSON lines, sorted by problem, sampler and replicate, zipped for ``.gz``.

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
        lines.append(msgspec.json.encode(plain, order="sorted"))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"\n".join(lines) + b"\n"
    # A fixed time stamp: the same runs are the same bytes.
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def is_file_of_runs(name: str) -> bool:
    """Tell whether a name is that of a file of runs, not of a store."""
    return name.endswith((".jsonl", ".jsonl.gz"))


def read(path: Path) -> dict[str, RunRecord]:
    """Read records from JSON lines.

    Raises:
        ValueError: If the file does not exist or a line is no record.
    """
    if not path.is_file():
        raise ValueError(f"no runs in {str(path)!r}: there is no such file")
    decoder = msgspec.json.Decoder(RunRecord)
    records = {}
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            record = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}:{number} is no record: {error}") from error
        records[record.key] = record
    return records


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
