"""A folder of finished trials with their designs, and the one file that is committed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from llcbench.foreign import reading
from llcbench.heuristics.design import Design
from llcbench.heuristics.trial import TrialRecord
from llcbench.run.exports import SUFFIXES, is_export, nothing_in, read_lines, write_lines
from llcbench.run.store import Store


@final
@dataclass(frozen=True)
class TrialResults:
    """Finished trials and what they are for.

    Attributes:
        designs: By name.
        records: By key.
        damaged: Files that are no records, with the reason.
        leftovers: Half-written files of processes that were killed.
    """

    designs: dict[str, Design]
    records: dict[str, TrialRecord]
    damaged: dict[Path, str]
    leftovers: tuple[Path, ...] = ()


@final
@dataclass(frozen=True)
class TrialStore:
    """Trials under ``<root>/trials``, designs under ``<root>/designs``.

    Attributes:
        root: The folder; it is made when something is written.
    """

    root: Path

    @property
    def trials(self) -> Store[TrialRecord]:
        """The trials, by their keys."""
        return Store(self.root / "trials", reading.json_as(TrialRecord), _keys)

    @property
    def designs(self) -> Store[Design]:
        """What trials are for, by name."""
        return Store(self.root / "designs", reading.json_as(Design), _names)

    def save(self, record: TrialRecord) -> None:
        """Write a trial."""
        self.trials.save(record.key, record)

    def contents(self) -> TrialResults:
        """Read everything; what is damaged stays where it is."""
        trials, designs = self.trials.contents(), self.designs.contents()
        return TrialResults(
            designs.records,
            trials.records,
            designs.damaged | trials.damaged,
            designs.leftovers + trials.leftovers,
        )


def _keys(record: TrialRecord) -> tuple[str, str]:
    return record.key, record.trial.key


def _names(design: Design) -> tuple[str]:
    return (design.name,)


def write(results: TrialResults, path: Path) -> None:
    """Write designs and trials as JSON lines, sorted, zipped for ``.gz``; same in, same bytes.

    Raises:
        ValueError: If the name has another ending.
    """
    if not is_export(path.name):
        raise ValueError(f"{str(path)!r} must end in {' or '.join(SUFFIXES)}")
    records = sorted(
        results.records.values(),
        key=lambda r: (r.trial.data, r.trial.network, r.trial.seed, r.key),
    )
    write_lines(path, [*(results.designs[name] for name in sorted(results.designs)), *records])


def read(path: Path) -> TrialResults:
    """Read what `write` wrote.

    Raises:
        ValueError: If the file does not exist, cannot be read or a line is no record.
    """
    lines = read_lines(path, reading.json_as(Design | TrialRecord), _line_keys, "trials").values()
    designs = {line.name: line for line in lines if isinstance(line, Design)}
    records = {line.key: line for line in lines if isinstance(line, TrialRecord)}
    return TrialResults(designs, records, {})


def _line_keys(line: Design | TrialRecord) -> Sequence[str]:
    return (f"suite {line.name}",) if isinstance(line, Design) else _keys(line)


def contents_of(place: str) -> TrialResults:
    """Return the contents of a store or of an exported file.

    Raises:
        ValueError: If there are no trials.
    """
    path = Path(place)
    results = read(path) if is_export(place) else TrialStore(path).contents()
    if not results.records:
        raise ValueError(nothing_in(place, "trials", "llcbench heuristics run gc"))
    return results


def joined(parts: Iterable[TrialResults]) -> TrialResults:
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
    return TrialResults(designs, records, damaged)
