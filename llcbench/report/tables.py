"""One table object and its renderings: terminal, Markdown, CSV, LaTeX."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, final

from llcbench.checks import printable
from llcbench.foreign import cells

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
        rank: How dispensable it is on a narrow terminal; 0 is never omitted.
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


GAP = "  "
# Text columns are cut to this many characters before a number column is given up.
TEXT_LIMIT = 30


def to_text(table: Table, width: int | None = None) -> str:
    """Return aligned plain text.

    Within ``width``, long texts are cut and dispensable columns are omitted and named below the
    table; numbers are never cut.
    """
    shown, omitted = _fitted(_printable(table), width)
    lines = [table.title, ""] if table.title else []
    limit = TEXT_LIMIT if width is not None else None
    widths = _widths(shown, limit)
    lines.append(_line([column.name for column in shown.columns], shown.columns, widths))
    lines.append(GAP.join("-" * size for size in widths))
    lines += [_line([c.text for c in row.cells], shown.columns, widths) for row in shown.rows]
    return "\n".join([*lines, *_footer(table, omitted)]) + "\n"


def to_markdown(table: Table) -> str:
    """Return a GitHub-flavoured pipe table."""
    rule = ["---:" if column.numeric else "---" for column in table.columns]
    heads = [markdown_text(column.name) for column in table.columns]
    body = [[markdown_text(cell.text) for cell in row.cells] for row in table.rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [heads, rule, *body])


def to_csv(table: Table) -> str:
    """Return comma-separated values in full precision, errors in columns of their own."""
    heading = [field for column in table.columns for field in column.fields]
    rows = ([value for cell in row.cells for value in cell.values] for row in table.rows)
    return cells.to_csv([heading, *rows])


def to_latex(table: Table) -> str:
    """Return a ``tabular`` for the booktabs package."""
    heads = " & ".join(_latex(column.name) for column in table.columns)
    body = [" & ".join(_latex(cell.text) for cell in row.cells) for row in table.rows]
    return "\n".join(
        [
            *([f"% {table.title}"] if table.title else []),
            "% needs \\usepackage{booktabs}",
            rf"\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in table.columns)}}}",
            r"\toprule",
            rf"{heads} \\",
            r"\midrule",
            *(rf"{line} \\" for line in body),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


RENDERERS: dict[str, Callable[[Table], str]] = {
    "text": to_text,
    "markdown": to_markdown,
    "csv": to_csv,
    "latex": to_latex,
}


def _printable(table: Table) -> Table:
    """Return a table of texts that a terminal prints as they are, each on one line."""
    rows = (
        replace(row, cells=tuple(replace(cell, text=printable(cell.text)) for cell in row.cells))
        for row in table.rows
    )
    return replace(table, rows=tuple(rows))


def _fitted(table: Table, width: int | None) -> tuple[Table, tuple[str, ...]]:
    """Take in as many columns as fit, last those that say the same in every row."""
    if width is None:
        return table, ()
    kept = {column.name for column in table.columns if not column.rank}
    spare = [column for column in table.columns if column.rank]
    for column in sorted(spare, key=lambda c: (_constant(table, c), c.rank)):
        tried = _only(table, kept | {column.name})
        if sum(_widths(tried, TEXT_LIMIT)) + len(GAP) * (len(tried.columns) - 1) <= width:
            kept.add(column.name)
    return _only(table, kept), tuple(c.name for c in spare if c.name not in kept)


def _only(table: Table, names: set[str]) -> Table:
    return table.select(tuple(column.name for column in table.columns if column.name in names))


def without_constants(table: Table) -> tuple[Table, str]:
    """Return a table without dispensable columns that never change, and a sentence with them."""
    same = [c for c in table.columns if c.rank and len(table.rows) > 1 and _constant(table, c)]
    kept = {column.name for column in table.columns if column not in same}
    return _only(table, kept), _in_all_rows(table, same)


def _footer(table: Table, omitted: tuple[str, ...]) -> list[str]:
    columns = [column for column in table.columns if column.name in omitted]
    same = [column for column in columns if _constant(table, column)]
    rest = [column.name for column in columns if column not in same]
    lines = [_in_all_rows(table, same)] if same else []
    lines += [f"Omitted (terminal too narrow): {', '.join(rest)}."] if rest else []
    return ["", *lines] if lines else []


def _in_all_rows(table: Table, columns: list[Column]) -> str:
    shown = ", ".join(f"{column.name} {_texts(table, column)[0]}" for column in columns)
    return f"In all rows: {shown}." if shown else ""


def _constant(table: Table, column: Column) -> bool:
    return len(set(_texts(table, column))) == 1


def _texts(table: Table, column: Column) -> list[str]:
    place = table.columns.index(column)
    return [row.cells[place].text for row in table.rows]


def _widths(table: Table, limit: int | None) -> list[int]:
    widths = []
    for place, column in enumerate(table.columns):
        size = max([len(column.name), *(len(row.cells[place].text) for row in table.rows)])
        cut = limit is not None and not column.numeric
        widths.append(min(size, limit) if cut and limit is not None else size)
    return widths


def _line(texts: list[str], columns: tuple[Column, ...], widths: list[int]) -> str:
    shown = []
    for text, column, width in zip(texts, columns, widths, strict=True):
        cut = text if len(text) <= width else text[: width - 1] + "…"
        shown.append(cut.rjust(width) if column.numeric else cut.ljust(width))
    return GAP.join(shown).rstrip()


# A backslash first, or it would undo the one before a bar.
_MARKDOWN = (
    ("\\", "\\\\"),
    ("<", "&lt;"),
    ("|", "\\|"),
    ("*", "\\*"),
    ("`", "\\`"),
    ("](", "]\\("),
)


def markdown_text(text: str) -> str:
    """Return a text as a cell of a pipe table: neither HTML, a link, nor the end of the cell."""
    # An ampersand is one, unless what follows makes it another character.
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    for mark, safe in _MARKDOWN:
        text = text.replace(mark, safe)
    return printable(text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _latex(text: str) -> str:
    escaped = "".join(_LATEX.get(character, character) for character in printable(text))
    # A hyphen before a digit is a minus sign; a lone one is an empty cell.
    if len(text) > 1 and text[0] in "+-" and text[1].isdigit():
        return f"${text[0]}${escaped[1:]}"
    return "--" if text == "-" else escaped
