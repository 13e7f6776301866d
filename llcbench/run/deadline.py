"""The end of a time budget, which no jump of the clock moves."""

import time
from dataclasses import dataclass
from typing import Any, final

from llcbench.files import machine


@final
@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock, which all processes of a machine share.

    Another machine has another one: there it is the time that was left when the deadline was sent,
    less what the sending took by the clocks on the wall, which are all that can be compared.

    Attributes:
        at: The moment, as of ``time.monotonic``.
    """

    at: float

    @staticmethod
    def after(seconds: float | None) -> "Deadline | None":
        """Return the deadline after so many seconds; None for no limit."""
        return None if seconds is None else Deadline(time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds until then, 0 if it is over."""
        return max(self.at - time.monotonic(), 0.0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (machine(), self.at, self.left(), time.time())


def _received(sender: str, at: float, left: float, sent: float) -> Deadline:
    if sender == machine():
        return Deadline(at)
    return Deadline(time.monotonic() + left - max(time.time() - sent, 0.0))
