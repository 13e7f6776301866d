"""Ctrl-C and termination: one line and the exit code of the signal, whatever happens meanwhile."""

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, final

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IMPORTER = "<frozen importlib._bootstrap>"
# A shell and `timeout` signal a process and its group: within this time that is one request.
_TOGETHER = 2.0
# By then a destructor has returned.
_AGAIN = 0.05


@final
class Interruption:
    """Turns the first signal into one ``KeyboardInterrupt``; a later one ends the process.

    An exception raised within an import may be swallowed, or become another one; nothing is being
    written there, so that the process ends at once. Workers notice that themselves.

    Attributes:
        signum: The signal that came; None before.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._since = 0.0
        self._ended = self._said = False

    def install(self) -> None:
        """Handle the signals that have their default action, in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for signum in _SIGNALS:
            if signal.getsignal(signum) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(signum, self._handle)
        sys.unraisablehook = self._unraisable
        # Called last: after it the interpreter, which is ending, would take the default actions.
        atexit.register(_ignore)

    def say(self) -> int:
        """Write the line, once; return the exit code."""
        signum = signal.SIGINT if self.signum is None else self.signum
        self._ended = True
        if not self._said:
            self._said = True
            word = "stopped" if signum == signal.SIGINT else "terminated"
            with suppress(OSError):
                os.write(2, f"llcbench: {word}; finished runs are kept\n".encode())
        return 128 + signum

    def end(self) -> None:
        """Say that the command has ended: a signal from now on ends the process."""
        self._ended = True

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signum is not None and not self._ended and now - self._since < _TOGETHER:
            return
        first, self.signum, self._since = self.signum is None, self.signum or signum, now
        if self._ended or not first or _imports(frame):
            self._leave()
        raise KeyboardInterrupt

    def _leave(self) -> NoReturn:
        os._exit(self.say())

    def _unraisable(self, unraisable: Any) -> None:
        """Interrupt again, a moment later, where a destructor has swallowed the exception."""
        if unraisable.exc_type is KeyboardInterrupt and not self._ended:
            self.signum, again = None, self.signum or signal.SIGINT
            threading.Timer(_AGAIN, os.kill, (os.getpid(), again)).start()
        else:
            sys.__unraisablehook__(unraisable)


def _ignore() -> None:
    for signum in _SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            return True
        frame = frame.f_back
    return False
