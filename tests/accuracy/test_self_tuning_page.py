"""The page on self-tuning is made of committed tables, and no table is lost where none is made."""

import json
from pathlib import Path

import numpy as np
import pytest
import self_tuning
from self_tuning_statistics import by_problem, summary

SMALL = "minibatches"


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the script to a folder of its own, with a copy of one committed table."""
    table = self_tuning.RESULTS / f"{SMALL}.csv"
    for name, place in (("STORE", "store"), ("RESULTS", "tables"), ("PAGE", "page.md")):
        monkeypatch.setattr(self_tuning, name, tmp_path / place)
    for folder in ("store", "tables"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tables" / table.name).write_bytes(table.read_bytes())
    part = self_tuning.parts()[SMALL]
    monkeypatch.setattr(self_tuning, "parts", lambda: {SMALL: part})
    return tmp_path


def keep(folder: Path, rows: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "store" / f"{SMALL}.jsonl").write_text(text)


def test_the_committed_page_is_that_of_the_committed_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_tuning, "STORE", tmp_path)
    assert self_tuning.page() == self_tuning.PAGE.read_text(encoding="utf-8")


def test_without_runs_nothing_that_is_published_is_lost(apart: Path) -> None:
    table = apart / "tables" / f"{SMALL}.csv"
    before = table.read_bytes()
    self_tuning.publish()
    assert table.read_bytes() == before
    whole = (apart / "page.md").read_text()
    # Nor with some of the runs made again: they are whole or they wait.
    keep(apart, [row | {"llc": 1e6} for row in self_tuning.rows_of(SMALL)[1:]])
    self_tuning.publish()
    assert table.read_bytes() == before
    assert (apart / "page.md").read_text() == whole


def test_runs_that_are_whole_replace_a_table(apart: Path) -> None:
    keep(apart, [row | {"llc": 2 * row["truth"]} for row in self_tuning.rows_of(SMALL)])
    self_tuning.publish()
    assert "+100.0" in (apart / "page.md").read_text()
    table = (apart / "tables" / f"{SMALL}.csv").read_text()
    # Read back, the table is what was written.
    (apart / "store" / f"{SMALL}.jsonl").unlink()
    self_tuning.publish()
    assert (apart / "tables" / f"{SMALL}.csv").read_text() == table


def test_committed_tables_do_not_count_as_made(apart: Path) -> None:
    """A new version is measured anew: only runs of this folder are not repeated."""
    part = self_tuning.parts()[SMALL]
    runs = len(part.cases) * self_tuning.REPLICATES
    assert len(list(self_tuning.missing(SMALL, part))) == runs
    keep(apart, self_tuning.rows_of(SMALL)[:3])
    assert len(list(self_tuning.missing(SMALL, part))) == runs - 3


def test_noise_is_removed_from_a_bias_and_failures_are_counted() -> None:
    """Of 4000 made-up runs with 3 % bias and 20 % noise on two problems."""
    rng = np.random.default_rng(0)
    rows = [
        {"problem": name, "half": "held", "status": "ok", "truth": 2.0, "truth_se": 0.0,
         "mcse": 0.4, "llc": 2.0 * (1.03 + 0.2 * rng.standard_normal())}
        for name in ("a", "b") for _ in range(2000)
    ]  # fmt: skip
    rows += [rows[0] | {"status": "diverged", "llc": None, "mcse": None}]
    found = summary(by_problem(rows, 16))
    assert (found["problems"], found["runs"], found["failed"]) == (2, 4001, 1)
    assert abs(found["bias"] - 0.03) < 0.01
    assert abs(found["rmse"] - np.hypot(0.03, 0.2)) < 0.01
    assert 0.88 < found["covered"] < 0.94
    # Control: of eight runs a problem the root mean square of the means is mostly noise.
    few = by_problem([row for row in rows if row["status"] == "ok"][::250], 16)
    raw = float(np.sqrt(np.mean([t["bias"] ** 2 for t in few])))
    assert summary(few)["bias"] < raw
