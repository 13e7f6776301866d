"""Counts the work that was done, and stops it at a point in time.

Both are kept for each thread: what one thread decides does not depend on what others do.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic


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


_METER = _Meter()


def charge(units: int) -> None:
    """Add to the work that was done.

    Raises:
        TimeUpError: If the deadline of this thread has passed.
    """
    _METER.spent += units
    if _METER.deadline is not None and monotonic() > _METER.deadline:
        raise TimeUpError


def spent() -> int:
    """Return the work that this thread has done so far."""
    return _METER.spent


@contextmanager
def deadline(moment: float | None) -> Iterator[None]:
    """Let `charge` raise inside the block after a moment of `time.monotonic`.

    Args:
        moment: The deadline; None for none. An earlier one that is in force stays.
    """
    before = _METER.deadline
    if moment is not None:
        _METER.deadline = moment if before is None else min(moment, before)
    try:
        yield
    finally:
        _METER.deadline = before


@contextmanager
def overtime() -> Iterator[None]:
    """Suspend the deadline: what is done inside the block is short and must be finished."""
    before = _METER.deadline
    _METER.deadline = None
    try:
        yield
    finally:
        _METER.deadline = before
