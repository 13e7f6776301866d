"""Commands that can be killed: started in milliseconds, each in a session of its own.

A nursery imports what a run needs once, and forks for every command. What belongs to a command is
told by its session, whoever its parent is by then.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import full_disk
from command import LLCBENCH

from llcbench import files
from llcbench.run.store import RunStore

PATIENCE = 240.0
NURSERY = (
    full_disk.SOURCE
    + """
import json, os, signal, sys
import torch
import llcbench.cli.commands, llcbench.estimators.mean_energy, llcbench.run.complete
import llcbench.samplers.sgld, arviz_stats.base
from llcbench import registry
registry.problem("poly/x2")
torch.set_num_threads(1)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def ended(order):
    "Run a command in a process of its own session; return how it ended."
    pid = os.fork()
    if pid:
        with open(order["files"] + ".pid.part", "w") as handle:
            handle.write(str(pid))
        os.rename(order["files"] + ".pid.part", order["files"] + ".pid")
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.setsid()
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order["files"] + "." + name, os.O_CREAT | os.O_WRONLY), number)
    if order["limit"]:
        full_disk(order["limit"])
    sys.argv = ["llcbench", *order["arguments"]]
    from llcbench.cli.main import main
    main()

print("ready", flush=True)
for line in sys.stdin:
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        order = json.loads(line)
        code = ended(order)
        with open(order["files"] + ".code.part", "w") as handle:
            handle.write(str(code))
        os.rename(order["files"] + ".code.part", order["files"] + ".code")
        os._exit(0)
"""
)
SUITE = """
title = "tiny"
version = 1
replicates = 2

[settings]
nbeta = 100.0
num_chains = 4
num_draws = 300
num_burnin = 100

[[group]]
problems = ["poly/x2", "poly/x4", "poly/x2y2", "poly/x2y4"]
samplers = ["sgld[step_size=1e-3]"]
"""
RUNS = 8


@dataclass(frozen=True)
class Driver:
    """A command that was started.

    Attributes:
        pid: Its process, which leads a session.
        files: Where its output and exit code go, without endings.
        process: The installed command, if it is no fork of the nursery.
    """

    pid: int
    files: Path
    process: "subprocess.Popen[bytes] | None" = None

    def code(self) -> int | None:
        """Return the exit code; None as long as it runs."""
        if self.process is not None:
            return self.process.poll()
        path = self.files.with_suffix(".code")
        return int(path.read_text()) if path.exists() else None

    def wait(self) -> int:
        """Return the exit code at the end."""
        wait_for(lambda: self.code() is not None, f"{self.said()[-200:]!r}, but no end")
        code = self.code()
        assert code is not None
        return code

    def said(self) -> str:
        """Return what it wrote to standard error."""
        path = self.files.with_suffix(".err")
        return path.read_text(errors="replace") if path.exists() else ""

    def signal(self, signum: int, *, group: bool) -> None:
        """Send a signal, unless it has ended."""
        try:
            (os.killpg if group else os.kill)(self.pid, signum)
        except ProcessLookupError:
            pass

    def processes(self) -> list[tuple[int, int]]:
        """Return ids and parents of the processes of its session, zombies apart."""
        members = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent, _, session, *_ = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(session) == self.pid and state not in "ZX":
                members.append((int(path.parent.name), int(parent)))
        return members

    def end(self) -> None:
        """Kill whatever is left."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: If it never does.
    """
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(what)
        time.sleep(0.005)


@cache
def _nursery() -> "subprocess.Popen[str]":
    # A list of fonts of its own: others may be writing theirs.
    fonts = Path(__file__).parents[2] / "build" / "trust" / "matplotlib"
    own = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLCONFIGDIR": str(fonts)}
    environment = os.environ | own
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(folder: Path, *arguments: str, installed: bool = False, limit: int = 0) -> Driver:
    """Start a command.

    Args:
        folder: Takes its output.
        arguments: Its arguments.
        installed: Whether the installed command is started, with all its imports.
        limit: Bytes that a file may have; 0 for no limit.
    """
    at = folder / f"command-{time.monotonic_ns()}"
    if installed:
        with at.with_suffix(".err").open("wb") as said:
            process = subprocess.Popen(
                [LLCBENCH, *arguments],
                stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
            )  # fmt: skip
        return Driver(process.pid, at, process)
    orders = _nursery().stdin
    assert orders is not None
    orders.write(json.dumps({"files": str(at), "arguments": arguments, "limit": limit}) + "\n")
    orders.flush()
    wait_for(lambda: at.with_suffix(".pid").exists(), "no command was started")
    return Driver(int(at.with_suffix(".pid").read_text()), at)


def sweep(folder: Path, store: Path, *options: str, installed: bool = False) -> Driver:
    """Start the tiny suite."""
    suite = folder / "tiny.toml"
    files.write(suite, SUITE)
    arguments = ("run", str(suite), "--store", str(store), "--checkpoint-every", "0.05s")
    return start(folder, *arguments, *options, installed=installed)


def made(store: Path) -> int:
    """Return the number of records."""
    return len(list((store / "runs").glob("*.json")))


def contents(store: Path) -> dict[str, Any]:
    """Return the records of a store, less times and places."""
    held = RunStore(store).contents()
    assert not held.damaged, f"damaged: {held.damaged}"
    return {key: _timeless(_plain(record)) for key, record in held.records.items()}


def _plain(record: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(record)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        varying = ("seconds", "environment", "peak", "_per_second")
        return {
            key: _timeless(each)
            for key, each in value.items()
            if not any(word in key for word in varying)
        }
    return [_timeless(each) for each in value] if isinstance(value, list) else value


@cache
def reference() -> dict[str, Any]:
    """Return the records of the tiny suite, from a run that nobody disturbs."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="trust-") as name:
        driver = sweep(Path(name), Path(name) / "store")
        assert driver.wait() == 0, driver.said()
        records = contents(Path(name) / "store")
    assert len(records) == RUNS
    return records


def trouble(store: Path) -> str:
    """Return what is wrong with a store that a whole sweep has left, or nothing."""
    records = contents(store)
    if records != reference():
        odd = [key for key in reference() if records.get(key) != reference()[key]]
        return f"{len(odd)} of {RUNS} records are missing or others"
    damaged = [path.name for path in (store / "damaged").glob("*") if path.suffix != ".tmp"]
    left = [p.name for p in store.rglob("*.tmp") if p.parent.name != "damaged"]
    left += [path.name for path in store.glob("checkpoints/*")]
    left += ["progress"] if (store / "progress").exists() else []
    return f"damaged {damaged}, left {left}" if damaged or left else ""


def survivors(driver: Driver, seconds: float = 10.0) -> str:
    """Return what outlives a command, or nothing."""
    try:
        wait_for(lambda: not driver.processes(), "", seconds)
    except TimeoutError:
        left = driver.processes()
        driver.end()
        return f"{len(left)} processes are left after {seconds:g} s"
    return ""
