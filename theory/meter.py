"""Counts the work that was done, and stops it at a point in time.

Both are kept for each thread: what one thread decides does not depend on what others do.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import final


class WorkLimit(Exception):
    """An exact computation was stopped because it needed more work than it was allowed."""


class TimeUpError(Exception):
    """The deadline has passed. No rule may take this for an answer: only an engine catches it."""


class _Meter(threading.local):
    """The work of a thread in units of very roughly fifty microseconds, and its deadline.

    A remembered answer costs what it cost at first, so that counts do not depend on history.
    """

    spent = 0
    deadline: float | None = None
    # Where `ticking` stops what does not look at the clock; no engine goes on after it.
    end: float | None = None


_METER = _Meter()


def charge(units: int) -> None:
    """Add to the work that was done.

    Raises:
        TimeUpError: If the deadline of this thread has passed.
    """
    _METER.spent += units
    if _METER.deadline is not None and monotonic() > _METER.deadline:
        raise TimeUpError


def check_time() -> None:
    """Check the clock alone, where work is not counted.

    Raises:
        TimeUpError: If the deadline of this thread has passed.
    """
    if _METER.deadline is not None and monotonic() > _METER.deadline:
        raise TimeUpError


def spent() -> int:
    """Return the work that this thread has done so far."""
    return _METER.spent


@final
class deadline:
    """Let `charge` raise inside the block after a moment of `time.monotonic`.

    Args:
        moment: The deadline; None for none. An earlier one that is in force stays.
        final: Whether the block gives up all that it has at that moment, so that `ticking` may end
            it anywhere. An engine, which keeps what it has proved, has its own deadline before.
    """

    # A class and no generator: an alarm that rings between an error and the end of a block finds
    # the frames of this module, where it does nothing, and no others.
    def __init__(self, moment: float | None, final: bool = False) -> None:
        self._moment, self._final = moment, final

    def __enter__(self) -> None:
        self._before, self._end = _METER.deadline, _METER.end
        if self._moment is not None:
            _METER.deadline = _earlier(self._moment, self._before)
            if self._final:
                _METER.end = _earlier(self._moment, self._end)

    def __exit__(self, *_: object) -> None:
        _METER.deadline, _METER.end = self._before, self._end


def _earlier(moment: float, other: float | None) -> float:
    return moment if other is None else min(moment, other)


@final
class overtime:
    """Suspend the deadline: what is done inside the block is short and must be finished."""

    def __enter__(self) -> None:
        self._before = _METER.deadline
        _METER.deadline = None

    def __exit__(self, *_: object) -> None:
        _METER.deadline = self._before


# Seconds between two looks at the clock; an error that is raised is handled in less.
TICK = 0.05


@contextmanager
def ticking() -> Iterator[None]:
    """Let a final deadline also stop the code of libraries, which does not `charge`.

    The clock is looked at by the alarm of the process, so this is for a program in its main thread
    (a command), not for a library; elsewhere, and on systems without an alarm, it does nothing.
    """
    alarm = getattr(signal, "SIGALRM", None)
    if alarm is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def look(number: int, frame: FrameType | None) -> None:
        # The deadline itself is put back in any case.
        late = _METER.end is not None and monotonic() > _METER.end
        if late and (frame is None or frame.f_code.co_filename != __file__):
            raise TimeUpError

    before = signal.signal(alarm, look)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(alarm, before)
