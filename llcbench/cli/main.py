"""The entry point: it imports next to nothing, so that Ctrl-C during imports is handled too."""

import os
import sys

from llcbench.cli.interrupt import Interruption


def main() -> None:
    """Run the command line; what goes wrong is one line on standard error.

    The exit code is 2 for bad input, or files that cannot be written, 1 for a check that fails or
    lost workers, and 128 plus the number of a signal, as in shells: 130 for Ctrl-C.
    """
    interruption = Interruption()
    interruption.install()
    try:
        from llcbench.cli.commands import run_command

        code = _flushed(run_command())
        interruption.end()
    except KeyboardInterrupt:
        code = interruption.say()
    sys.exit(code)


def _flushed(code: int) -> int:
    """Write what is left of the output; where that fails, the interpreter must not try again."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == 0:
            from llcbench.cli.file_errors import file_error_line

            print(f"llcbench: {file_error_line(error)}", file=sys.stderr)
        return code or 2
    return code
