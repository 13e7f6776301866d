"""A measured number with its error."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class MeasuredValue:
    """A number that was computed exactly or estimated with random probes.

    Attributes:
        value: The number.
        stderr: Standard error from the probes alone; 0 if none were used. How much the number
            would change with other samples is not in it.
    """

    value: float
    stderr: float
