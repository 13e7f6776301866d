"""The command line, in a process of its own or in this one."""

import io
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from llcbench import registry
from llcbench.cli.interrupt import Interruption
from llcbench.cli.main import main

LLCBENCH = str(Path(sys.executable).with_name("llcbench"))


def process(*arguments: str, timeout: float = 300) -> CompletedProcess[str]:
    """Run the installed command."""
    command = [LLCBENCH, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def here(*arguments: str) -> CompletedProcess[str]:
    """Run the same entry point without paying for the imports of a new process again.

    Like a new process it knows no sampler of a script that was loaded before, and leaves none.
    """
    out, err = io.StringIO(), io.StringIO()
    code: str | int | None = 0
    with ExitStack() as stack:
        stack.enter_context(patch.object(sys, "argv", ["llcbench", *arguments]))
        stack.enter_context(patch.dict(registry._LOCAL_SAMPLERS, clear=True))
        stack.enter_context(patch.dict(registry._LOCAL_SOURCES, clear=True))
        # Ctrl-C stays with the tests.
        stack.enter_context(patch.object(Interruption, "install"))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    status = code if isinstance(code, int) else int(code is not None)
    return CompletedProcess(list(arguments), status, out.getvalue(), err.getvalue())
