"""Keeps places busy with tasks, and gives a task whose process died one more try elsewhere."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar, final

from llcbench.run.failure import Failure

_LOG = logging.getLogger(__name__)

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


class Places(Protocol):
    """Where tasks are run; a place is named by text, such as the address of a worker."""

    def free(self) -> list[str]:
        """Return the places that can take a task now, once for every task they can take."""
        ...

    def others(self, place: str) -> bool:
        """Whether there is any place but this one, free or not."""
        ...

    def start(self, work: list[tuple[str, Any]]) -> list[Hashable]:
        """Start tasks at places; return a handle for each."""
        ...

    def ended(self) -> list[tuple[Hashable, Any]]:
        """Wait a moment; return handles that have ended, with result or ``Failure``."""
        ...


@final
@dataclass(frozen=True)
class _Try(Generic[TaskT]):
    """A task on its way, with the place and the reason of its first death."""

    task: TaskT
    place: str = ""
    death: Failure | None = None


@final
class _Queue(Generic[TaskT]):
    """Tasks that wait: first those that died once, then those never tried."""

    def __init__(self, tasks: Iterable[TaskT]) -> None:
        self._source = iter(tasks)
        self._again: deque[_Try[TaskT]] = deque()
        self._more = True

    def __bool__(self) -> bool:
        return self._more or bool(self._again)

    def put_back(self, trial: _Try[TaskT]) -> None:
        self._again.append(trial)

    def next(self, place: str, others: bool) -> _Try[TaskT] | None:
        """Return a task for a place; one that died there goes elsewhere if there is elsewhere."""
        for trial in self._again:
            if trial.place != place or not others:
                self._again.remove(trial)
                return trial
        for task in self._source:
            return _Try(task)
        self._more = False
        return None


def drive_at(
    opened: Callable[[], AbstractContextManager[Places]], tasks: Iterable[TaskT]
) -> Generator[tuple[TaskT, Any], None, None]:
    """Do as `drive` at places that are opened for the first task, and not at all without one."""
    source = iter(tasks)
    for first in source:
        with opened() as places:
            yield from drive(chain([first], source), places)


def drive(tasks: Iterable[TaskT], places: Places) -> Generator[tuple[TaskT, Any], None, None]:
    """Yield every task with its result or ``Failure``, as they finish.

    Tasks are taken when a place is free for them. One whose process died is tried once more; one
    that hung, or raised, is not.
    """
    queue = _Queue(tasks)
    flying: dict[Hashable, tuple[str, _Try[TaskT]]] = {}
    while True:
        batch = []
        for place in places.free():
            trial = queue.next(place, places.others(place))
            if trial is not None:
                batch.append((place, trial))
        handles = places.start([(place, trial.task) for place, trial in batch]) if batch else []
        flying.update(zip(handles, batch, strict=True))
        if not flying and not queue:
            return
        for handle, result in places.ended():
            place, trial = flying.pop(handle)
            if not isinstance(result, Failure) or result.status in ("timeout", "error"):
                yield trial.task, result
            elif trial.death is None:
                _LOG.warning("llcbench: %s; the run is tried once more", result.message)
                queue.put_back(_Try(trial.task, place, result))
            else:
                yield trial.task, _twice(trial.death, result)


def _twice(first: Failure, second: Failure) -> Failure:
    if first.message == second.message:
        return Failure(f"{second.message} (both times it was tried)", second.status)
    return Failure(f"{second.message} (the first try: {first.message})", second.status)
