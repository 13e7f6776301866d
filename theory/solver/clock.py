"""A wall-clock limit for code that does not watch the clock itself."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from theory.solver.budget import OutOfWorkError


@contextmanager
def limit(seconds: float | None) -> Iterator[None]:
    """Raise `OutOfWorkError` inside the block after some seconds.

    It uses the interval timer of the process, so it has an effect only in the main thread of a
    system that has one, and only if nothing else uses that timer; elsewhere work counts decide
    alone.
    """
    usable = (
        seconds is not None
        and hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
    if not usable or seconds is None:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfWorkError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
