"""Work limits that make every answer reproducible, with a clock only as a safety net."""

import time
from typing import final

# About what one second buys on a slow core; counts decide, so answers do not depend on speed.
WORK_PER_SECOND = 100_000


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
        """Start counting."""
        self.left = work
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def seconds(self) -> float | None:
        """Return the seconds left on the clock, None if there is none."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def spend(self, units: int) -> None:
        """Use up some units.

        Raises:
            OutOfWorkError: If fewer are left, or the time is up.
        """
        self.left -= units
        if self.left < 0:
            raise OutOfWorkError
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.left = 0
            raise OutOfWorkError
