"""Suites from Python give what the commands give, and keep what a store holds."""

import json
import math
from pathlib import Path

import pytest
from command import here

import llcbench

SMALL = {"num_draws": 60, "num_burnin": 20, "num_chains": 4}
COMMITTED = Path(__file__).parents[2] / "results" / "reference" / "v1" / "smoke.jsonl"


def small(**options: object) -> list[llcbench.RunRecord]:
    chosen: dict[str, object] = {
        "problems": ["poly/x2", "poly/x4"], "samplers": ["mala", "sgld[step_size=1e-3]"],
        "replicates": 2, "settings": SMALL, "progress": False,
    }  # fmt: skip
    return llcbench.run_suite("smoke", **(chosen | options))  # type: ignore[arg-type]


def test_runs_come_in_the_order_of_the_suite_and_are_reused(tmp_path: Path) -> None:
    first = small(store=tmp_path / "store")
    assert [(r.spec.problem, r.spec.sampler, r.spec.replicate) for r in first] == [
        (problem, sampler, replicate)
        for problem in ("poly/x4", "poly/x2")
        for sampler in ("mala", "sgld")
        for replicate in (0, 1)
    ]
    assert all(r.estimate.status == "ok" and r.truths is not None for r in first)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "store" / "runs").iterdir()}
    assert small(store=tmp_path / "store") == first
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert llcbench.read_records(tmp_path / "store") == sorted(first, key=lambda r: r.key)


def test_without_a_store_the_same_numbers_come_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = [r.estimate.llc for r in small(store=tmp_path / "store", problems=["poly/x2"])]
    assert [r.estimate.llc for r in small(problems=["poly/x2"])] == kept
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_scores_are_those_of_the_command(tmp_path: Path) -> None:
    records = small(store=tmp_path / "store")
    scores = llcbench.score(records)
    printed = json.loads(here("score", "--store", str(tmp_path / "store"), "--json").stdout)
    assert [score.problem for score in scores] == [row["problem"] for row in printed]
    assert [score.mean.value for score in scores if score.mean] == pytest.approx(
        [row["mean"]["value"] for row in printed]
    )
    text = llcbench.to_text(scores, ["problem", "sampler", "bias"])
    assert text.splitlines()[-1].startswith("poly/x4")
    assert "rmse" not in text
    with pytest.raises(ValueError, match="no column 'biass'; there are problem"):
        llcbench.to_text(scores, ["biass"])


def test_committed_runs_are_ranked_and_compared() -> None:
    records = llcbench.read_records(COMMITTED)
    board = llcbench.leaderboard(records, draws=200)
    names = [standing.entry for standing in board.standings]
    assert "bias" in llcbench.to_text(board)
    pairs = llcbench.compare_entries(records, names[:2], draws=200)
    assert {pair.first for pair in pairs} | {pair.second for pair in pairs} == set(names[:2])
    assert names[0] in llcbench.to_text(pairs)


def test_data_frames_hold_full_precision() -> None:
    pandas = pytest.importorskip("pandas")
    records = llcbench.read_records(COMMITTED)
    runs = llcbench.to_frame(records)
    assert isinstance(runs, pandas.DataFrame)
    assert list(runs["llc"].dropna()) == [r.estimate.llc for r in records if r.estimate.llc]
    scores = llcbench.score(records)
    frame = llcbench.to_frame(scores)
    assert len(frame) == len(scores)
    biases = [math.nan if score.bias is None else score.bias.value for score in scores]
    assert list(frame["bias"]) == pytest.approx(biases, nan_ok=True)


def test_bad_names_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="smoke"):
        llcbench.run_suite("smokes")
    with pytest.raises(ValueError, match="num_chain"):
        small(settings={"num_chain": 4})
    with pytest.raises(ValueError, match="no runs in"):
        llcbench.read_records(tmp_path / "nothing")
