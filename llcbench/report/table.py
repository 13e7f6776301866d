"""One table object, with no opinion on how it is printed."""

from dataclasses import dataclass, replace
from typing import Literal, final

Value = float | int | str | None
Mark = Literal["", "flagged", "skipped", "failed"]


@final
@dataclass(frozen=True)
class Column:
    """What stands in one column.

    Attributes:
        name: Short heading.
        meaning: The heading in a sentence.
        fields: Names of the underlying values in CSV; the first one sorts.
        numeric: Whether it is right aligned.
        group: Heading over several columns.
        rank: How dispensable it is on a narrow terminal; 0 is never left out.
    """

    name: str
    meaning: str
    fields: tuple[str, ...]
    numeric: bool = True
    group: str = ""
    rank: int = 0


@final
@dataclass(frozen=True)
class Cell:
    """What is shown and the values behind it.

    Attributes:
        text: As it is printed; ``-`` for nothing.
        values: One per field of the column, in full precision.
    """

    text: str
    values: tuple[Value, ...]

    @property
    def sort_key(self) -> Value:
        """Return the value that the column is sorted by."""
        return self.values[0]


@final
@dataclass(frozen=True)
class Row:
    """The cells of one line.

    Attributes:
        cells: One per column.
        mark: Whether runs failed, were skipped, or ended with an estimate that a guard warns of.
    """

    cells: tuple[Cell, ...]
    mark: Mark = ""


@final
@dataclass(frozen=True)
class Table:
    """Columns and rows, with no opinion on how they are printed.

    Attributes:
        title: One line.
        columns: Headings and alignment.
        rows: Lines.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            widths = tuple(len(cell.values) for cell in row.cells)
            if widths != tuple(len(column.fields) for column in self.columns):
                raise ValueError(f"row {row.cells!r} does not fit the columns of {self.title!r}")

    def select(self, names: tuple[str, ...], rows: tuple[Row, ...] | None = None) -> "Table":
        """Return the named columns of some rows, all of them by default.

        Raises:
            ValueError: If there is no such column.
        """
        known = [column.name for column in self.columns]
        missing = [name for name in names if name not in known]
        if missing:
            raise ValueError(f"no column {missing[0]!r}; the table has {', '.join(known)}")
        places = [known.index(name) for name in names]
        chosen = self.rows if rows is None else rows
        return replace(
            self,
            columns=tuple(self.columns[i] for i in places),
            rows=tuple(replace(row, cells=tuple(row.cells[i] for i in places)) for row in chosen),
        )
