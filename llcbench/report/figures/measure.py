"""Measuring what a figure needs, cell by cell; what is interrupted goes on."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from llcbench.files import content_key, write
from llcbench.provenance import environment
from llcbench.report.figures.paper_figure import PaperFigure, Scale
from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Row, write_rows
from llcbench.run.executors.executor import Serial
from llcbench.run.runner import Outcome, Terms, run_missing
from llcbench.run.store import Store


def measure(figure: PaperFigure, results: Results, scale: Scale, *, progress: bool = True) -> Path:
    """Measure all cells of a figure and replace its rows when the last one is done.

    Finished cells are kept in a folder beside the rows until then, so that the next call goes on
    after an interruption.

    Raises:
        ValueError: If the figure measures nothing of its own.
    """
    if figure.measurement is None:
        raise ValueError(f"{figure.id} has no measurement of its own; it reads {figure.inputs}")
    target = results.measured(figure.id)
    folder = target.with_suffix(".partial")
    store = cell_store(folder)
    done = {cell.name: cell for cell in store.contents().records.values()}
    cells = figure.measurement.cells(scale)
    started = time.perf_counter()
    study = CellStudy(folder, figure, scale, [name for name in cells if name not in done])
    outcome = run_missing(study, Serial(), progress=progress)
    done |= {cell.name: cell for cell in outcome.finished}
    write_rows(target, [{"cell": name, **row} for name in cells for row in done[name].rows])
    _note(target, scale, time.perf_counter() - started)
    shutil.rmtree(folder, ignore_errors=True)
    return target


@final
@dataclass(frozen=True)
class MeasuredCell:
    """The rows of one cell.

    Attributes:
        name: Name of the cell.
        rows: What was measured.
    """

    name: str
    rows: list[Row]


@final
@dataclass(frozen=True)
class CellStudy:
    """Cells of a figure, made in this process.

    Attributes:
        root: The folder of finished cells.
        figure: What they are for.
        scale: At which scale.
        tasks: Names of the cells that are missing.
    """

    root: Path
    figure: PaperFigure
    scale: Scale
    tasks: Sequence[str]
    unit = "cell"
    threads = 1

    @property
    def title(self) -> str:
        """Id of the figure."""
        return self.figure.id

    def lengths(self) -> dict[str, int]:
        """Return one for every cell: the bar counts cells."""
        return dict.fromkeys(map(self.key, self.tasks), 1)

    def key(self, task: str) -> str:
        """Return the key of a cell."""
        return content_key(task)

    def shared(self) -> tuple[()]:
        """Return nothing: cells share nothing."""
        return ()

    def work(self, terms: Terms) -> Callable[[str], MeasuredCell]:
        """Return what measures a cell; one that has begun is finished, whatever the time."""
        return self._measured

    def take(self, task: str, result: Any, outcome: Outcome[MeasuredCell]) -> None:
        """Save the rows of a cell."""
        cell_store(self.root).save(self.key(task), result)
        outcome.finished.append(result)

    def _measured(self, cell: str) -> MeasuredCell:
        if self.figure.measurement is None:
            raise ValueError(f"{self.figure.id} has no measurement of its own")
        return MeasuredCell(cell, [*self.figure.measurement.run(self.scale, cell)])


def cell_store(folder: Path) -> Store[MeasuredCell]:
    """Return the cells of an interrupted measurement; a torn one is measured again."""
    return Store(folder / "cells", _decoded, lambda cell: [content_key(cell.name)], _encoded)


# The standard library writes NaN and numbers of numpy, which rows may hold.
def _encoded(cell: MeasuredCell) -> bytes:
    return json.dumps([cell.name, cell.rows]).encode()


def _decoded(content: bytes) -> MeasuredCell:
    name, rows = json.loads(content)
    return MeasuredCell(name, rows)


def _note(target: Path, scale: str, seconds: float) -> None:
    note = {"scale": scale, "seconds_of_the_last_call": round(seconds, 1), **environment()}
    write(target.with_suffix(".json"), json.dumps(note, indent=1, sort_keys=True) + "\n")
