"""``llcbench estimate``: scripts and checkpoints as people have them."""

import json
from pathlib import Path

import pytest
import torch
from command import here

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
