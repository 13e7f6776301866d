"""A package of somebody else's, really installed, brings a sampler onto the leaderboard."""

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from command import here

PROJECT = """
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "their-samplers"
version = "1.0"

[project.entry-points."llcbench.samplers"]
their_langevin = "their_samplers:Langevin"

[tool.setuptools]
py-modules = ["their_samplers"]
"""
MODULE = '''
from dataclasses import dataclass

import torch
from llcbench import Draw


@dataclass(frozen=True)
class Langevin:
    """Langevin steps."""

    step_size: float = 1e-4

    def init(self, theta, target, rng):
        return theta

    def step(self, theta, target, rng):
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta - 0.5 * self.step_size * grad + self.step_size**0.5 * noise, Draw(theta, loss)
'''
SUITE = """
title = "Theirs and ours"
version = 1
replicates = 2
[settings]
nbeta = 100.0
gamma = 10.0
num_chains = 8
[[group]]
problems = ["regular/d2", "poly/x2-y4", "poly/x2y2"]
samplers = ["their_langevin[step_size=1e-3]", "sgld[step_size=1e-3]"]
grads = 400
variant = "default"
"""
MAIN = "from llcbench.cli.main import main; main()"


def test_a_sampler_from_another_package_is_on_the_leaderboard(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "their_samplers.py").write_text(MODULE)
    (tmp_path / "suite.toml").write_text(SUITE)
    home = tmp_path / "environment"
    venv.create(home)
    python = home / "bin" / "python"
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    # The environment sees llcbench and what it needs, but not the other way round.
    (Path(site) / "ours.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    # The pip of this environment installs into the other; one of its own would take seconds.
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", package], check=True, timeout=240)

    def llcbench(*arguments: str) -> str:
        command = [python, "-c", MAIN, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        return done.stdout

    store = str(tmp_path / "store")
    assert "their_langevin" in llcbench("list", "samplers").split()
    llcbench("run", str(tmp_path / "suite.toml"), "--store", store)
    # A store is read where the package is not: no record needs it.
    board = json.loads(here("leaderboard", "--store", store, "--json").stdout)
    rows = {row["entry"]: row for row in board["standings"]}
    theirs, ours = rows["their_langevin@default"], rows["sgld@default"]
    # The same kernel with other noise: never ranked apart.
    assert theirs["rank"] == ours["rank"] == 1
    assert "their_langevin" not in here("list", "samplers").stdout.split()
