"""The numbers of the README are those of the committed results."""

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from llcbench.heuristics.store import contents_of
from llcbench.records import RunRecord
from llcbench.report.figures.readme import BEGIN_FIGURES, generated_figures
from llcbench.report.readme import (
    BEGIN,
    BEGIN_AGREEMENT,
    BEGIN_CLASSES,
    BEGIN_HEURISTICS,
    BEGIN_LEADERBOARD,
    BEGIN_PEERS,
    BEGIN_SPEED,
    generated,
    generated_agreement,
    generated_classes,
    generated_heuristics,
    generated_leaderboard,
    generated_peers,
    generated_speed,
    shown,
)
from llcbench.run import exports as reference

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SMOKE = ROOT / "results" / "reference" / "v1" / "smoke.jsonl"
ACCURACY = SMOKE.with_name("accuracy.jsonl.gz")
EXACT = SMOKE.with_name("exact.jsonl.gz")
SENSITIVITY = SMOKE.with_name("sensitivity.jsonl.gz")
PEERS = SMOKE.with_name("peers.jsonl.gz")
SCALE = SMOKE.with_name("dln-scale.jsonl.gz")


@cache
def read(path: Path) -> Mapping[str, RunRecord]:
    return reference.read(path)


def test_the_table_is_that_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN) == generated(read(SMOKE).values()).strip()


def test_the_leaderboard_is_that_of_the_committed_runs() -> None:
    ladder = read(SENSITIVITY).values()
    wanted = generated_leaderboard(read(ACCURACY).values(), ladder).strip()
    assert shown(TEXT, BEGIN_LEADERBOARD) == wanted


def test_the_agreement_is_that_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN_AGREEMENT) == generated_agreement(read(EXACT).values()).strip()


def test_the_peers_are_those_of_the_committed_runs() -> None:
    wanted = generated_peers(read(ACCURACY).values(), read(PEERS).values()).strip()
    assert shown(TEXT, BEGIN_PEERS) == wanted
    assert shown(TEXT, BEGIN_SPEED) == generated_speed(SMOKE.with_name("peers_speed.csv")).strip()


def test_the_classes_are_those_of_the_committed_runs() -> None:
    assert shown(TEXT, BEGIN_CLASSES) == generated_classes(read(SCALE).values()).strip()


def test_the_directions_are_those_of_the_committed_trials() -> None:
    stores = sorted(map(str, SMOKE.parent.glob("heuristics-*.jsonl.gz")))
    assert shown(TEXT, BEGIN_HEURISTICS) == generated_heuristics(map(contents_of, stores)).strip()


def test_the_figures_are_those_that_are_drawn() -> None:
    folder = Path("results") / "figures" / "v1"
    wanted = generated_figures(ROOT / folder).replace(f"{ROOT.as_posix()}/", "").strip()
    assert shown(TEXT, BEGIN_FIGURES) == wanted


def plain(path: Path) -> bytes:
    """Return the lines; how they are packed depends on the library that does it."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


COMMITTED = (SMOKE, ACCURACY, EXACT, SENSITIVITY, PEERS, SCALE)


@pytest.mark.parametrize("committed", COMMITTED, ids=lambda path: path.name)
def test_committed_runs_are_whole_and_stable(committed: Path, tmp_path: Path) -> None:
    records = read(committed)
    again = tmp_path / committed.name
    reference.write(records, again)
    # Thousands of lines: a difference is not worth an explanation that takes minutes.
    same = plain(again) == plain(committed)
    assert same
    environments = {path.stem for path in (ROOT / "results" / "environments").glob("*.json")}
    assert {record.environment for record in records.values()} <= environments
