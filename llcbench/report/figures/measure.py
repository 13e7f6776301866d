"""Measuring what a figure needs, cell by cell; what is interrupted goes on."""

import json
import time
from pathlib import Path

from tqdm import tqdm

from llcbench.provenance import environment
from llcbench.report.figures.paper_figure import PaperFigure, Scale
from llcbench.report.figures.results import Results
from llcbench.report.figures.rows import Row, write_rows


def measure(figure: PaperFigure, results: Results, scale: Scale, *, progress: bool = True) -> Path:
    """Measure all cells of a figure and replace its rows when the last one is done.

    Finished cells are kept in a file beside the rows until then, so that the next call goes on
    after an interruption.

    Raises:
        ValueError: If the figure measures nothing of its own.
    """
    if figure.measurement is None:
        raise ValueError(f"{figure.id} has no measurement of its own; it reads {figure.inputs}")
    target = results.measured(figure.id)
    partial = target.with_suffix(".partial.jsonl")
    partial.parent.mkdir(parents=True, exist_ok=True)
    done = _finished(partial)
    cells = figure.measurement.cells(scale)
    started = time.perf_counter()
    shown = tqdm(cells, desc=figure.id, unit="cell", disable=None if progress else True)
    for cell in shown:
        if cell not in done:
            rows: list[Row] = [{"cell": cell, **row} for row in figure.measurement.run(scale, cell)]
            done[cell] = rows
            with partial.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps({"cell": cell, "rows": rows}) + "\n")
    write_rows(target, [row for cell in cells for row in done[cell]])
    _note(target, scale, time.perf_counter() - started)
    partial.unlink(missing_ok=True)
    return target


def _finished(path: Path) -> dict[str, list[Row]]:
    """Return the cells of an interrupted measurement; a torn last line is measured again."""
    found: dict[str, list[Row]] = {}
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break
        found[entry["cell"]] = entry["rows"]
    kept = [json.dumps({"cell": cell, "rows": rows}) + "\n" for cell, rows in found.items()]
    path.write_text("".join(kept), encoding="utf-8")
    return found


def _note(target: Path, scale: str, seconds: float) -> None:
    note = {"scale": scale, "seconds_of_the_last_call": round(seconds, 1), **environment()}
    path = target.with_suffix(".json")
    path.write_text(json.dumps(note, indent=1, sort_keys=True) + "\n", encoding="utf-8")
