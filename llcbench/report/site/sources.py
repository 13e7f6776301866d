"""What a site is made from: stores and committed files of runs, each under a short name."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from llcbench.records import RunRecord
from llcbench.run.exports import is_export, read
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
        unreadable = f" ({len(contents.damaged)} damaged files)" if contents.damaged else ""
        raise ValueError(
            f"no runs in {str(store.root)!r}{unreadable}:"
            f" 'llcbench run smoke --store {store.root}' makes some"
        )
    return Source(
        name=store.root.resolve().name,
        path=store.root,
        records=_sorted(contents.records),
        environments=_environments(sorted((store.root / "environments").glob("*.json"))),
        notices=_notices(contents),
    )


def records_of(sources: Iterable[Source]) -> list[RunRecord]:
    """Return all runs once, whatever number of sources hold them."""
    return list({record.key: record for source in sources for record in source.records}.values())


def _source(path: Path) -> Source:
    if not is_export(path.name):
        return source_of(RunStore(path))
    records = _sorted(read(path))
    if not records:
        raise ValueError(f"no runs in {str(path)!r}: the file is empty")
    used = {record.environment for record in records}
    folders = [above / "environments" for above in list(path.parents)[:ABOVE]]
    paths = [file for each in folders for file in sorted(each.glob("*.json")) if file.stem in used]
    return Source(path.name.partition(".jsonl")[0], path, records, _environments(paths))


def _sorted(records: dict[str, RunRecord]) -> tuple[RunRecord, ...]:
    return tuple(records[key] for key in sorted(records))


def _named(sources: list[Source]) -> list[Source]:
    """Number the sources that share a name."""
    taken: dict[str, int] = {}
    numbered = []
    for source in sources:
        taken[source.name] = taken.get(source.name, 0) + 1
        suffix = f"-{taken[source.name]}" if taken[source.name] > 1 else ""
        numbered.append(replace(source, name=source.name + suffix))
    return numbered


def _notices(contents: Contents[RunRecord]) -> tuple[str, ...]:
    lines = [f"{path.name} is damaged: {reason}" for path, reason in contents.damaged.items()]
    lines += [f"{path.name} was left by a run that was killed" for path in contents.leftovers]
    return tuple(lines)


def _environments(paths: Iterable[Path]) -> tuple[Environment, ...]:
    environments = {}
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            environments[path.stem] = {str(key): str(value) for key, value in content.items()}
        except (OSError, ValueError, AttributeError):
            environments[path.stem] = {"damaged": "this file cannot be read"}
    return tuple(sorted(environments.items()))
