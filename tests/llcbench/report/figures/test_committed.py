"""The committed figures are what the scripts make of the committed results, byte for byte."""

import re
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from llcbench.compare.outdated import outdated_note
from llcbench.report.figures import Drawing, Results
from llcbench.report.figures.build import CLAIMS, discover, draw, read_claims
from llcbench.report.figures.rows import read_rows, write_rows
from llcbench.report.figures.style import to_svg

ROOT = Path(__file__).parents[4]
SCRIPTS, RESULTS = ROOT / "paper_figures", ROOT / "results"
COMMITTED = RESULTS / "figures" / "v1"
STEMS = sorted(path.stem for path in SCRIPTS.glob("[fn][0-9][0-9]_*.py"))
DRAWN = sorted(path.stem for path in COMMITTED.glob("*.csv"))


@cache
def results() -> Results:
    """Return the results, read once in a process."""
    return Results(RESULTS)


def made(stem: str, given: Results) -> Drawing:
    (figure,) = discover(SCRIPTS, [stem[:3]])
    return draw(figure, given)


def table(drawing: Drawing, folder: Path) -> bytes:
    write_rows(folder / "rows.csv", drawing.rows)
    return (folder / "rows.csv").read_bytes()


def pinned() -> bool:
    """Return whether the libraries are those that drew the committed figures, to the last digit."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return all(f"{name}=={version(name)}" in lines for name in ("matplotlib", "numpy", "scipy"))


@pytest.mark.skipif(not pinned(), reason="bytes are those of the libraries in constraints.txt")
@pytest.mark.parametrize("stem", DRAWN)
def test_a_committed_figure_is_drawn_again(stem: str, tmp_path: Path) -> None:
    drawing = made(stem, results())
    assert table(drawing, tmp_path) == (COMMITTED / f"{stem}.csv").read_bytes()
    entries = {str(entry["stem"]): entry for entry in read_claims(COMMITTED / CLAIMS)}
    assert [asdict(claim) for claim in drawing.claims] == entries[stem]["claims"]
    assert (drawing.caption, drawing.alt) == (entries[stem]["caption"], entries[stem]["alt"])
    assert to_svg(drawing.figure) == (COMMITTED / f"{stem}.svg").read_text(encoding="utf-8")
    assert (COMMITTED / f"{stem}.pdf").read_bytes().startswith(b"%PDF")


def test_every_script_is_committed_and_nothing_else() -> None:
    assert set(DRAWN) == set(STEMS)


@pytest.mark.parametrize("stem", ["f09_heuristics", "f13_entropy", "f14_stages"])
def test_missing_trials_decide_nothing(stem: str, tmp_path: Path) -> None:
    verdicts = {claim.verdict for claim in made(stem, Results(tmp_path)).claims}
    assert "not decided" in verdicts
    assert verdicts <= {"not decided", "not made here"}


def test_one_changed_row_is_noticed(tmp_path: Path) -> None:
    source = Results(RESULTS).measured("f19")
    target = Results(tmp_path).measured("f19")
    rows = read_rows(source)
    write_rows(target, [{**rows[0], "complexity": 1.001 * rows[0]["complexity"]}, *rows[1:]])
    changed = made("f19_depth", Results(tmp_path))
    assert table(changed, tmp_path) != (COMMITTED / "f19_depth.csv").read_bytes()


def test_figures_of_outdated_runs_are_named_on_their_page() -> None:
    """The figure of coefficients of draws reads no runs, and is of the same networks."""
    old = {name for name in ("dln-scale", "smoke") if outdated_note(results().runs(name))}
    wanted = {figure.id for figure in discover(SCRIPTS) if old & set(figure.inputs)}
    page = (RESULTS / "paper_figures.md").read_text(encoding="utf-8")
    named = re.search(r"^Outdated: ([^.]+)[.]", page, re.MULTILINE)
    assert named is not None
    assert set(named.group(1).split(", ")) == wanted | {"n02"}
    assert old == {"dln-scale"}
