"""What is imported is declared, what is declared is imported, and what is pinned is needed."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Functions that import a module by its name, for what may not be installed.
BY_NAME = ("import_module", "importorskip", "load", "needs")
# Its fixture serves whoever measures a sampler of theirs; no module of ours names it.
UNNAMED = {"pytest-benchmark"}
# Tests that need one of these are skipped without it.
OPTIONAL = {"curvlinops", "torchvision"}


def plain(name: str) -> str:
    """Return the canonical name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(texts: Iterable[str]) -> set[str]:
    return {plain(Requirement(text).name) for text in texts}


def imported(source: str) -> Iterator[str]:
    """Yield the packages that a source imports, by statement or by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func).rpartition(".")[2]
            if function in BY_NAME and isinstance(node.args[0].value, str):
                yield node.args[0].value.partition(".")[0]


def distributions(*folders: str) -> set[str]:
    """Return the distributions that hold what some folders import, ours and Python's apart."""
    known, found = packages_distributions(), set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for package in set(imported(path.read_text(encoding="utf-8"))) - set(
            sys.stdlib_module_names
        ):
            found |= {plain(name) for name in known.get(package, [])}
    return found - {"llcbench"}


def test_imports_of_the_wheel_are_declared_and_dependencies_imported() -> None:
    core, found = declared(PROJECT["dependencies"]), distributions("llcbench", "theory")
    optional = declared(text for name, texts in EXTRAS.items() if name != "dev" for text in texts)
    # jax comes with blackjax, whose arrays it is.
    assert found - core - optional == {"jax"} & found
    assert core - found == UNNAMED


def test_imports_of_tests_are_declared() -> None:
    all_declared = declared(
        [*PROJECT["dependencies"], *(t for texts in EXTRAS.values() for t in texts)]
    )
    found = distributions("tests", "docs", "tutorials", "paper_figures")
    assert found - all_declared - OPTIONAL <= {"jax", "packaging"}  # they come with others


def test_an_import_that_is_not_declared_is_seen() -> None:
    source = "def f():\n    import yaml.nodes\n    needs('submitit', '')\nfrom . import mine\n"
    assert set(imported(source)) == {"yaml", "submitit"}


def test_entry_points_lead_to_something() -> None:
    groups = {**PROJECT["entry-points"], "scripts": PROJECT["scripts"]}
    targets = [target for group in groups.values() for target in group.values()]
    assert len(targets) > 40
    for module, _, name in (target.partition(":") for target in targets):
        held = import_module(module)
        assert not name or hasattr(held, name), f"{module} has no {name}"


def test_every_pinned_package_is_needed() -> None:
    texts = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {plain(text.partition("==")[0]) for text in texts if not text.startswith("#")}
    waiting = [Requirement(t) for t in PROJECT["dependencies"]]
    waiting += [Requirement(t) for name, ts in EXTRAS.items() if name != "mnist" for t in ts]
    needed: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        extras = frozenset(one.extras)
        if (plain(one.name), extras) in needed:
            continue
        needed.add((plain(one.name), extras))
        try:
            below = [Requirement(text) for text in requires(one.name) or []]
        except PackageNotFoundError:
            pytest.skip(f"{one.name} is not installed")
        waiting += [
            each
            for each in below
            if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in {"", *extras})
        ]
    names = {name for name, _ in needed}
    assert pinned - names == set()
    # pip and setuptools come with the environment.
    assert names - pinned <= {"setuptools"}
