"""Names of others are text in every table, figure and page, and in the name of no other file."""

import json
import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from llcbench.report.figures.build import CLAIMS, read_claims
from llcbench.report.site.layout import Links, Site, sampler_file
from llcbench.report.site.pictures import inline
from llcbench.report.site.sections import anchor
from llcbench.report.style import plain, style, to_svg
from llcbench.report.tables import Cell, Column, Row, Table, to_csv, to_latex, to_markdown, to_text

HOSTILE = (
    "../../victim/index", "/tmp/x", "index", "<script>alert(1)</script>", '"><img src=x>', "a|b",
    "a\\|b",
    "a\\", "[x](javascript:alert(1))", "`x`", "=1+1", "@x", "${x}$ \\frac{", "$x",
    "\\input{/etc/passwd}",
    "a & b_c^d~e#f%g", "two\nlines", "\x1b[31mred", "\u202etxt", "_x", "{{7*7}}", "-->",
)  # fmt: skip


def table(text: str) -> Table:
    """Return a table with a name between two numbers."""
    columns = (Column("n", "n", ("n",)), Column("name", "name", ("name",), numeric=False),
               Column("m", "m", ("m",)))  # fmt: skip
    return Table("t", columns, (Row((Cell("1", (1,)), Cell(text, (text,)), Cell("2", (2,)))),))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_one_cell_of_every_table(text: str) -> None:
    lines = to_markdown(table(text)).splitlines()
    assert len(lines) == 3
    # A bar after an even number of backslashes ends a cell.
    bare = lines[2].replace("\\\\", "").replace("\\|", "")
    assert bare.count("|") == 4
    assert "<" not in lines[2]
    assert "](" not in lines[2]
    (body,) = [line for line in to_latex(table(text)).splitlines() if line.startswith("1 &")]
    inside = body.removeprefix("1 & ").removesuffix(" & 2 \\\\")
    rest = re.sub(r"\\text[a-z]+\{\}", "", inside)
    for mark in "{}_%&#$":
        rest = rest.replace(f"\\{mark}", "")
    assert not set(rest) & set("{}_%&#$^~")
    shown = to_text(table(text))
    assert len(shown.splitlines()) == 5
    assert shown.replace("\n", "").isprintable()
    cell = to_csv(table(text)).splitlines()[1].split(",", 1)[1]
    assert cell.lstrip('"')[0] not in "=+-@\t\r"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_a_label_and_no_formula(text: str) -> None:
    with style():
        figure = Figure(figsize=(3, 2))
        axes = figure.add_subplot()
        axes.plot([1], [1], label=plain(text))
        axes.set_title(plain(text))
        legend = axes.legend()
    assert len(legend.get_texts()) == 1
    svg = to_svg(figure)
    assert "<script" not in svg
    assert "<img" not in svg
    shown = inline(svg, f"scaling-{text}", text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("<svg") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_the_page_of_a_name_is_in_its_folder(text: str, tmp_path: Path) -> None:
    links = Links("index.html", frozenset([text]), frozenset([text]))
    for file in (sampler_file(text), f"problems/{anchor(text)}.html"):
        folder, _, name = file.partition("/")
        assert name not in ("index.html", ".html")
        assert "/" not in name
        site = Site(tmp_path / "site", frozenset(), frozenset(), frozenset())
        path = site.save(file, "x")
        assert path.resolve().parent == (tmp_path / "site" / folder).resolve()
    assert links.problem(text) == f"problems/{anchor(text)}.html"


@pytest.mark.parametrize("file", ["../x.html", "/x.html", "samplers/../../x.html"])
def test_a_site_writes_nothing_outside_of_its_folder(file: str, tmp_path: Path) -> None:
    site = Site(tmp_path / "site", frozenset(), frozenset(), frozenset())
    source = tmp_path / "source"
    source.write_text("x")
    for write in (lambda: site.save(file, "x"), lambda: site.copy(source, file)):
        with pytest.raises(ValueError, match="is no file below"):
            write()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("stem", ["../../secret", "/etc/passwd", "a/b", "", "A"])
def test_claims_name_files_of_their_folder(stem: str, tmp_path: Path) -> None:
    entry = {
        "id": "f01", "stem": "f01_x", "title": "t", "paper": "", "caption": "c", "alt": "a",
        "needs": "",
        "claims": [],
    }  # fmt: skip
    path = tmp_path / CLAIMS
    path.write_text(json.dumps([entry]))
    assert read_claims(path)[0]["stem"] == "f01_x"
    path.write_text(json.dumps([entry | {"stem": stem}]))
    with pytest.raises(ValueError, match="is no name of a figure's files"):
        read_claims(path)
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is no list of claims"):
        read_claims(path)
