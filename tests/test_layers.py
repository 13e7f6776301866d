"""Dependencies point one way, and what must start fast does not import torch."""

import subprocess
import sys

import pytest

CASES = [
    ("import theory, theory.families, theory.tempered, theory.oracle, theory.gibbs",
     ["torch", "llcbench", "matplotlib"]),
    ("import llcbench, llcbench.cli, llcbench.registry", ["torch", "scipy", "matplotlib"]),
    ("import llcbench.pytest_plugin", ["torch", "llcbench.target", "numpy"]),
    ("import llcbench.records, llcbench.scoring, llcbench.run.store", ["torch"]),
    ("import llcbench.compare", ["torch", "matplotlib", "llcbench.report", "llcbench.cli"]),
    ("import llcbench.types", ["llcbench.target", "llcbench.problems", "llcbench.run"]),
    ("import llcbench.target", ["llcbench.samplers", "llcbench.estimators", "llcbench.run"]),
    ("import llcbench.samplers.sgld, llcbench.samplers.mala, llcbench.samplers.exact",
     ["llcbench.estimators", "llcbench.run", "llcbench.report"]),
    ("import llcbench.estimators.mean_energy", ["llcbench.run", "llcbench.report", "llcbench.cli"]),
    ("import llcbench.measures.norms, llcbench.measures.rescaling",
     ["llcbench.estimators", "llcbench.run", "llcbench.report", "llcbench.cli"]),
    ("import llcbench.networks", ["llcbench.training", "llcbench.run", "llcbench.estimators"]),
    ("import llcbench.heuristics.suite, llcbench.heuristics.effects, llcbench.heuristics.store",
     ["torch", "matplotlib", "llcbench.cli"]),
    ("import llcbench.run.runner", ["llcbench.report", "llcbench.cli"]),
]


@pytest.mark.parametrize(("statement", "forbidden"), CASES)
def test_layer_does_not_import_upwards(statement: str, forbidden: list[str]) -> None:
    check = f"{statement}; import sys; print([m for m in {forbidden!r} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.strip() == "[]"


def test_help_does_not_import_torch() -> None:
    check = (
        "import sys; sys.argv = ['llcbench', '--help']\n"
        "from llcbench.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.strip().endswith("False")
    assert "Usage" in out.stdout
