"""What a table shows: the texts of a row, and the values of its CSV."""

import csv
import io

from llcbench.report.tables import Table, to_csv


def texts(table: Table, row: int = 0) -> dict[str, str]:
    """Return the text of every cell of a row under the name of its column."""
    names = [column.name for column in table.columns]
    return dict(zip(names, [cell.text for cell in table.rows[row].cells], strict=True))


def values(table: Table) -> dict[str, str]:
    """Return the CSV of a table of one row as a dictionary."""
    (row,) = csv.DictReader(io.StringIO(to_csv(table)))
    return row
