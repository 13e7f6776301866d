"""The list of mutations fits the tree, and its runner tells who notices from who does not."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import mutate
import pytest
from mutant_list import ROOT, Mutation, mutations
from table import rendered

LISTED = mutations()


@pytest.mark.parametrize("file", sorted({m.file for m in LISTED}))
def test_every_mutation_changes_one_place_and_compiles(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    for mutation in LISTED:
        if mutation.file == file:
            compile(mutation.applied(source), file, "exec")


def test_every_mutation_has_tests_that_are_there() -> None:
    named = {name.partition("::")[0] for m in LISTED for name in m.tests}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert all(m.meaning and m.tests for m in LISTED)


def test_there_are_at_least_two_hundred_and_no_two_are_one() -> None:
    changes = {(m.file, m.old, m.new) for m in LISTED}
    assert len(changes) == len(LISTED) >= 200


def mutation(old: str, new: str) -> Mutation:
    return Mutation("x", "area", "llcbench/a.py", old, new, "something", ("tests/test_a.py",))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("y", "z", "occurs 2 times"),
        ("w", "z", "occurs 0 times"),
        ("y = x + 1", "y = (x + 1)", "would mean the same"),
        ("y = x + 1", "y = (x + 1", "would be no Python"),
    ],
)
def test_a_change_that_is_none_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mutation(old, new).applied("y = x + 1\nz = y\n")


SOURCE = "def double(x):\n    return 2 * x\n\n\ndef half(x):\n    return x / 2\n"
TESTS = """
import time

from llcbench.a import double, half


def test_double():
    assert double(3) == 6


def test_half():
    value = half(4)
    while value > 100:
        time.sleep(1)
"""
# Each change with what becomes of it: the second one no test notices.
CHANGES = {
    "killed": mutation("2 * x", "3 * x"),
    "survived": mutation("x / 2", "x / 4"),
    "broken": mutation("x / 3", "x / 4"),
}
SCRIPT = """
import mutate, mutant_list, test_mutants
from pathlib import Path
mutate.ROOT = Path({root!r})
mutate.COPIED, mutate.SINGLE = ("llcbench", "theory", "tests"), ()
examination = mutate.Examination(mutate.Tree(Path({root!r}) / "build" / "tree"), {{}})
for name, change in test_mutants.CHANGES.items():
    print(name, *examination.verdict(change)[::2])
"""


def test_the_runner_tells_killed_from_survived(tmp_path: Path) -> None:
    """The survivor is the negative control of the runner: it does not call everything killed."""
    for name, text in {
        "llcbench/__init__.py": "", "llcbench/a.py": SOURCE, "theory/__init__.py": "",
        "tests/test_a.py": TESTS,
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(root=str(tmp_path))],
        capture_output=True, text=True, check=False, timeout=120,
        # No plugins: it takes seconds to import them.
        env={"PYTHONPATH": ":".join(paths), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[name, name] for name in CHANGES], done.stderr[-2000:]
    assert lines[0][2] == "tests/test_a.py::test_double"


def test_the_section_counts_and_names_what_survived() -> None:
    rows = [
        {"area": "a", "file": "f.py", "meaning": "one", "outcome": "killed", "reason": ""},
        {"area": "a", "file": "f.py", "meaning": "two", "outcome": "survived", "reason": "same"},
        {"area": "b", "file": "g.py", "meaning": "three", "outcome": "survived", "reason": ""},
        {"area": "b", "file": "g.py", "meaning": "four", "outcome": "missing", "reason": ""},
    ]
    text = rendered(rows)
    assert "| a | 2 | 0 | 1 | 1 | 50.0% |" in text
    assert "| b | 2 | 1 | 0 | 1 | 0.0% |" in text
    assert "| all | 4 | 1 | 1 | 2 | 33.3% |" in text
    assert "| `f.py` | two | same |" in text
    assert "| `g.py` | three | no reason yet: a test is missing |" in text
    assert "four" not in text


def test_outcomes_are_kept_by_what_they_depend_on(tmp_path: Path, monkeypatch) -> None:
    first, second = LISTED[:2]
    path = tmp_path / "outcomes.jsonl"
    path.write_text(f'["{first.id}", "{mutate.fingerprint(first)}", "killed", 1.5, "a"]\n["cut')
    committed = tmp_path / "mutants.csv"
    monkeypatch.setattr(mutate.kept, "__defaults__", (path, committed))
    content = mutate.summarise([first, second])
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["outcome"] for row in rows] == ["killed", "missing"]
    # What is committed is known too.
    path.unlink()
    committed.write_text(content)
    assert mutate.kept() == {mutate.fingerprint(first): ("killed", 1.5, "a")}
    assert mutate.summarise([first, second]) == content
    assert mutate.fingerprint(first) != mutate.fingerprint(second)
