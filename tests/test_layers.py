"""Dependencies point one way, and what must start fast does not import torch."""

import json
import subprocess
import sys

CASES = {
    "theory": (
        "theory theory.families theory.tempered theory.oracle theory.gibbs",
        "torch llcbench matplotlib",
    ),
    "cli": ("llcbench llcbench.cli llcbench.registry", "torch scipy matplotlib"),
    "pytest_plugin": ("llcbench.pytest_plugin", "torch llcbench.target numpy"),
    "records": ("llcbench.records llcbench.scoring llcbench.run.store", "torch"),
    "compare": ("llcbench.compare", "torch matplotlib llcbench.report llcbench.cli"),
    "heuristics": (
        "llcbench.heuristics.suite llcbench.heuristics.effects llcbench.heuristics.store",
        "torch matplotlib llcbench.cli",
    ),
    "types": ("llcbench.types", "llcbench.target llcbench.problems llcbench.run"),
    "target": ("llcbench.target", "llcbench.samplers llcbench.estimators llcbench.run"),
    "samplers": (
        "llcbench.samplers.sgld llcbench.samplers.mala llcbench.samplers.exact",
        "llcbench.estimators llcbench.run llcbench.report",
    ),
    "mean_energy": (
        "llcbench.estimators.mean_energy",
        "llcbench.run llcbench.report llcbench.cli",
    ),
    "measures": (
        "llcbench.measures.norms llcbench.measures.rescaling",
        "llcbench.estimators llcbench.run llcbench.report llcbench.cli",
    ),
    "networks": ("llcbench.networks", "llcbench.training llcbench.run llcbench.estimators"),
    "runner": ("llcbench.run.runner", "llcbench.report llcbench.cli"),
}
# Every case in a fork of a process that holds nothing of ours. What is slow to import is there for
# those that may have it: to import it anew for each would take most of the time.
SCRIPT = """
import importlib, json, os, sys

def loaded(modules, forbidden):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        for name in modules.split():
            importlib.import_module(name)
        found = [name for name in forbidden.split() if name in sys.modules]
        os.write(theirs, json.dumps(found).encode())
        os._exit(0)
    os.close(theirs)
    with open(ours) as answer:
        text = answer.read()
    os.wait()
    return json.loads(text or '"it cannot be imported"')

cases, found = json.loads(sys.argv[1]), {}
for slow in ("numpy", "scipy scipy.optimize scipy.stats sympy", "torch", ""):
    for case, (modules, forbidden) in cases.items():
        early = not set(slow.split()).isdisjoint(forbidden.split())
        if case not in found and (early or not slow):
            found[case] = loaded(modules, forbidden)
    for name in slow.split():
        importlib.import_module(name)
held = [name for name in sys.modules if name.partition(".")[0] in ("llcbench", "theory")]
print(json.dumps([found, held]))
"""


def test_layers_do_not_import_upwards() -> None:
    controls = {
        "what is there": ("llcbench.target", "torch llcbench.types"),
        "one of two": ("llcbench.target", "llcbench.types llcbench.absent"),
    }
    command = [sys.executable, "-c", SCRIPT, json.dumps(CASES | controls)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found, held = json.loads(done.stdout)
    assert held == []
    assert found == {case: [] for case in CASES} | {
        "what is there": ["torch", "llcbench.types"], "one of two": ["llcbench.types"],
    }  # fmt: skip


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
