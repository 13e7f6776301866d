"""The one writer and reader of CSV: text that a spreadsheet would run stays text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from llcbench.foreign import reading

# Spreadsheets take a cell that begins so for a formula.
_RUN = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)")

Cell = float | int | str | None


def quoted(text: str) -> str:
    """Return a text with an apostrophe before what a spreadsheet would run; numbers stay.

    A text that begins with apostrophes before such a character gets one more, so that `unquoted`
    gives every text back.
    """
    return f"'{text}" if _RUN.match(text) and not _NUMBER.fullmatch(text) else text


def unquoted(cell: str) -> str:
    """Return the text that `quoted` was given."""
    return cell[1:] if cell.startswith("'") and _RUN.match(cell) else cell


def to_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as comma-separated values; floats keep every digit, None is an empty cell."""
    return "".join(_line([_written(cell) for cell in row]) for row in rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file with a heading, by the names of its columns.

    Raises:
        ValueError: If the file cannot be read, or a row has more or fewer cells than the heading.
    """
    try:
        text = reading.content(path).decode()
        rows = [[unquoted(c) for c in row] for row in csv.reader(io.StringIO(text, newline=""))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table: {error}") from None
    heading, *body = [row for row in rows if row] or [[]]
    for number, row in enumerate(body, start=2):
        if len(row) != len(heading):
            raise ValueError(f"{path}: row {number} has {len(row)} cells, not {len(heading)}")
    return [dict(zip(heading, row, strict=True)) for row in body]


def _line(texts: Sequence[str]) -> str:
    """Return a row that ends in a line feed."""
    handle = io.StringIO()
    # Cells are quoted for the characters of this ending alone, and a reader breaks rows at both.
    csv.writer(handle, lineterminator="\r\n").writerow(texts)
    return handle.getvalue().removesuffix("\r\n") + "\n"


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return quoted(cell)
    return str(cell)
