"""The command line from a suite file to effects, with real trainings."""

import json
import os
import shutil
from pathlib import Path

import pytest
from command import here

SUITE = """
title = "t"
version = 1
seeds = 2
diffusive = true
[defaults]
data = "digits"
samples = 60
network = "mlp-6"
[defaults.training]
steps = 60
batch_size = 20
[defaults.measuring]
num_burnin = 5
num_draws = 10
batch_size = 20
gc_samples = 20
hessian_samples = 20
hessian_products = 3
hessian_probes = 2
[[experiment]]
name = "lr"
factor = "learning rate"
claim = [{ measure = "norm", direction = "up", source = "elementary" }]
arm = [{ level = 0.01, training = { lr = 0.01 } }, { level = 0.1, training = { lr = 0.1 } }]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("command")
    suite, store = folder / "mine.toml", str(folder / "store")
    suite.write_text(SUITE)
    done = here("heuristics", "run", str(suite), "--store", store, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["trials"], summary["finished"], summary["not_ok"]) == (4, 4, 0)
    return str(suite), store


def test_run_resumes(place: tuple[str, str]) -> None:
    suite, store = place
    done = here("heuristics", "run", suite, "--store", store, "--executor", "serial")
    assert "4 trials: 4 reused, 0 made" in done.stdout
    left = here("heuristics", "run", suite, "--store", store, "--seeds", "3",
                "--time-budget", "0.0000001s", "--json")  # fmt: skip
    assert json.loads(left.stdout)["unstarted"] == 2


def test_damaged_trials_are_set_aside_and_made_again(
    place: tuple[str, str], tmp_path: Path
) -> None:
    suite, store = tmp_path / "mine.toml", tmp_path / "store"
    shutil.copy(place[0], suite)
    shutil.copytree(place[1], store)
    one, *_ = sorted((store / "trials").glob("*.json"))
    one.write_bytes(one.read_bytes()[:100])
    left = store / "trials" / "0123.json.99.tmp"
    left.write_text("{")
    os.utime(left, (0, 0))
    done = here("heuristics", "run", str(suite), "--store", str(store))
    assert "4 trials: 3 reused, 1 made" in done.stdout
    assert f"set aside {one.name}" in done.stderr
    assert "0123.json.99.tmp (a process was killed while it wrote)" in done.stderr
    assert {path.name for path in (store / "damaged").iterdir()} == {one.name, "0123.json.99.tmp"}


def test_effects_of_store_and_file_agree(place: tuple[str, str], tmp_path: Path) -> None:
    _, store = place
    out = str(tmp_path / "all.jsonl.gz")
    assert "4 trials written" in here("heuristics", "export", "--store", store, "--out", out).stdout
    tables = [here("heuristics", "effects", "--store", s, "--csv").stdout for s in (store, out)]
    assert tables[0] == tables[1]
    output = json.loads(here("heuristics", "effects", "--store", out, "--json").stdout)
    norm = next(effect for effect in output if effect["measure"] == "norm")
    assert (norm["seeds"], norm["claimed"], norm["matched"]) == (2, "up", False)
    # More learning moves the weights further from a small start.
    assert norm["value"] > 0
    claims = here("heuristics", "effects", "--store", out, "--claims", "--markdown").stdout
    assert claims.count("\n") == 4  # heading, rule, one claim and the end of echo
    pairs = here("heuristics", "effects", "--store", out, "--correlations", "--measure", "llc",
                 "--json")  # fmt: skip
    assert {"llc"} < {name for p in json.loads(pairs.stdout) for name in (p["first"], p["second"])}
    trials = json.loads(here("heuristics", "effects", "--store", out, "--trials", "--json").stdout)
    assert [(row["arm"], row["seed"]) for row in trials] == [
        ("0.01", 0), ("0.01", 1), ("0.1", 0), ("0.1", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "imag"], "did you mean 'image'"),
        (["run", "gc", "--preset", "paper"], "llcbench: "),
        (["run", "gc", "--experiment", "x"], "gc-lr"),
        (["run", "gc", "--seeds", "0"], "at least 1"),
        (["run", "gc", "--workers", "0"], "workers"),
        (["run", "gc", "--time-budget", "soon"], "soon"),
        (["effects", "--store", "nowhere"], "nowhere"),
        (["export", "--store", "nowhere", "--out", "x.jsonl"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    if "--store" not in arguments:
        arguments = [*arguments, "--store", str(tmp_path)]
    done = here("heuristics", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("option", ["--suite", "--experiment", "--measure"])
def test_unknown_selection_is_one_line(place: tuple[str, str], option: str) -> None:
    done = here("heuristics", "effects", "--store", place[1], option, "x")
    assert done.returncode == 2
    assert "'x'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
