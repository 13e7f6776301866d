"""A command in a forked process with limits, in a folder of its own with a canary beside it."""

import importlib
import json
import os
import resource
import signal
import time
import traceback
from functools import cache
from pathlib import Path
from typing import NamedTuple

import command
import psutil

# Of processor time, which a busy machine does not stretch; and of waiting.
SECONDS = 20
WAIT = 120
BYTES = 2 * 2**30
LINES = 5
CANARY = "canary\n"


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: Exit code; negative for the signal that killed it.
        out: Standard output.
        err: Standard error.
        crash: The exception that escaped, empty if none did.
    """

    code: int
    out: str
    err: str
    crash: str


def home_in(folder: Path) -> Path:
    """Return a folder to work in, two below the given one, with canaries around it."""
    home = folder / "a" / "b"
    home.mkdir(parents=True)
    for name in ("canary", "victim/index.html", "a/victim/index.html", "a/canary"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(CANARY)
    return home


def escaped(folder: Path) -> str:
    """Return what was written or changed outside of `home_in`, empty for nothing."""
    names = {"canary", "victim/index.html", "a/victim/index.html", "a/canary"}
    home = folder / "a" / "b"
    for path in sorted(folder.rglob("*")):
        if path.is_relative_to(home) or path.is_dir():
            continue
        name = str(path.relative_to(folder))
        if name not in names:
            return f"{name} was written"
        if path.read_text() != CANARY:
            return f"{name} was changed"
        names.discard(name)
    return f"{sorted(names)} vanished" if names else ""


def run(arguments: list[str], home: Path) -> Ended:
    """Run a command of this very code in a fork: limited in time, memory and threads."""
    result = home / ".ended.json"
    _import_once()
    child = os.fork()
    if not child:
        try:
            _in_fork(arguments, home, result)
        finally:
            os._exit(70)
    code = _status(child)
    if not result.exists():
        return Ended(code if code < 0 else -code, "", "", "killed without an answer")
    ended = Ended(*json.loads(result.read_text()))
    result.unlink()
    return ended


def complaint(arguments: list[str], ended: Ended, folder: Path) -> str:
    """Return what was mishandled, in one line; empty for nothing."""
    shown = " ".join(text if len(text) < 60 else text[:57] + "..." for text in arguments)
    if ended.code in (-signal.SIGALRM, -signal.SIGXCPU):
        return f"{shown!r} takes more than {SECONDS} s"
    if ended.crash or "Traceback (most" in ended.err:
        return f"{shown!r}: {(ended.crash or ended.err[-200:])!r}"
    if ended.code not in (0, 1, 2):
        return f"{shown!r} ends with {ended.code}"
    lines = [line for line in ended.err.splitlines() if line.strip() and "it/s" not in line]
    if ended.code and len(lines) > LINES:
        return f"{shown!r} says {len(lines)} lines: {lines[0][:80]!r}"
    if "Warning:" in ended.err:
        return f"{shown!r} leaks {next(x for x in lines if 'Warning:' in x)[:150]!r}"
    outside = escaped(folder)
    return f"{shown!r}: {outside}" if outside else ""


@cache
def _import_once() -> None:
    """Import what commands do, so that no fork pays for it."""
    for name in ("torch", "sympy", "scipy.stats", "matplotlib.figure", "llcbench.report.site",
                 "llcbench.samplers.sgld", "llcbench.problems.polynomials.polynomial",
                 "llcbench.estimators.mean_energy", "llcbench.heuristics.store",
                 "theory"):  # fmt: skip
        importlib.import_module(name)


def _status(child: int) -> int:
    limit = time.monotonic() + 2 * WAIT
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > limit:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


def _in_fork(arguments: list[str], home: Path, result: Path) -> None:
    os.chdir(home)
    size = psutil.Process().memory_info().vms + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WAIT)
    crash, done = "", None
    try:
        done = command.here(*arguments)
    except BaseException:
        crash = traceback.format_exc()[-300:]
    signal.alarm(0)
    answer = ("", "") if done is None else (done.stdout[-20000:], done.stderr[-20000:])
    code = 70 if done is None else done.returncode
    result.write_text(
        json.dumps([code, *(text.encode(errors="replace").decode() for text in answer), crash])
    )
    os._exit(0)
