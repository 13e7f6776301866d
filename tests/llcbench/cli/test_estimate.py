"""``llcbench estimate``: scripts and checkpoints as people have them."""

import json
from pathlib import Path

import pytest
import torch
from command import here

import llcbench

SCRIPT = """
from __future__ import annotations
import sys
from dataclasses import dataclass
import torch
from torch import nn
import llcbench
from beside import WIDTH

@dataclass
class Config:
    count: int = {count}

torch.manual_seed(0)
x = torch.randn(Config().count, WIDTH)
net = nn.Linear(WIDTH, 1)
{change}
problem = llcbench.from_module(net, lambda f, y: (f - y).square().sum(1), (x, net(x)))
"""
SHORT = ("--set", "num_draws=20", "--set", "num_burnin=5", "--no-progress")


def script(folder: Path, count: int = 40, change: str = "") -> str:
    (folder / "beside.py").write_text("WIDTH = 3\n")
    path = folder / "net.py"
    path.write_text(SCRIPT.format(count=count, change=change))
    return str(path)


def test_a_script_imports_what_is_beside_it_and_notes_are_shown(tmp_path: Path) -> None:
    done = here("estimate", script(tmp_path, change="net.bias.requires_grad_(False)"), *SHORT)
    assert done.returncode == 0, done.stderr
    assert "1 parameters in 1 tensors (bias) have requires_grad=False" in done.stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_a_sampler_that_is_skipped_says_why_and_fails(tmp_path: Path, as_json: bool) -> None:
    options = ["--json"] if as_json else []
    done = here("estimate", script(tmp_path, 300), "-s", "mala", *SHORT, *options)
    assert done.returncode == 1
    line = "llcbench: module: skipped: mala needs the full batch; drop batch_size"
    assert line in done.stderr.lower().replace("MALA", "mala")
    assert "--set batch_size=none" in done.stderr
    if as_json:
        assert json.loads(done.stdout)[0]["status"] == "skipped"
    # Its way out is one.
    whole = here(
        "estimate", script(tmp_path, 300), "-s", "mala", "--set", "batch_size=none", *SHORT
    )
    assert whole.returncode == 0, whole.stderr


def test_chains_that_diverge_fail(tmp_path: Path) -> None:
    done = here("estimate", script(tmp_path), "-s", "sgld[step_size=1e3]", *SHORT)
    assert done.returncode == 1
    assert "try a smaller step_size" in done.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("1 / 0", "net.py, line 17: ZeroDivisionError"),
        ("sys.exit(3)", "net.py, line 17: SystemExit: 3"),
        ("net.weight.data.fill_(float('nan'))", "net.py, line 18: weight holds 3 numbers"),
        ("import nothing_like_it", "line 17: ModuleNotFoundError"),
        ("def", "SyntaxError"),
    ],
)
def test_a_script_that_fails_is_one_line(tmp_path: Path, change: str, words: str) -> None:
    done = here("estimate", script(tmp_path, change=change), *SHORT)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_checkpoints_of_others(tmp_path: Path) -> None:
    """Weights beside other values are found; code in a file is not run."""
    path = script(tmp_path)
    state = {"weight": torch.ones(1, 3), "bias": torch.zeros(1)}
    torch.save(state, tmp_path / "plain.pt")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "lightning.ckpt")
    both = ["--state", str(tmp_path / "plain.pt"), "--state", str(tmp_path / "lightning.ckpt")]
    done = here("estimate", path, *both, "--json", *SHORT)
    assert done.returncode == 0, done.stderr
    assert [row["problem"] for row in json.loads(done.stdout)] == [
        "module@plain",
        "module@lightning",
    ]
    torch.save({f"model.{name}": value for name, value in state.items()}, tmp_path / "prefix.pt")
    torch.save(torch.nn.Linear(3, 1), tmp_path / "whole.pt")
    for name, words in (("prefix.pt", "removeprefix('model.')"), ("whole.pt", "more than tensors")):
        done = here("estimate", path, "--state", str(tmp_path / name), *SHORT)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_problem_of_the_catalogue_tunes_itself() -> None:
    exact = llcbench.problem("dln/2-2-2/r1").truth.local.value
    options = ("--gamma", "10", "--nbeta", "1e3", "--chains", "8", "--max-grads", "200")
    done = here("estimate", "dln/2-2-2/r1", *options, "--no-progress")
    assert done.returncode == 0, done.stderr
    assert f"the exact coefficient is {exact}," in done.stdout
    assert "200 gradients a chain in all" in done.stdout
    plain = json.loads(here("estimate", "dln/2-2-2/r1", *options, "--json").stdout)[0]
    assert plain["method"].startswith("GHMC on the full batch")
    assert plain["grad_evals"] == 1600


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "no Python file 'nothing'; write FILE.py, FILE.py:NAME, or the id"),
        (["poly/x2y2", "--layers"], "poly/x2y2 has no layers or checkpoints"),
        (["poly/x2y2", "-s", "mala", "--gamma", "1"], "gamma=1.0 is for the estimate that tunes"),
        (["poly/x2y2", "--batch-size", "10"], "has no minibatches; drop batch_size"),
        (["poly/x2y2", "--max-grads", "1"], "max_grads must be a whole number of at least 24"),
        (["poly/nothing"], "poly/nothing"),
    ],
)
def test_what_cannot_be_estimated_is_one_line(arguments: list[str], words: str) -> None:
    done = here("estimate", *arguments, "--no-progress")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
