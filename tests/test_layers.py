"""Dependencies point one way, and what must start fast does not import torch."""

import json
import subprocess
import sys

from layers import (
    ROOT,
    borrowed,
    circles,
    class_names,
    imports,
    module_graph,
    modules,
    room_graph,
    table,
)

CASES = {
    "theory": (
        "theory theory.families theory.tempered theory.langevin.euler theory.linear_networks.gibbs",
        "torch llcbench matplotlib",
    ),
    "cli": ("llcbench llcbench.cli.commands llcbench.registry", "torch scipy matplotlib"),
    "pytest_plugin": ("llcbench.testing.pytest_plugin", "torch llcbench.sampling.target numpy"),
    "records": ("llcbench.records llcbench.scoring llcbench.run.store", "torch"),
    "compare": ("llcbench.compare", "torch matplotlib llcbench.report llcbench.cli.commands"),
    "heuristics": (
        "llcbench.heuristics.suite llcbench.heuristics.effects llcbench.heuristics.store",
        "torch matplotlib llcbench.cli.commands",
    ),
    "types": ("llcbench.types", "llcbench.sampling.target llcbench.problems llcbench.run"),
    "target": ("llcbench.sampling.target", "llcbench.samplers llcbench.estimators llcbench.run"),
    "samplers": (
        "llcbench.samplers.sgld llcbench.samplers.mala llcbench.samplers.exact",
        "llcbench.estimators llcbench.run llcbench.report",
    ),
    "mean_energy": (
        "llcbench.estimators.mean_energy",
        "llcbench.run llcbench.report llcbench.cli.commands",
    ),
    "measures": (
        "llcbench.measures.norms llcbench.measures.rescaling",
        "llcbench.estimators llcbench.run llcbench.report llcbench.cli.commands",
    ),
    "networks": ("llcbench.networks", "llcbench.training llcbench.run llcbench.estimators"),
    "entry point": ("llcbench.cli.main", "click llcbench.cli.commands llcbench.run"),
    "runner": ("llcbench.run.runs", "llcbench.report llcbench.cli.commands"),
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
        "what is there": ("llcbench.sampling.target", "torch llcbench.types"),
        "one of two": ("llcbench.sampling.target", "llcbench.types llcbench.absent"),
    }
    command = [sys.executable, "-c", SCRIPT, json.dumps(CASES | controls)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    output, held = json.loads(done.stdout)
    assert held == []
    assert output == {case: [] for case in CASES} | {
        "what is there": ["torch", "llcbench.types"], "one of two": ["llcbench.types"],
    }  # fmt: skip


def test_help_does_not_import_torch() -> None:
    check = (
        "import sys; sys.argv = ['llcbench', '--help']\n"
        "from llcbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.strip().endswith("False")
    assert "Usage" in out.stdout


def test_every_room_imports_what_the_table_allows() -> None:
    allowed, rooms = table(), room_graph(module_graph())
    assert set(allowed) == set(rooms), "the table and the tree have other rooms"
    wrong = {room: sorted(near - allowed[room]) for room, near in rooms.items()}
    assert {room: names for room, names in wrong.items() if names} == {}
    for room in sorted(rooms):
        print(f"{room}: {len(rooms[room])} of {len(allowed[room])} allowed rooms")


def test_there_is_no_circle() -> None:
    graph = module_graph()
    assert list(circles(graph)) == []
    assert list(circles(room_graph(graph))) == []
    assert list(circles(table() | {"llcbench.cli": set(), "llcbench.testing": set()})) == []


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a"}}
    assert list(circles(graph)) == [["b", "c"]]
    lazy = "def f():\n    from theory.solver import solve\n    import theory.checks\n"
    assert imports(lazy, modules()) == {"theory.solver.solve", "theory.checks"}


def test_a_class_name_stands_for_one_class() -> None:
    names = class_names({name: path.read_text("utf-8") for name, path in modules().items()})
    print(f"{len(names)} class names")
    assert {name: near for name, near in names.items() if len(near) > 1} == {}


def test_a_second_class_of_a_name_is_seen() -> None:
    sources = {"a": "class State: ...", "b": "class State:\n    x = 1\nclass Other: ..."}
    assert class_names(sources) == {"State": ["a", "b"], "Other": ["b"]}


def test_names_are_imported_from_where_they_are_defined() -> None:
    known, wrong = modules(), {}
    folders = ("theory", "llcbench", "paper_figures", "tests", "docs", "tutorials")
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        names = list(borrowed(path.read_text(encoding="utf-8"), known))
        wrong |= {str(path.relative_to(ROOT)): names} if names else {}
    assert wrong == {}
    passed_on = "from llcbench.sampling.loop import Chains, sample\nfrom llcbench import Trace\n"
    assert list(borrowed(passed_on, known)) == ["llcbench.sampling.loop.Chains"]


def test_few_modules_stand_at_the_top() -> None:
    top = sorted(path.name for path in (ROOT / "llcbench").glob("*.py"))
    print(f"{len(top)} modules directly in llcbench: {' '.join(top)}")
    assert len(top) <= 12
    assert sorted(path.name for path in (ROOT / "theory/solver").glob("*.py")) == [
        "__init__.py", "arrangements.py", "budget.py", "routes.py", "rules.py", "solve.py",
    ]  # fmt: skip


def test_files_are_at_most_400_lines() -> None:
    sizes = {name: len(path.read_text("utf-8").splitlines()) for name, path in modules().items()}
    print(f"{len(sizes)} files, the longest {max(sizes.values())} lines")
    assert {name: size for name, size in sizes.items() if size > 400} == {}
