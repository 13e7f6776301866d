"""A signal is one line and its exit code, in an import, in a destructor, and at the end."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import LLCBENCH, here

from llcbench.run.failure import ExecutorLost

LINE = "llcbench: stopped; finished runs are kept\n"
COMMAND = """
import os, signal, sys, time, threading
import llcbench.cli.main
from types import ModuleType

def me(signum=signal.SIGINT):
    os.kill(os.getpid(), signum)
    time.sleep(0.05)

class Destroyed:
    def __del__(self):
        me()

def run_command():
    {body}
    return 0

sys.path.insert(0, {folder!r})
commands = ModuleType("llcbench.cli.commands")
commands.run_command = run_command
if {stub}:
    sys.modules["llcbench.cli.commands"] = commands
llcbench.cli.main.main()
"""
SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException:
    pass
"""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Have children hear signals, also where the tests run under nohup or in the background."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    ignored = [number for number in usual if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, usual[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def run(body: str, folder: Path, *, stub: bool = True) -> tuple[int, str]:
    script = COMMAND.format(body=body, folder=str(folder), stub=stub)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("me()", 130, LINE),
        ("me(signal.SIGTERM)", 143, LINE.replace("stopped", "terminated")),
        ("me(signal.SIGHUP)", 129, LINE.replace("stopped", "terminated")),
        ("import swallows", 130, LINE),
        ("Destroyed(); time.sleep(5)", 130, LINE),
        # A shell signals the process and its group.
        ("""
    try:
        me()
    finally:
        me(); me()
""", 130, LINE),
        # At the end, and in a thread that the interpreter waits for.
        ("threading.Timer(0.3, me).start()", 130, LINE),
        ("raise EOFError", 1, "EOFError"),
    ],
    ids=["sigint", "sigterm", "sighup", "import", "destructor", "three times", "end", "control"],
)  # fmt: skip
def test_a_signal_is_one_line(body: str, code: int, line: str, tmp_path: Path) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS)
    returned, said = run(body, tmp_path)
    assert returned == code, said
    assert said == line if code != 1 else line in said


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """A command under nohup goes on."""
    script = COMMAND.format(body="me(signal.SIGHUP)", folder=str(tmp_path), stub=True)
    quiet = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    done = subprocess.run(
        [sys.executable, "-c", quiet + script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_imports_of_the_command_itself_are_covered(tmp_path: Path) -> None:
    """The stub runs before click is imported."""
    (tmp_path / "click.py").write_text(SWALLOWS)
    assert run("pass", tmp_path, stub=False) == (130, LINE)


def caught(pid: int, signum: signal.Signals) -> bool:
    """Whether a process has a handler of its own."""
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigCgt" in line
    )
    return bool(int(line.split()[1], 16) >> (signum - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_installed_command(tmp_path: Path) -> None:
    command = [LLCBENCH, "run", "smoke", "--store", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not caught(process.pid, signal.SIGTERM):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, LINE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("arguments", [["--help"], ["cite", "--help"]])
def test_an_output_that_cannot_be_written_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [LLCBENCH, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr == (
        "llcbench: the output cannot be written: no room is left on the disk; send it to another"
        " place\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ExecutorLost("the scheduler is lost"), 1, "the scheduler is lost"),
        # Click takes it for Ctrl-D.
        (EOFError("unexpected EOF"), 2, "a file or process ended too early: unexpected EOF"),
        (MemoryError("74 GiB"), 2, "this needs more memory than there is: 74 GiB"),
        (OSError(28, "No space left on device", "a.csv"), 2,
         "'a.csv' cannot be written: no room is left on the disk"),
        (KeyboardInterrupt(), 130, "stopped; finished runs are kept"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_what_ends_a_command_is_named(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def raises() -> list[str]:
        raise error

    monkeypatch.setattr("llcbench.registry.suite_names", raises)
    done = here("list", "suites")
    assert done.returncode == code
    # The line on signals is written past all buffers.
    assert done.stderr + capfd.readouterr().err == f"llcbench: {line}\n"
