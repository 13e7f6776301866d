import csv
import io
import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from llcbench.cli.commands import cli
from llcbench.compare.board import Board, leaderboard
from llcbench.compare.bootstrap import MetricValue
from llcbench.compare.metrics import METRICS
from llcbench.records import RunRecord
from llcbench.report import leaderboard_plots as plots
from llcbench.report.leaderboard_plots import _apart
from llcbench.report.leaderboard_table import leaderboard_table, legend, printed, written
from llcbench.report.pages import BEST, END, LEADERBOARD, TRUTHS, leaderboard_blocks, renew
from llcbench.report.style import colours, to_svg
from llcbench.report.tables import RENDERERS, to_csv, to_latex, to_text
from llcbench.run.exports import write
from llcbench.run.store import RunStore, key_of

STEPS = (1e-5, 1e-4, 1e-3)


@pytest.fixture
def board(records: list[RunRecord]) -> Board:
    return leaderboard(records, draws=100)


@pytest.fixture
def laddered(records: list[RunRecord]) -> Board:
    mala = [r for r in records if (r.spec.sampler, r.spec.problem) == ("mala", "poly/x2y2")]
    more = []
    for record in mala:
        for step in STEPS:
            spec = msgspec.structs.replace(record.spec, parameters={"step_size": step})
            more.append(msgspec.structs.replace(record, spec=spec, key=key_of(spec)))
    return leaderboard(more, draws=100)


def test_every_entry_has_a_row_and_failures_are_shown(board: Board) -> None:
    table = leaderboard_table(board)
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert {row["entry"] for row in rows} == {"exact", "mala", "sgld"}
    exact = next(row for row in rows if row["entry"] == "exact")
    assert (exact["failed"], exact["rmse"], exact["problems"]) == ("1.0", "1.0", "1")
    assert {f"{name}_low" for name in METRICS} <= set(rows[0])
    assert "1 of 3 entries do not support all problems" in " ".join(legend(board))


@pytest.mark.parametrize("form", sorted(RENDERERS))
def test_renderings_have_one_line_per_entry(board: Board, form: str) -> None:
    lines = RENDERERS[form](printed(board)).splitlines()
    for entry in ("exact", "mala", "sgld"):
        assert sum(entry in line for line in lines) == 1


def test_the_ranking_metric_is_always_printed(records: list[RunRecord]) -> None:
    ranked = leaderboard(records, by="seconds", draws=100)
    assert "seconds" in [column.name for column in printed(ranked).columns]
    assert "seconds" in to_text(leaderboard_table(ranked), 80).splitlines()[2]


def test_latex_is_balanced_and_compiles(board: Board, tmp_path: Path) -> None:
    text = to_latex(printed(board))
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    columns = len(printed(board).columns)
    assert all(line.replace(r"\&", "").count("&") == columns - 1 for line in body)
    assert text.count("{") == text.count("}")
    assert not set(text) - set(map(chr, range(128)))
    if shutil.which("pdflatex"):
        head = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
        (tmp_path / "a.tex").write_text(f"{head}{text}\\end{{document}}\n", encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-600:]


def test_figures_are_written_with_unit_and_interval() -> None:
    assert written(MetricValue(0.0312, 0.02, 0.045), "percent") == "3.1 % [2.0, 4.5]"
    assert written(MetricValue(0.0312, 0.02, 0.045), "percent", interval=False) == "3.1 %"
    assert written(MetricValue(float("inf"), 1e5, float("inf")), "count") == "never [1.0e5, never]"
    assert written(MetricValue(None), "percent") == "-"
    assert written(MetricValue(3 * 2.0**20), "bytes") == "3"


def test_profile_is_the_same_on_every_run_and_names_all(board: Board) -> None:
    svg = to_svg(plots.profile_figure(board.profiles))
    assert svg == to_svg(plots.profile_figure(board.profiles))
    assert all(name in svg for name in ("mala", "sgld", "exact"))


def test_sensitivity_has_every_sampler_and_rung(laddered: Board, tmp_path: Path) -> None:
    paths = plots.write_plots(laddered, tmp_path)
    names = ["profile.csv", "profile.svg", "sensitivity.csv", "sensitivity.svg"]
    assert [path.name for path in paths] == names
    rows = list(csv.DictReader((tmp_path / "sensitivity.csv").open(encoding="utf-8")))
    assert [float(row["step_size"]) for row in rows] == list(STEPS)
    assert "poly/x2y2" in (tmp_path / "sensitivity.svg").read_text(encoding="utf-8")


def test_without_ladders_there_is_no_sensitivity(board: Board) -> None:
    with pytest.raises(ValueError, match="three step sizes"):
        plots.sensitivity_figure(board.ladders)


def test_samplers_of_one_figure_differ_in_colour() -> None:
    entries = ["sgld@tuned", "sgld@default", "mala", "hmc", "baoab", "sghmc", "mclmc", "exact"]
    found = colours(entries)
    assert found["sgld@tuned"] == found["sgld@default"]
    assert len(set(found.values())) == len(entries) - 1


def test_labels_are_moved_apart_and_stay_inside() -> None:
    places = _apart([100.0, 100.0, 99.0, 3.0, 1.0, 0.0], 100.0)
    gaps = [a - b for a, b in pairwise(places)]
    assert min(gaps) >= 10.5 - 1e-9
    assert min(places) >= 0
    assert places[0] == 100.0


def test_blocks_are_replaced_and_nothing_else(records: list[RunRecord], tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    page = LEADERBOARD.path(readme)
    page.parent.mkdir()
    first = f"a\n{TRUTHS.begin}\nfirst\n{END}\nb\n{BEST.begin}\n"
    readme.write_text(f"{first}old\n{END}\nc\n", encoding="utf-8")
    page.write_text(f"a\n{LEADERBOARD.begin}\nold\n{END}\nc\n", encoding="utf-8")
    blocks = leaderboard_blocks(records)
    assert renew(readme, blocks) == [page, readme]
    new = readme.read_text(encoding="utf-8")
    assert new.startswith(first)
    assert new.endswith(f"{END}\nc\n")
    assert BEST.shown(new) == blocks[BEST].strip()
    assert LEADERBOARD.shown(page.read_text(encoding="utf-8")) == blocks[LEADERBOARD].strip()
    # Stale as soon as a run differs.
    assert BEST.shown(new) != leaderboard_blocks(records[3:])[BEST].strip()


def test_nothing_is_written_unless_every_block_is_there(
    records: list[RunRecord], tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    page = LEADERBOARD.path(readme)
    page.parent.mkdir()
    old = f"{LEADERBOARD.begin}\nold\n{END}\n"
    page.write_text(old, encoding="utf-8")
    readme.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the lines"):
        renew(readme, leaderboard_blocks(records))
    page.unlink()
    with pytest.raises(ValueError, match="is missing"):
        renew(readme, leaderboard_blocks(records))
    page.write_text(old, encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md lacks the lines"):
        renew(readme, leaderboard_blocks(records))
    assert page.read_text(encoding="utf-8") == old


def test_commands_read_stores_and_files(store: RunStore, tmp_path: Path) -> None:
    committed = tmp_path / "runs.jsonl"
    write(store.contents().records, committed)
    runner = CliRunner()
    outputs = []
    for place in (str(store.root), str(committed)):
        done = runner.invoke(
            cli, ["leaderboard", "--store", place, "--json", "--draws", "100"],
            catch_exceptions=False,
        )  # fmt: skip
        outputs.append(json.loads(done.output))
    ours, theirs = ([(s["entry"], s["rank"]) for s in o["standings"]] for o in outputs)
    assert ours == theirs
    done = runner.invoke(
        cli,
        ["compare", "--store", str(store.root), "--against", str(committed), "--json",
         "--metric", "rmse", "--draws", "100"],
        catch_exceptions=False,
    )  # fmt: skip
    output = json.loads(done.output)
    # Rounding to six digits is all that differs.
    assert output
    assert all(abs(d["value"]) < 1e-4 for d in output if d["value"] is not None)


def test_unknown_entries_are_one_line(store: RunStore) -> None:
    done = CliRunner().invoke(cli, ["compare", "mala", "sgdl", "--store", str(store.root)])
    assert isinstance(done.exception, ValueError)
    assert str(done.exception) == "no entry 'sgdl' in these runs; there is sgld"


def test_no_torch_is_needed(store: RunStore) -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom llcbench.cli.commands import cli\n"
        f"done = CliRunner().invoke(cli, ['leaderboard', '--store', {str(store.root)!r}])\n"
        "assert done.exit_code == 0, done.output\n"
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
