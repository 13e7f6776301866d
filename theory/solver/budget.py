"""Work limits that make every answer reproducible, with a clock only as a safety net."""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Generic, NamedTuple, ParamSpec, TypeVar, final

from theory.meter import TimeUpError, WorkLimit, deadline

# About what one second buys on a slow core; counts decide, so answers do not depend on speed.
WORK_PER_SECOND = 100_000
_ONE = Fraction(1)


class OutOfWorkError(Exception):
    """The work limit or the clock ran out; the caller turns this into a bound."""


@final
class WorkBudget:
    """Counts work units and stops when they are used up.

    Args:
        work: Number of units that may be spent.
        seconds: Wall-clock limit; None for no clock.
    """

    def __init__(self, work: int, seconds: float | None = None) -> None:
        """Start counting; `deadline` is the end of the time on the clock of `time.monotonic`."""
        self.left = work
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def part(self, work: Fraction, time_left: Fraction = _ONE) -> "WorkBudget":
        """Return a budget of its own with a share of the work, and of the time, that is left."""
        if self.deadline is None:
            return WorkBudget(int(self.left * work))
        return WorkBudget(
            int(self.left * work), float(time_left) * (self.deadline - time.monotonic())
        )

    def over(self) -> bool:
        """Return whether the work or the time is used up."""
        late = self.deadline is not None and time.monotonic() > self.deadline
        return late or self.left <= 0

    def spend(self, units: int) -> None:
        """Use up some units.

        Raises:
            OutOfWorkError: If fewer are left, or the time is up.
        """
        self.left -= units
        if self.left < 0:
            raise OutOfWorkError
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.left = 0
            raise OutOfWorkError


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
