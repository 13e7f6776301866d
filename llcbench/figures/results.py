"""What figures are drawn from: committed runs, trials and measured rows, read once."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from llcbench.heuristics.store import Contents
    from llcbench.records import RunRecord

Value = float | int | str | bool | None


@final
@dataclass(frozen=True)
class Results:
    """Results under one folder; everything is read at most once and must not be changed.

    Attributes:
        root: The folder ``results``.
        scale: Which measured rows are meant.
    """

    root: Path
    scale: str = "cpu"
    _runs: dict[str, "list[RunRecord]"] = field(default_factory=dict, repr=False, compare=False)
    _trials: dict[str, "Contents"] = field(default_factory=dict, repr=False, compare=False)

    def runs(self, suite: str) -> "list[RunRecord]":
        """Return the runs of a suite in order of their keys.

        Raises:
            ValueError: If they are not there.
        """
        from llcbench.run.reference import read

        if suite not in self._runs:
            found = read(self.file(suite))
            self._runs[suite] = [found[key] for key in sorted(found)]
        return self._runs[suite]

    def trials(self, suite: str) -> "Contents":
        """Return designs and trials of a suite of training heuristics, such as ``gc``.

        Raises:
            ValueError: If they are not there.
        """
        from llcbench.heuristics.store import read

        if suite not in self._trials:
            self._trials[suite] = read(self.file(f"heuristics-{suite}"))
        return self._trials[suite]

    def rows(self, figure: str) -> list[dict[str, Value]]:
        """Return what was measured for a figure; numbers are numbers, empty cells None.

        Raises:
            ValueError: If it was not measured.
        """
        path = self.measured(figure)
        if not path.exists():
            raise ValueError(
                f"{path.name} is missing: 'llcbench figures {figure} --from-scratch' makes it"
            )
        with path.open(encoding="utf-8", newline="") as handle:
            return [{k: parse(v) for k, v in row.items()} for row in csv.DictReader(handle)]

    def measured(self, figure: str) -> Path:
        """Return where the measured rows of a figure belong."""
        suffix = "" if self.scale == "cpu" else f"-{self.scale}"
        return self.root / "figures" / "v1" / "data" / f"{figure}{suffix}.csv"

    def table(self, name: str) -> list[dict[str, Value]]:
        """Return a committed CSV beside the runs, such as ``peers_speed``.

        Raises:
            ValueError: If it is not there.
        """
        path = self.reference / f"{name}.csv"
        if not path.exists():
            raise ValueError(f"{path.name} is missing in the results")
        with path.open(encoding="utf-8", newline="") as handle:
            return [{k: parse(v) for k, v in row.items()} for row in csv.DictReader(handle)]

    @cached_property
    def reference(self) -> Path:
        """Folder of the committed runs."""
        return self.root / "reference" / "v1"

    def file(self, name: str) -> Path:
        """Return the committed file of a suite.

        Raises:
            ValueError: If there is none.
        """
        for suffix in (".jsonl.gz", ".jsonl"):
            path = self.reference / f"{name}{suffix}"
            if path.exists():
                return path
        raise ValueError(f"no results of {name!r} in {self.reference.name}: run its suite first")


def parse(text: str) -> Value:
    """Read a cell of a CSV: a number, a truth value, nothing, or text."""
    if text == "":
        return None
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def write_rows(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write rows with the union of their columns, whole or not at all; floats keep every digit."""
    found = list(rows)
    columns = list(dict.fromkeys(key for row in found for key in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    with partial.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in found)
    partial.replace(path)
