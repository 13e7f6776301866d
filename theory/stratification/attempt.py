"""Exact algebra under a limit of time."""

import time
from collections.abc import Callable
from typing import Generic, NamedTuple, ParamSpec, TypeVar

from theory.algebra.meter import TimeUpError, WorkLimit, deadline
from theory.solver.budget import OutOfWorkError

P = ParamSpec("P")
T = TypeVar("T")


class Attempt(NamedTuple, Generic[T]):
    """A result, or the statement that there was not enough time for it."""

    done: bool
    value: T | None


def attempt(seconds: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Attempt[T]:
    """Return what a function returns, unless it takes too long or its numbers grow too large."""
    try:
        with deadline(time.monotonic() + seconds):
            return Attempt(True, call(*args, **kwargs))
    except (OutOfWorkError, TimeUpError, WorkLimit):
        return Attempt(False, None)
