"""Run the list: ``python tests/faults/mutants/mutate.py [ID or AREA ...] [--minutes M]``.

Each mutation is applied to a copy of the tree, where the tests that mirror the module must fail;
before that they pass without it. Outcomes are appended to ``build/mutants/outcomes.jsonl``, named
by the hash of the source and the tests, so that a stopped run goes on where it was. Then
``results/trust/v1/mutants.csv`` is written anew; only what has changed since is tried again.

Processes are forked from one that has imported torch and the other libraries, but neither package.
"""

import argparse
import compileall
import contextlib
import csv
import hashlib
import importlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

from mutant_list import ROOT, Mutation, mutations

BUILD = ROOT / "build" / "mutants"
KEPT = BUILD / "outcomes.jsonl"
RESULT = ROOT / "results" / "trust" / "v1" / "mutants.csv"
COPIED = ("llcbench", "theory", "tests", "paper_figures", "tutorials", "docs", "results")
SINGLE = ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")
LIBRARIES = ("torch", "numpy", "scipy.special", "scipy.stats", "sympy", "matplotlib.pyplot")
# No plugin of pytest: it warns of those that it has not imported itself.
LIBRARIES += ("pytest", "msgspec", "click", "jinja2", "arviz_stats")
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider")
# In a process of its own, since it imports the packages.
RENDER = """
import sys
from pathlib import Path
sys.path += sorted({str(path.parent) for path in Path("..").resolve().rglob("*.py")})
from trust import PAGE, page
PAGE.write_text(page())
"""
# Tests of a mutation that never ends take as long as this, in multiples of their own time.
PATIENCE = 4
# The outcome of tests that pytest could not collect, as after an error of import.
CODES = {0: "passed", 1: "failed", 2: "failed"}


class Verdict(NamedTuple):
    """What the tests said.

    Attributes:
        outcome: ``killed``, ``survived``, or ``broken`` where nothing can be concluded.
        seconds: How long they took.
        by: The test that failed first, or what was wrong.
    """

    outcome: Literal["killed", "survived", "broken"]
    seconds: float
    by: str = ""


class Session(NamedTuple):
    """One run of pytest: ``passed``, ``failed``, or ``broken``; its time; the first failure."""

    outcome: str
    seconds: float
    by: str = ""


@final
class Tree:
    """A copy of the tree in which one source at a time is changed.

    Bytecode of the unchanged tree is written once. Since nothing else is written, and a changed
    source gets a time of its own, stale bytecode is never read.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clock = 1
        shutil.rmtree(path, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in COPIED:
            shutil.copytree(ROOT / name, path / name, ignore=ignored)
        for name in SINGLE:
            shutil.copy2(ROOT / name, path / name)
        for name in ("llcbench", "theory"):
            compileall.compile_dir(path / name, quiet=2)

    @contextlib.contextmanager
    def changed(self, mutation: Mutation) -> Iterator[None]:
        """Apply a mutation for the length of a block."""
        source = self.path / mutation.file
        text, stat = source.read_text(encoding="utf-8"), source.stat()
        source.write_text(mutation.applied(text), encoding="utf-8")
        self._clock += 10
        os.utime(source, (self._clock, self._clock))
        try:
            yield
        finally:
            source.write_text(text, encoding="utf-8")
            os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def tested(self, tests: Iterable[str], limit: float) -> Session:
        """Return the outcome of tests in this tree, ended after a limit in seconds."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        start = time.monotonic()
        process = context.Process(target=_pytest, args=(self.path, list(tests), theirs))
        process.start()
        theirs.close()
        try:
            code, by = ours.recv() if ours.poll(limit) else (None, "time")
        except EOFError:
            code, by = -1, "the process died"
        finally:
            _end(process)
        seconds = time.monotonic() - start
        outcome = "failed" if code is None else CODES.get(code, "broken")
        return Session(outcome, seconds, by or f"pytest ended with {code}" * (outcome != "passed"))


def _pytest(root: Path, tests: list[str], answer: Any) -> None:
    """Run tests in a tree, in a process of its own, and answer with the code and first failure."""
    os.setsid()
    os.chdir(root)
    os.environ |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True
    # Nothing of the tree that is copied; its environment may be inside it.
    own = [p for p in sys.path if Path(p).is_relative_to(ROOT) and sys.prefix not in p]
    sys.path[:] = [str(root), *(p for p in sys.path if p and p not in own)]
    for name in ("mutant_list", "mutate", "mutant_table"):
        sys.modules.pop(name, None)
    quiet = (root.parent / f"{root.name}.log").open("w")
    os.dup2(quiet.fileno(), 1)
    os.dup2(quiet.fileno(), 2)
    pytest = importlib.import_module("pytest")
    failures = _Failures()
    code = 3
    with contextlib.suppress(BaseException):
        code = pytest.main(
            [*OPTIONS, f"--basetemp={root}.tmp", *tests],
            plugins=[failures],
        )
    answer.send((int(code), failures.first))
    answer.close()
    os._exit(0)


class _Failures:
    """A plugin that keeps the name of the first failure."""

    first = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._keep(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._keep(report)

    def _keep(self, report: Any) -> None:
        if report.failed and not self.first:
            self.first = report.nodeid


def _end(process: BaseProcess) -> None:
    """End a process and all that it has started."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join(10)


@final
@dataclass(frozen=True)
class Examination:
    """A tree and what is known of the tests in it.

    Attributes:
        tree: Where mutations are applied.
        baselines: Outcomes of tests without any mutation, by their names.
    """

    tree: Tree
    baselines: dict[tuple[str, ...], Session]

    def verdict(self, mutation: Mutation) -> Verdict:
        """Return whether the tests of a mutation notice it."""
        try:
            with self.tree.changed(mutation):
                pass
        except ValueError as error:
            return Verdict("broken", 0.0, str(error))
        if mutation.tests not in self.baselines:
            self.baselines[mutation.tests] = self.tree.tested(mutation.tests, 600)
        baseline = self.baselines[mutation.tests]
        if baseline.outcome != "passed":
            return Verdict("broken", baseline.seconds, f"without the mutation: {baseline.by}")
        with self.tree.changed(mutation):
            session = self.tree.tested(mutation.tests, 30 + PATIENCE * baseline.seconds)
        outcomes = {"failed": "killed", "passed": "survived"}
        outcome: Any = outcomes.get(session.outcome, "broken")
        return Verdict(outcome, session.seconds, session.by)


def fingerprint(mutation: Mutation, root: Path = ROOT) -> str:
    """Return a hash of the change, the source and the tests: what an outcome depends on.

    Args:
        mutation: The change.
        root: The tree. While one is examined, that of the repository may go on.
    """
    digest = hashlib.sha256(f"{mutation.old}\0{mutation.new}".encode())
    for name in (mutation.file, *mutation.tests):
        digest.update(name.encode())
        path = root / name.partition("::")[0]
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(source.read_bytes() if source.exists() else b"missing")
    return digest.hexdigest()[:16]


def kept(path: Path = KEPT, committed: Path = RESULT) -> dict[str, Verdict]:
    """Return the outcomes so far by fingerprint, committed ones included.

    A line that a kill has cut is none.
    """
    known: dict[str, Verdict] = {}
    for row in csv.DictReader(committed.read_text().splitlines() if committed.exists() else []):
        outcome: Any = row["outcome"]
        if outcome != "missing":
            known[row["key"]] = Verdict(outcome, float(row["seconds"]), row["by"])
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError, TypeError):
            _, key, *verdict = json.loads(line)
            known[key] = Verdict(*verdict)
    return known


def run(chosen: Iterable[Mutation], minutes: float | None = None, again: bool = False) -> None:
    """Try mutations without an outcome, until all have one or the time is over.

    Args:
        chosen: What is tried.
        minutes: Stop after this time.
        again: Try those with an outcome too.
    """
    start = time.monotonic()
    known = {} if again else kept()
    concluded = {key for key, verdict in known.items() if verdict.outcome != "broken"}
    missing = [m for m in chosen if fingerprint(m) not in concluded]
    if not missing:
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    examination = Examination(Tree(BUILD / f"tree-{os.getpid()}"), {})
    for name in LIBRARIES:
        importlib.import_module(name)
    try:
        for number, mutation in enumerate(missing, start=1):
            verdict = examination.verdict(mutation)
            key = fingerprint(mutation, examination.tree.path)
            with KEPT.open("a") as handle:
                handle.write("\n" + json.dumps([mutation.id, key, *verdict]))
            counted = f"{number}/{len(missing)} {verdict.outcome:8} {verdict.seconds:5.1f} s"
            print(f"{counted}  {mutation.id}  {verdict.by}", flush=True)
            if minutes is not None and time.monotonic() - start > 60 * minutes:
                break
    finally:
        shutil.rmtree(examination.tree.path, ignore_errors=True)


def summarise(listed: Iterable[Mutation]) -> str:
    """Return the outcomes of the list as CSV; ``missing`` where sources or tests are new."""
    known = kept()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("id", "area", "file", "meaning", "outcome", "seconds", "by", "reason", "key")
    writer.writerow(names)
    for m in listed:
        key = fingerprint(m)
        outcome, seconds, by = known.get(key, ("missing", 0.0, ""))
        reason = m.reason if outcome == "survived" else ""
        row = (m.id, m.area, m.file, m.meaning, outcome, f"{seconds:.1f}", by, reason, key)
        writer.writerow(row)
    return text.getvalue()


def main() -> None:
    listed = mutations()
    names = {m.id for m in listed} | {m.area for m in listed}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="ids or areas, all by default")
    parser.add_argument("--minutes", type=float, help="stop after this time")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="the k-th of n parts")
    parser.add_argument("--again", action="store_true", help="also what has an outcome")
    options = parser.parse_args()
    if unknown := set(options.names) - names:
        parser.error(f"no mutation or area {', '.join(sorted(unknown))}")
    chosen = [m for m in listed if not options.names or {m.id, m.area} & set(options.names)]
    part, parts = map(int, options.part.split("/"))
    run(chosen[part - 1 :: parts], options.minutes, options.again)
    content = summarise(listed)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(content)
    subprocess.run([sys.executable, "-c", RENDER], cwd=ROOT / "tests" / "faults", check=True)
    outcomes = [row["outcome"] for row in csv.DictReader(content.splitlines())]
    print(f"{outcomes.count('killed')} of {len(listed)} mutations are killed", end="; ")
    print(", ".join(f"{outcomes.count(o)} {o}" for o in ("survived", "broken", "missing")))


if __name__ == "__main__":
    main()
