"""A folder of finished trials, one file each, and the one file that is committed."""

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec

from llcbench.heuristics.design import Design
from llcbench.heuristics.trial import TrialRecord

_ANY = msgspec.json.Decoder(Design | TrialRecord)
SUFFIXES = (".jsonl", ".jsonl.gz")


@final
@dataclass(frozen=True)
class Contents:
    """Finished trials and what they are for.

    Attributes:
        designs: By name.
        records: By key.
        damaged: Files that are no records, with the reason.
    """

    designs: dict[str, Design]
    records: dict[str, TrialRecord]
    damaged: dict[Path, str]


@final
@dataclass(frozen=True)
class TrialStore:
    """Trials under ``<root>/trials``, designs under ``<root>/designs``.

    A file is written under a temporary name, flushed and renamed: a reader sees all of it or none.

    Attributes:
        root: The folder; it is made when something is written.
    """

    root: Path

    def save(self, record: TrialRecord) -> None:
        """Write a trial."""
        self._write("trials", record.key, record)

    def save_design(self, design: Design) -> None:
        """Write what trials are for."""
        self._write("designs", design.name, design)

    def contents(self) -> Contents:
        """Read everything; what is damaged stays where it is."""
        designs, records, damaged = {}, {}, {}
        for path in sorted(self.root.glob("*/*.json")):
            if path.parent.name not in ("trials", "designs"):
                continue
            try:
                found = _ANY.decode(path.read_bytes())
            except (OSError, msgspec.DecodeError, ValueError) as error:
                damaged[path] = str(error).splitlines()[0]
                continue
            if isinstance(found, Design):
                designs[found.name] = found
            elif found.key == found.trial.key == path.stem:
                records[found.key] = found
            else:
                damaged[path] = f"the key does not match the contents ({found.key})"
        return Contents(designs, records, damaged)

    def _write(self, folder: str, name: str, value: Design | TrialRecord) -> None:
        path = self.root / folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as handle:
            handle.write(msgspec.json.format(msgspec.json.encode(value)))
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)


def write(contents: Contents, path: Path) -> None:
    """Write designs and trials as JSON lines, sorted, zipped for ``.gz``; same in, same bytes.

    Raises:
        ValueError: If the name has another ending.
    """
    if not path.name.endswith(SUFFIXES):
        raise ValueError(f"{str(path)!r} must end in .jsonl or .jsonl.gz")
    records = sorted(
        contents.records.values(),
        key=lambda r: (r.trial.data, r.trial.network, r.trial.seed, r.key),
    )
    everything = [*(contents.designs[name] for name in sorted(contents.designs)), *records]
    lines = [msgspec.json.encode(item, order="sorted") for item in everything]
    content = b"".join(line + b"\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def read(path: Path) -> Contents:
    """Read what `write` wrote.

    Raises:
        ValueError: If the file does not exist, cannot be read or a line is no record.
    """
    if not path.is_file():
        raise ValueError(f"no trials in {str(path)!r}: there is no such file")
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    designs, records = {}, {}
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            found = _ANY.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"{path}:{number} is no record: {error}") from error
        if isinstance(found, Design):
            designs[found.name] = found
        else:
            records[found.key] = found
    return Contents(designs, records, {})


def contents_of(place: str) -> Contents:
    """Return the contents of a store or of an exported file.

    Raises:
        ValueError: If there are no trials.
    """
    path = Path(place)
    contents = read(path) if place.endswith(SUFFIXES) else TrialStore(path).contents()
    if not contents.records:
        raise ValueError(
            f"no trials in {place!r}; 'llcbench heuristics run gc --store {place}' makes some"
        )
    return contents


def joined(parts: Iterable[Contents]) -> Contents:
    """Return the contents of several places as one; a trial that is in two of them counts once.

    Raises:
        ValueError: If a suite is in two places with different settings.
    """
    designs: dict[str, Design] = {}
    records: dict[str, TrialRecord] = {}
    damaged: dict[Path, str] = {}
    for part in parts:
        for name, design in part.designs.items():
            if designs.setdefault(name, design) != design:
                raise ValueError(f"suite {name!r} is there twice with different settings: give one")
        records |= part.records
        damaged |= part.damaged
    return Contents(designs, records, damaged)
