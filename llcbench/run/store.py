"""A folder of finished runs: one file each, written whole or not at all."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import msgspec

from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.tuning.pilots import Tuning
from llcbench.settings import Settings

# Settings that runs had before they could be chosen.
LATER = ("matmul", "device")
# A setting that allowed one value and is gone; the keys of all runs were made with it.
FORMER = {"feed": "independent"}

_RECORD = msgspec.json.Decoder(RunRecord)
_TRUTHS = msgspec.json.Decoder(Truths)


def key_of(spec: Spec) -> str:
    """Return the first 16 hex digits of the hash of the canonical spec.

    The order of options cannot change it: keys are sorted. Nor can settings that came later, as
    long as a run leaves them at their defaults.
    """
    plain = msgspec.to_builtins(spec) | {"settings": canonical(spec.settings)}
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def canonical(settings: Settings) -> dict[str, Any]:
    """Return the settings that count for a key."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    unset = [name for name in LATER if plain[name] == getattr(Settings(), name)]
    return {name: value for name, value in plain.items() if name not in unset} | FORMER


@final
@dataclass(frozen=True)
class Contents:
    """What a store holds.

    Attributes:
        records: Readable runs by key.
        damaged: Files that are no records, with the reason.
        leftovers: Half-written files of runs that were killed.
    """

    records: dict[str, RunRecord]
    damaged: dict[Path, str]
    leftovers: tuple[Path, ...]


@final
@dataclass(frozen=True)
class Store:
    """Runs under ``<root>/runs``, truths under ``<root>/truths``, environments beside them.

    A file is written under a temporary name, flushed to disk and renamed, so that a reader sees a
    whole record or none. Damaged files are set aside and reported, never deleted.

    Attributes:
        root: The folder; it is made when something is written.
    """

    root: Path

    def save(self, record: RunRecord) -> None:
        """Write a run."""
        self._write(self._run(record.key), msgspec.json.format(msgspec.json.encode(record)))

    def save_truths(self, key: str, truths: Truths) -> None:
        """Write the truths that runs share."""
        self._write(self._truth(key), msgspec.json.format(msgspec.json.encode(truths)))

    def save_environment(self, key: str, environment: dict[str, str]) -> None:
        """Write an environment once."""
        path = self.root / "environments" / f"{key}.json"
        if not path.exists():
            self._write(path, msgspec.json.format(msgspec.json.encode(environment)))

    def save_tuning(self, key: str, tuning: Tuning) -> None:
        """Write the hyper-parameters that runs share, with the pilots that led to them."""
        path = self.root / "tunings" / f"{key}.json"
        self._write(path, msgspec.json.format(msgspec.json.encode(tuning)))

    def truths(self, key: str) -> Truths | None:
        """Return the stored truths, None if there are none or they are damaged."""
        try:
            return _TRUTHS.decode(self._truth(key).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None

    def contents(self) -> Contents:
        """Read all runs, telling damaged and half-written files apart from whole ones."""
        records: dict[str, RunRecord] = {}
        damaged: dict[Path, str] = {}
        for path in sorted((self.root / "runs").glob("*.json")):
            try:
                record = _RECORD.decode(path.read_bytes())
            except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
                damaged[path] = str(error).splitlines()[0]
                continue
            if key_of(record.spec) != record.key or record.key != path.stem:
                damaged[path] = f"the record's key does not match its contents ({record.key})"
                continue
            records[record.key] = record
        leftovers = tuple(sorted(self.root.glob("*/*.tmp")))
        return Contents(records, damaged, leftovers)

    def set_aside(self, contents: Contents) -> list[str]:
        """Move damaged and half-written files out of the way; return a line on each.

        They stay readable under ``<root>/damaged``.
        """
        lines = []
        killed = dict.fromkeys(contents.leftovers, "a run was killed while it wrote")
        reasons = contents.damaged | killed
        for path, reason in reasons.items():
            target = self.root / "damaged" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            lines.append(f"set aside {path.name} ({reason}); it is kept as damaged/{path.name}")
        return lines

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)

    def _run(self, key: str) -> Path:
        return self.root / "runs" / f"{key}.json"

    def _truth(self, key: str) -> Path:
        return self.root / "truths" / f"{key}.json"
