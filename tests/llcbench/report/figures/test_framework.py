"""Rows come back as they were written, measurements go on, and bad input is one line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from llcbench.cli.interrupt import Interruption
from llcbench.cli.main import main
from llcbench.files import content_key
from llcbench.report.figures import Claim, Drawing, Measurement, PaperFigure, Results, Row, Scale
from llcbench.report.figures.build import discover, draw, read_claims, write, write_claims
from llcbench.report.figures.measure import measure
from llcbench.report.figures.rows import column, parse, picked, read_rows, write_rows

ROOT = Path(__file__).parents[4]
SCRIPT = '''"""A figure."""
from matplotlib.figure import Figure

from llcbench.report.figures import Claim, Drawing, PaperFigure

FIGURE = PaperFigure(
    id="{id}", name="{name}", title="t", paper="", inputs=("smoke",),
    draw=lambda results: Drawing(
        Figure(), results.rows("f90"), (Claim("c", "s", "not decided", "f"),), "caption", "alt"
    ),
)
'''


def script(folder: Path, file: str, *, identifier: str = "f90", name: str = "one") -> None:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(SCRIPT.format(id=identifier, name=name), encoding="utf-8")


def counted(asked: list[str]) -> PaperFigure:
    """Return a figure of three cells that notes which of them are measured."""

    def run(scale: Scale, cell: str) -> Iterator[Row]:
        asked.append(cell)
        if cell == "stops" and len(asked) == 2:
            raise KeyboardInterrupt
        yield {"value": len(cell) / 3, "scale": scale}

    measurement = Measurement(lambda scale: ("first", "stops", "last"), run)
    return PaperFigure("f90", "one", "t", "", drawn, measurement=measurement)


def drawn(results: Results) -> Drawing:
    claims = (Claim("c", "s", "not decided", "f"),)
    return Drawing(Figure(), results.rows("f90"), claims, "caption", "alt")


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("True", True), ("False", False), ("12", 12), ("-0.25", -0.25), ("1e-3", 1e-3),
     ("3/4", "3/4"), ("w1 w2²", "w1 w2²")],
)  # fmt: skip
def test_a_cell_is_what_it_says(text: str, value: object) -> None:
    assert parse(text) == value
    assert type(parse(text)) is type(value)


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"name": "a, b", "llc": 1 / 3, "ok": True, "seed": 7},
        {"name": 'q"', "llc": None, "extra": 1e-300},
    ]
    write_rows(tmp_path / "t.csv", rows)
    result = read_rows(tmp_path / "t.csv")
    assert list(result[0]) == ["name", "llc", "ok", "seed", "extra"]
    assert result[0] == {**rows[0], "extra": None}
    assert result[1] == {"ok": None, "seed": None, **rows[1]}
    assert not list(tmp_path.glob("*.tmp"))


def test_no_rows_can_be_written(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.csv", [])
    assert read_rows(tmp_path / "t.csv") == []


def test_rows_are_picked_by_their_cells() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": None, "b": "x"}, {"a": 3, "b": "y"}]
    assert picked(rows, a=2, b="x") == [rows[1]]
    assert column(rows, "a", b="x")[:2].tolist() == [1.0, 2.0]
    assert column(rows, "a", b="x").tolist()[2] != 0


def test_missing_results_are_named() -> None:
    results = Results(Path("nowhere"))
    for ask in (lambda: results.runs("smoke"), lambda: results.trials("gc")):
        with pytest.raises(ValueError, match="run its suite first"):
            ask()
    with pytest.raises(ValueError, match=r"f90\.csv is missing: 'llcbench figures f90 --from-scr"):
        results.rows("f90")
    with pytest.raises(ValueError, match="peers_speed"):
        results.table("peers_speed")
    assert not results.has_trials("gc")


def test_results_are_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "reference" / "v1"
    folder.mkdir(parents=True)
    for name in ("smoke.jsonl", "heuristics-gc.jsonl.gz"):
        shutil.copy(ROOT / "results" / "reference" / "v1" / name, folder)
    results = Results(tmp_path)
    assert results.has_trials("gc")
    assert results.runs("smoke") is results.runs("smoke")
    assert results.trials("gc") is results.trials("gc")
    keys = [record.key for record in results.runs("smoke")]
    assert keys == sorted(keys)
    assert keys


def test_scales_have_rows_of_their_own() -> None:
    paths = {Results(Path("r"), scale).measured("f90").name for scale in ("cpu", "paper")}
    assert paths == {"f90.csv", "f90-paper.csv"}


def test_a_measurement_goes_on_after_an_interruption(tmp_path: Path) -> None:
    asked: list[str] = []
    figure, results = counted(asked), Results(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        measure(figure, results, "cpu", progress=False)
    target = results.measured("f90")
    partial = target.with_suffix(".partial")
    assert not target.exists()
    assert len(list((partial / "cells").iterdir())) == 1
    torn = partial / "cells" / f"{content_key('stops')}.json"
    torn.write_text('["stops", [{"val', encoding="utf-8")
    measure(figure, results, "cpu", progress=False)
    assert asked == ["first", "stops", "stops", "last"]
    assert not partial.exists()
    assert [(r["cell"], r["value"], r["scale"]) for r in results.rows("f90")] == [
        ("first", 5 / 3, "cpu"), ("stops", 5 / 3, "cpu"), ("last", 4 / 3, "cpu")
    ]  # fmt: skip
    assert json.loads(target.with_suffix(".json").read_text())["scale"] == "cpu"


def test_nothing_to_measure_is_refused() -> None:
    figure = PaperFigure("f90", "one", "t", "", drawn, inputs=("smoke",))
    with pytest.raises(ValueError, match="no measurement of its own"):
        measure(figure, Results(Path("nowhere")), "cpu")


def test_two_scripts_of_one_id_are_refused(tmp_path: Path) -> None:
    script(tmp_path, "f90_one.py")
    script(tmp_path, "f90_two.py", name="two")
    with pytest.raises(ValueError, match=r"two figures have the id 'f90': f90_one\.py, f90_two"):
        discover(tmp_path)


def test_a_script_is_named_like_its_figure(tmp_path: Path) -> None:
    script(tmp_path, "f90_other.py")
    with pytest.raises(ValueError, match=r"f90_other\.py defines 'f90_one': name both alike"):
        discover(tmp_path)


def test_a_folder_without_scripts_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no figures in"):
        discover(tmp_path)


def test_a_broken_script_does_not_stop_the_others(tmp_path: Path) -> None:
    script(tmp_path, "f90_one.py")
    (tmp_path / "f91_bad.py").write_text("1 / 0\n", encoding="utf-8")
    (found,) = discover(tmp_path, ["f90"])
    assert found.id == "f90"
    with pytest.raises(ZeroDivisionError):
        discover(tmp_path)


def test_an_unknown_id_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(ROOT / "paper_figures")
    monkeypatch.setattr(Interruption, "install", lambda self: None)
    monkeypatch.setattr("sys.argv", ["llcbench", "figures", "f99", "--scripts", folder])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("llcbench: no figure 'f99'; there are f01, f02, ")


def test_a_missing_file_does_not_stop_the_other_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script(tmp_path / "scripts", "f90_one.py")
    script(tmp_path / "scripts", "n90_one.py", identifier="n90")
    (tmp_path / "scripts" / "n90_one.py").write_text(
        SCRIPT.format(id="n90", name="one").replace("f90", "f91"), encoding="utf-8"
    )
    write_rows(Results(tmp_path).measured("f91"), [{"value": 1.5}])
    out = tmp_path / "out"
    arguments = ["--scripts", str(tmp_path / "scripts"), "--results", str(tmp_path)]
    monkeypatch.setattr(Interruption, "install", lambda self: None)
    monkeypatch.setattr("sys.argv", ["llcbench", "figures", *arguments, "--out", str(out)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "not drawn: f90: f90.csv is missing" in capsys.readouterr().err
    assert [entry["id"] for entry in read_claims(out / "claims.json")] == ["n90"]
    assert (out / "n90_one.csv").read_text() == "value\n1.5\n"


def test_claims_are_merged_by_id_and_equal_drawings_are_equal_bytes(tmp_path: Path) -> None:
    figure = counted([])
    write_rows(Results(tmp_path).measured("f90"), [{"value": 1}])
    drawings = [draw(figure, Results(tmp_path)) for _ in range(2)]
    for drawing, folder in zip(drawings, ("a", "b"), strict=True):
        write(figure, drawing, tmp_path / folder)
        write_claims([(figure, drawing)], tmp_path / folder)
        write_claims([(figure, drawing)], tmp_path / folder)
    for first in sorted((tmp_path / "a").iterdir()):
        assert first.read_bytes() == (tmp_path / "b" / first.name).read_bytes()
    assert len(read_claims(tmp_path / "a" / "claims.json")) == 1


def test_a_figure_without_a_claim_is_refused(tmp_path: Path) -> None:
    figure = PaperFigure(
        "f90", "one", "t", "", lambda _: Drawing(Figure(), [], (), "", ""), inputs=("smoke",)
    )
    with pytest.raises(ValueError, match="f90 checks no claim"):
        draw(figure, Results(tmp_path))
