"""Bodies of tables as HTML: a site has a hundred thousand cells, which templates are slow at."""

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from llcbench.report.tables import Cell, Column, Row, Table

WORDS = {"failed": "failed runs", "skipped": "not supported", "flagged": "guard failed"}
NOTHING = "–"

# From the name of a column and the text of a cell to where it leads.
LinkOf = Callable[[str, str], str]


def body(
    table: Table, links: LinkOf, *, keys: bool, head: int, pictures: Sequence[Markup] | None
) -> Markup:
    """Return the rows of a table.

    Args:
        table: The table.
        links: Where cells lead; an empty text for nowhere.
        keys: Whether cells carry what they are sorted by, where that is not their text.
        head: Number of the column that names a row.
        pictures: What stands after that column, if anything.
    """
    lines = []
    for place, row in enumerate(table.rows):
        cells = [
            _cell(column, cell, row, links, keys, number == head)
            for number, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True))
        ]
        if pictures is not None:
            cells.insert(head + 1, f'<td class="picture">{pictures[place]}</td>')
        mark = f' class="{row.mark}"' if row.mark else ""
        lines.append(f"<tr{mark}>{''.join(cells)}</tr>")
    return Markup("\n".join(lines))


def _cell(column: Column, cell: Cell, row: Row, links: LinkOf, keys: bool, names: bool) -> str:
    text = str(escape(_signed(cell.text) if column.numeric else cell.text))
    if cell.text == "-":
        text = NOTHING
    elif column.name == "flags" and row.mark:
        word = f'<strong class="mark">{WORDS[row.mark]}</strong>'
        text = f'{word} <span class="flags">{text}</span>'
    elif not column.numeric and (href := links(column.name, cell.text)):
        text = f'<a href="{escape(href)}">{text}</a>'
    key = _key(cell.sort_key) if keys else cell.text
    sort = "" if key == cell.text else f' data-sort="{escape(key)}"'
    tag, scope = ("th", ' scope="row"') if names else ("td", "")
    number = ' class="number"' if column.numeric else ""
    return f"<{tag}{scope}{number}{sort}>{text}</{tag}>"


def _signed(text: str) -> str:
    """Write a sign as a sign, not as a hyphen."""
    return "−" + text[1:] if text.startswith("-") else text


def _key(value: object) -> str:
    """Write what a column is sorted by, short."""
    return "" if value is None else f"{value:.9g}" if isinstance(value, float) else str(value)
