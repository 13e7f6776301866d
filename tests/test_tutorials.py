"""The tutorials on networks run, at small sizes, and say what their pages promise."""

import re
import runpy
import warnings
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "tutorials" / "pictures"
NAMES = ("digits_cnn", "gpt_checkpoints", "frozen_head")
VALUE = r"(-?[\d.]+) \+- ([\d.]+)"
PNG = b"\x89PNG"


@pytest.fixture
def told(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Run the tutorial of a test; return what it prints."""
    name = request.param
    if name != "gpt_checkpoints":
        pytest.importorskip("sklearn")
    picture = tmp_path / "new" / "picture.png"
    monkeypatch.setenv("LLCBENCH_QUICK", "1")
    monkeypatch.setattr("sys.argv", [name, str(picture)])
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(ROOT / "tutorials" / f"{name}.py"), run_name="__main__")
    assert picture.read_bytes().startswith(PNG)
    return capsys.readouterr().out


@pytest.mark.parametrize("told", ["digits_cnn"], indirect=True)
def test_the_digits_cnn_tells_a_minimum_from_a_point_in_between(told: str) -> None:
    row = rf"(\w+) +(data|own ) labels: loss \S+ {VALUE}, minimum (ok|BAD)"
    rows = {(name, kind): verdict for name, kind, _, _, verdict in re.findall(row, told)}
    assert len(rows) == 6
    assert {rows[name, "own "] for name, _ in rows} == {"ok"}
    assert rows["untrained", "data"] == rows["halfway", "data"] == "BAD"


@pytest.mark.parametrize("told", ["gpt_checkpoints"], indirect=True)
def test_the_gpt_is_estimated_at_every_checkpoint(told: str) -> None:
    row = rf"step +(\d+): loss ([\d.]+), estimate {VALUE}, failed guards: (.+)"
    rows = re.findall(row, told)
    steps, losses = [int(r[0]) for r in rows], [float(r[1]) for r in rows]
    assert len(rows) >= 2
    assert steps == sorted(set(steps))
    assert losses == sorted(losses, reverse=True)


def distance(line: str) -> float:
    """Return how many standard errors an estimate is from the exact value beside it."""
    match = re.search(rf"{VALUE}, exact ([\d.]+)", line)
    assert match is not None
    value, error, exact = map(float, match.groups())
    return abs(value - exact) / error


@pytest.mark.parametrize("told", ["frozen_head"], indirect=True)
def test_the_frozen_head_agrees_with_its_exact_value(told: str) -> None:
    heads = [line for line in told.splitlines() if ", exact " in line]
    assert heads
    assert max(map(distance, heads)) < 5
    assert "head 45 parameters" in told
    assert "whole network, labels: minimum fails" in told


def test_a_head_that_disagrees_is_seen() -> None:
    assert distance("gamma 100   head: 22.50 +- 0.07, exact 5.05; failed guards: none") > 5


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_there_and_shown(name: str) -> None:
    assert (PICTURES / f"{name}.png").read_bytes().startswith(PNG)
    page = (ROOT / "docs" / "tutorials.md").read_text("utf-8")
    assert f"](../tutorials/pictures/{name}.png)" in page
    assert f"](../tutorials/{name}.py)" in page
