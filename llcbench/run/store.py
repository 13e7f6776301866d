"""Folders of finished records: one file each, written whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, final

import msgspec

from llcbench import files
from llcbench.checks import printable
from llcbench.foreign import reading
from llcbench.foreign.names import safe_name
from llcbench.provenance import environment_id
from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.tuning.pilots import Tuning
from llcbench.settings import Settings

RecordT = TypeVar("RecordT")

# Settings that runs had before they could be chosen.
LATER = ("matmul", "device")
# A setting that allowed one value and is gone; the keys of all runs were made with it.
FORMER = {"feed": "independent"}


_DEFAULTS: dict[str, Any] = msgspec.to_builtins(Settings())


def key_of(spec: Spec) -> str:
    """Return the first 16 hex digits of the hash of the canonical spec.

    The order of options cannot change it: keys are sorted. Nor can settings that came later, as
    long as a run leaves them at their defaults.
    """
    return files.content_key(msgspec.to_builtins(spec) | {"settings": canonical(spec.settings)})


def canonical(settings: Settings) -> dict[str, Any]:
    """Return the settings that count for a key."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    unset = [name for name in LATER if plain[name] == _DEFAULTS[name]]
    return {name: value for name, value in plain.items() if name not in unset} | FORMER


@final
@dataclass(frozen=True)
class Contents(Generic[RecordT]):
    """What a store holds.

    Attributes:
        records: Readable records by key.
        damaged: Files that are no records, with the reason.
        leftovers: Half-written files of processes that were killed.
    """

    records: dict[str, RecordT]
    damaged: dict[Path, str]
    leftovers: tuple[Path, ...]


def _json(record: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record))


@final
@dataclass(frozen=True)
class Store(Generic[RecordT]):
    """Records of one type in a folder, each in a file that is named by its key.

    Every file is written under a temporary name, flushed to disk and renamed, so that a reader sees
    a whole record or none.

    Attributes:
        folder: The folder; it is made when something is written.
        decode: From the content of a file to a record; raises a ValueError for anything else.
        keys: All that a record says of its own key; a file with another name is damaged. None for
            records that know nothing of it.
        encode: From a record to the content of a file.
    """

    folder: Path
    decode: Callable[[bytes], RecordT]
    keys: Callable[[RecordT], Sequence[str]] | None = None
    encode: Callable[[RecordT], bytes] = _json

    def save(self, key: str, record: RecordT) -> None:
        """Write a record."""
        files.write(self._path(key), self.encode(record))

    def load(self, key: str) -> RecordT | None:
        """Return a record, None if there is none or its file is damaged."""
        try:
            return self.decode(reading.content(self._path(key)))
        except ValueError:
            return None

    def contents(self) -> Contents[RecordT]:
        """Read all records, telling damaged and half-written files apart from whole ones."""
        records: dict[str, RecordT] = {}
        damaged: dict[Path, str] = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                record = self.decode(reading.content(path))
            except ValueError as error:
                if not path.is_symlink() and not path.exists():
                    continue  # another process has moved it meanwhile
                damaged[path] = printable(str(error)).removeprefix(f"{path} ")
                continue
            keys = [path.stem] if self.keys is None else self.keys(record)
            if set(map(safe_name, keys)) == {path.stem}:
                records[keys[0]] = record
            else:
                damaged[path] = f"the record's key does not match its contents ({keys[0]})"
        return Contents(records, damaged, tuple(files.leftovers(self.folder)))

    def _path(self, key: str) -> Path:
        return self.folder / f"{safe_name(key)}.json"


def set_aside(root: Path, damaged: Mapping[Path, str], leftovers: Sequence[Path]) -> list[str]:
    """Move damaged and half-written files out of the way; return a line on each.

    They stay readable under ``<root>/damaged``, beside earlier ones of the same name. A file that
    another process has moved meanwhile is none.
    """
    lines = []
    killed = dict.fromkeys(leftovers, "a process was killed while it wrote")
    for path, reason in {**damaged, **killed}.items():
        target = files.move_aside(path, root / "damaged")
        if target is not None:
            lines.append(f"set aside {path.name} ({reason}); it is kept as damaged/{target.name}")
    return lines


def environments(root: Path) -> Store[dict[str, str]]:
    """Return the environments of a store, by the ids that records name."""
    return Store(root / "environments", reading.json_as(dict[str, str]))


def keep_environment(root: Path, environment: dict[str, str]) -> None:
    """Write an environment once."""
    store, key = environments(root), environment_id(environment)
    if store.load(key) is None:
        store.save(key, environment)


@final
@dataclass(frozen=True)
class RunStore:
    """Runs under ``<root>/runs``, truths and tunings that they share in folders beside them.

    Attributes:
        root: The folder; it is made when something is written.
    """

    root: Path

    @property
    def runs(self) -> Store[RunRecord]:
        """The runs, by `key_of`."""
        return Store(self.root / "runs", reading.json_as(RunRecord), keys_of)

    @property
    def truths(self) -> Store[Truths]:
        """The truths that runs share, by `llcbench.run.execute.truth_key`."""
        return Store(self.root / "truths", reading.json_as(Truths))

    @property
    def tunings(self) -> Store[Tuning]:
        """Hyper-parameters that runs share, with the pilots that led to them."""
        return Store(self.root / "tunings", reading.json_as(Tuning))

    def save(self, record: RunRecord) -> None:
        """Write a run."""
        self.runs.save(record.key, record)

    def contents(self) -> Contents[RunRecord]:
        """Read all runs, and the half-written files of all folders."""
        runs = self.runs.contents()
        folders = (self.runs.folder, self.truths.folder, self.tunings.folder)
        left = [path for each in folders for path in files.leftovers(each)]
        return Contents(runs.records, runs.damaged, tuple(left))

    def checkpoint(self, key: str) -> Path:
        """Return the file in which an unfinished run keeps its place."""
        return self.root / "checkpoints" / f"{safe_name(key)}.pt"

    def forget(self, key: str) -> None:
        """Delete the checkpoint of a run that has ended, and what killed processes left of it."""
        left = files.leftovers(self.root / "checkpoints")
        for path in (self.checkpoint(key), *left):
            path.unlink(missing_ok=True)


def keys_of(record: RunRecord) -> tuple[str, str]:
    """Return the key that a record has, and that of its spec: the same in a whole record."""
    return record.key, key_of(record.spec)
