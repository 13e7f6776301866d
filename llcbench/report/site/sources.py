"""What a site is made from: stores and committed files of runs, each under a short name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import final

from llcbench.foreign import reading
from llcbench.records import RunRecord
from llcbench.run.exports import is_export, nothing_in, read
from llcbench.run.merging import StoredRuns, conflicting, said_of
from llcbench.run.store import Contents, RunStore

# Folders above a committed file that may hold the environments: results/reference/v1/x.jsonl.gz.
ABOVE = 3

Environment = tuple[str, dict[str, str]]


@final
@dataclass(frozen=True)
class Source:
    """Runs that were made together.

    Attributes:
        name: Short name, unique on a site: that of the file or folder.
        path: Where they were read from; no page shows it.
        records: Runs in order of their keys.
        environments: Id and content of the environments that they were made in.
        notices: Files that are no complete runs, without the folder that they are in.
    """

    name: str
    path: Path
    records: tuple[RunRecord, ...]
    environments: tuple[Environment, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Return the path as a command may show it: never a folder of this machine."""
        return self.path.name if self.path.is_absolute() else self.path.as_posix()


def read_sources(given: Sequence[str | Path]) -> list[Source]:
    """Read stores and files of runs; the largest comes first.

    Raises:
        ValueError: If one holds no readable run.
    """
    sources = [_source(Path(each)) for each in dict.fromkeys(given)]
    return _named(sorted(sources, key=lambda s: (-len(s.records), s.name)))


def source_of(store: RunStore) -> Source:
    """Return the runs of a store.

    Raises:
        ValueError: If it holds no readable run.
    """
    contents = store.contents()
    if not contents.records:
        note = said_of(contents.damaged)
        raise ValueError(nothing_in(store.root, "runs", "llcbench run smoke", note))
    return Source(
        name=store.root.resolve().name,
        path=store.root,
        records=_sorted(contents.records),
        environments=_environments(sorted((store.root / "environments").glob("*.json"))),
        notices=_notices(contents),
    )


def conflicts(sources: Iterable[Source]) -> list[str]:
    """Return a line on each run of which two sources hold different results; both are shown."""
    held = (StoredRuns(s.name, {r.key: r for r in s.records}, {}) for s in sources)
    return list(conflicting(held))


def records_of(sources: Iterable[Source]) -> list[RunRecord]:
    """Return all runs once, whatever number of sources hold them."""
    return list({record.key: record for source in sources for record in source.records}.values())


def _source(path: Path) -> Source:
    if not is_export(path.name):
        return source_of(RunStore(path))
    records = _sorted(read(path))
    used = {record.environment for record in records}
    folders = [above / "environments" for above in list(path.parents)[:ABOVE]]
    paths = [file for each in folders for file in sorted(each.glob("*.json")) if file.stem in used]
    return Source(path.name.partition(".jsonl")[0], path, records, _environments(paths))


def _sorted(records: dict[str, RunRecord]) -> tuple[RunRecord, ...]:
    return tuple(records[key] for key in sorted(records))


def _named(sources: list[Source]) -> list[Source]:
    """Number the sources that share a name."""
    taken: set[str] = set()
    numbered = []
    for source in sources:
        names = chain([source.name], (f"{source.name}-{number}" for number in count(2)))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        numbered.append(replace(source, name=name))
    return numbered


def _notices(contents: Contents[RunRecord]) -> tuple[str, ...]:
    lines = [f"{path.name} is damaged: {reason}" for path, reason in contents.damaged.items()]
    lines += [f"{path.name} was left by a run that was killed" for path in contents.leftovers]
    return tuple(lines)


def _environments(paths: Iterable[Path]) -> tuple[Environment, ...]:
    environments = {}
    for path in paths:
        try:
            content = reading.json_of(path)
            environments[path.stem] = {str(key): str(value) for key, value in content.items()}
        except (ValueError, AttributeError):
            environments[path.stem] = {"damaged": "this file cannot be read"}
    return tuple(sorted(environments.items()))
