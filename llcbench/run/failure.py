"""What stands in the place of a result: an exception, or the death of a process, as a status."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Literal, final


@final
class ExecutorLost(OSError):
    """What makes the runs is gone: a server of processes, a scheduler, all of its workers."""


@final
@dataclass(frozen=True)
class Failure:
    """Stands for the result of a task that raised, or whose process died or was killed.

    Attributes:
        message: Why, in one line.
        status: Status of the record that is made of it.
    """

    message: str
    status: Literal["crashed", "timeout", "out_of_memory", "error"] = "crashed"


def failure_of(error: BaseException) -> Failure:
    """Return the failure that an exception is, with the file and line that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    if _is_memory(error):
        text = str(error).splitlines()[0] if str(error) else "memory is used up"
        return Failure(f"{text} ({where})", "out_of_memory")
    return Failure(f"{type(error).__name__}: {error} ({where})", "error")


def hung(limit: float) -> Failure:
    """Return the failure of a task that was killed after ``limit`` seconds."""
    return Failure(f"hung: no result after {limit:g} s, its process was killed", "timeout")


def ended(code: int) -> Failure:
    """Return the failure of a task whose process ended with an exit code, negative for signals."""
    if code == -Signals.SIGKILL:
        return Failure("its process was killed by SIGKILL, as the kernel does when memory runs out")
    if code < 0:
        return Failure(f"its process was killed by {Signals(-code).name}")
    return Failure(f"its process ended with exit code {code}")


def _is_memory(error: BaseException) -> bool:
    """Return whether memory has run out, which torch says in the words of a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
