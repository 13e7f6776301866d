"""What stands in the place of a result when the process that was to make it is gone."""

from dataclasses import dataclass
from typing import Literal, TypeVar, final

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


@final
@dataclass(frozen=True)
class Died:
    """Stands for the result of a task whose process died or was killed.

    Attributes:
        message: Why, in one line.
        status: Status of the record that is made of it.
    """

    message: str
    status: Literal["crashed", "timeout", "out_of_memory", "error"] = "crashed"


def hung(limit: float | None) -> Died:
    """Return what stands for a task that was killed after ``limit`` seconds."""
    return Died(f"hung: no result after {limit:g} s, its process was killed", "timeout")
