"""The page on corrected SGLD is made of its committed table, and no row is lost without runs."""

import json
from pathlib import Path

import corrected_table as script
import pytest


@pytest.fixture(autouse=True)
def no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "MEASURED", tmp_path / "corrected.jsonl")


def test_page_and_table_are_those_of_the_committed_table() -> None:
    done = script.kept()
    assert set(done) == {script.key(row) for row in script.ROWS}
    assert script.page(done) == script.PAGE.read_text(encoding="utf-8")
    assert script.table(done) == script.TABLE.read_text(encoding="utf-8")


def test_a_run_of_this_folder_replaces_its_row_only() -> None:
    row = script.ROWS[3]
    text = '{"row": %s, "results": {"truth": 1.0, "sgld": 0.5, "sgld_se": 0.1}}\n'
    script.MEASURED.write_text(text % json.dumps(script.key(row)))
    done = script.kept()
    assert done[script.key(row)]["sgld"] == 0.5
    assert len(done) == len(script.ROWS)
    assert "+50.0 (10.0)" in script.page(done)
