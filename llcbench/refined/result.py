"""What a study returns: rows, and their table, data frame, file and picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from matplotlib.figure import Figure

from llcbench.files import write
from llcbench.records import RefinedRow
from llcbench.report import tables
from llcbench.report.refined_plot import Axis, refined_figure
from llcbench.report.refined_table import failed, refined_table
from llcbench.report.style import save

if TYPE_CHECKING:
    import pandas


@final
@dataclass(frozen=True)
class Refined:
    """Estimates over checkpoints, parts of the weights and slices of the data.

    Attributes:
        rows: One per cell, failed ones included; checkpoints change slowest, slices fastest.
    """

    rows: tuple[RefinedRow, ...]

    @property
    def failed(self) -> tuple[RefinedRow, ...]:
        """Rows without an estimate; their status and message say why."""
        return tuple(row for row in self.rows if failed(row))

    def row(self, checkpoint: str = "", part: str = "", slice: str = "") -> RefinedRow:
        """Return one row by the names of checkpoint, part and slice.

        Raises:
            KeyError: If there is none.
        """
        for row in self.rows:
            if (row.checkpoint, row.part, row.slice) == (checkpoint, part, slice):
                return row
        raise KeyError(f"no row of {checkpoint=}, {part=}, {slice=}")

    def to_text(self, width: int | None = None) -> str:
        """Return the table as text, in at most so many columns of a terminal."""
        return tables.to_text(refined_table(self.rows), width)

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the table as comma-separated values in full precision, and write it to a file."""
        text = tables.to_csv(refined_table(self.rows))
        if path is not None:
            write(Path(path), text)
        return text

    def to_frame(self) -> "pandas.DataFrame":
        """Return the table as a data frame, in full precision.

        Raises:
            ModuleNotFoundError: If pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "a data frame needs pandas: pip install 'llcbench[dataframe]'"
            ) from error
        table = refined_table(self.rows)
        fields = [name for column in table.columns for name in column.fields]
        values = [[value for cell in row.cells for value in cell.values] for row in table.rows]
        return pandas.DataFrame(values, columns=fields)

    def plot(self, path: str | Path | None = None, *, panels: Axis = "part") -> Figure:
        """Return the picture, and write it to a file (.png or .svg).

        Estimates with 90 % intervals along the checkpoints, a panel per part and a line per slice;
        ``panels="slice"`` exchanges these. Hollow marks have a guard that warns, crosses failed.
        """
        figure = refined_figure(self.rows, panels)
        if path is not None:
            save(figure, Path(path))
        return figure
