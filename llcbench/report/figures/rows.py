"""Rows of numbers: read from CSV, picked by their values, and written."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llcbench.files import write
from llcbench.foreign.cells import read_csv, to_csv
from llcbench.records import number_or_word

Value = float | int | str | bool | None
Row = Mapping[str, Value]
# What a CSV holds is known only when it is read: cells are checked where they are used.
Cells = dict[str, Any]


def picked(rows: Iterable[Mapping[str, Any]], **where: Value) -> list[Cells]:
    """Return the rows whose cells have these values; a column that is missing is None."""
    return [
        dict(row) for row in rows if all(row.get(name) == value for name, value in where.items())
    ]


def column(
    rows: Iterable[Mapping[str, Any]], name: str, **where: Value
) -> NDArray[np.float64]:  # fmt: skip
    """Return a column of the rows that have these values, ``(rows,)``; empty cells are NaN."""
    cells = [row[name] for row in picked(rows, **where)]
    return np.array([np.nan if value is None else value for value in cells], dtype=np.float64)


def parse(text: str) -> Value:
    """Read a cell of a CSV: a number, a truth value, nothing, or text."""
    if text == "":
        return None
    if text in ("True", "False"):
        return text == "True"
    return number_or_word(text)


def read_rows(path: Path) -> list[Cells]:
    """Read what `write_rows` wrote; numbers are numbers, empty cells None."""
    return [{k: parse(v) for k, v in row.items()} for row in read_csv(path)]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with the union of their columns, whole or not at all; floats keep every digit."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    write(path, to_csv([columns, *([row.get(name) for name in columns] for row in rows)]))
