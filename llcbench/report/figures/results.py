"""What figures are drawn from: committed runs, trials and measured rows, read once."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

from llcbench.report.figures.rows import Cells, read_rows

if TYPE_CHECKING:
    from llcbench.heuristics.store import TrialResults
    from llcbench.records import RunRecord


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
    _trials: dict[str, "TrialResults"] = field(default_factory=dict, repr=False, compare=False)

    def runs(self, suite: str) -> "list[RunRecord]":
        """Return the runs of a suite in order of their keys.

        Raises:
            ValueError: If they are not there.
        """
        from llcbench.run.exports import read

        if suite not in self._runs:
            records = read(self.file(suite))
            self._runs[suite] = [records[key] for key in sorted(records)]
        return self._runs[suite]

    def trials(self, suite: str) -> "TrialResults":
        """Return designs and trials of a suite of training heuristics, such as ``gc``.

        Raises:
            ValueError: If they are not there.
        """
        from llcbench.heuristics.store import read

        if suite not in self._trials:
            self._trials[suite] = read(self.file(f"heuristics-{suite}"))
        return self._trials[suite]

    def has_trials(self, suite: str) -> bool:
        """Return whether there are trials of a suite of training heuristics."""
        return self._path(f"heuristics-{suite}") is not None

    def rows(self, figure: str) -> list[Cells]:
        """Return what was measured for a figure; numbers are numbers, empty cells None.

        Raises:
            ValueError: If it was not measured.
        """
        path = self.measured(figure)
        if not path.exists():
            scale = "" if self.scale == "cpu" else f" --scale {self.scale}"
            how = f"'llcbench figures {figure} --from-scratch{scale}'"
            raise ValueError(f"{path.name} is missing: {how} makes it")
        return read_rows(path)

    def measured(self, figure: str) -> Path:
        """Return where the measured rows of a figure belong."""
        suffix = "" if self.scale == "cpu" else f"-{self.scale}"
        return self.root / "figures" / "v1" / "data" / f"{figure}{suffix}.csv"

    def table(self, name: str) -> list[Cells]:
        """Return a committed CSV beside the runs, such as ``peers_speed``.

        Raises:
            ValueError: If it is not there.
        """
        path = self.reference / f"{name}.csv"
        if not path.exists():
            raise ValueError(f"{path.name} is missing in the results")
        return read_rows(path)

    @cached_property
    def reference(self) -> Path:
        """Folder of the committed runs."""
        return self.root / "reference" / "v1"

    def file(self, name: str) -> Path:
        """Return the committed file of a suite.

        Raises:
            ValueError: If there is none.
        """
        path = self._path(name)
        if path is None:
            raise ValueError(
                f"no results of {name!r} in {self.reference.name}: run its suite first"
            )
        return path

    def _path(self, name: str) -> Path | None:
        candidates = (self.reference / f"{name}{suffix}" for suffix in (".jsonl.gz", ".jsonl"))
        return next((path for path in candidates if path.exists()), None)
