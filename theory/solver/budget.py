"""Work limits that make every answer reproducible, with a clock only as a safety net."""

import time
from fractions import Fraction
from typing import final

# About what one second buys on a slow core; counts decide, so answers do not depend on speed.
WORK_PER_SECOND = 100_000
_ONE = Fraction(1)


class OutOfWorkError(Exception):
    """The work limit or the clock ran out; the caller turns this into a bound."""


@final
class Budget:
    """Counts work units and stops when they are used up.

    Args:
        work: Number of units that may be spent.
        seconds: Wall-clock limit; None for no clock.
    """

    def __init__(self, work: int, seconds: float | None = None) -> None:
        """Start counting; `deadline` is the end of the time on the clock of `time.monotonic`."""
        self.left = work
        self.deadline = None if seconds is None else time.monotonic() + seconds

    def part(self, work: Fraction, time_left: Fraction = _ONE) -> "Budget":
        """Return a budget of its own with a share of the work, and of the time, that is left."""
        if self.deadline is None:
            return Budget(int(self.left * work))
        return Budget(int(self.left * work), float(time_left) * (self.deadline - time.monotonic()))

    def over(self) -> bool:
        """Tell whether the work or the time is used up."""
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
