"""Committed results: one sorted line per run, so that a change can be read as a diff."""

from pathlib import Path

import msgspec

from llcbench.records import RunRecord

# Six digits decide nothing that the errors do not swamp, and keep diffs readable.
DIGITS = 6


def write(records: dict[str, RunRecord], path: Path) -> None:
    """Write records as JSON lines, sorted by problem, sampler and replicate.

    Floats are rounded to six significant digits, except in the specs, whose hash is the key.
    """
    ordered = sorted(
        records.values(),
        key=lambda r: (r.spec.problem, r.spec.label, r.spec.replicate, r.key),
    )
    lines = []
    for record in ordered:
        plain = msgspec.to_builtins(record)
        for part in ("truths", "estimate"):
            plain[part] = _rounded(plain[part])
        lines.append(msgspec.json.encode(plain, order="sorted"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")


def read(path: Path) -> dict[str, RunRecord]:
    """Read records from JSON lines.

    Raises:
        ValueError: If the file does not exist or a line is no record.
    """
    if not path.is_file():
        raise ValueError(f"no runs in {str(path)!r}: there is no such file")
    decoder = msgspec.json.Decoder(RunRecord)
    records = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
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
