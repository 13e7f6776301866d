"""Runs in processes of this machine, any of which may die."""

import os
import threading
import time
from collections.abc import Callable, Generator, Hashable, Iterable
from concurrent.futures import BrokenExecutor, Future, wait
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from multiprocessing import parent_process
from typing import Any, NamedTuple, final

from pebble import ProcessExpired, ProcessPool

from llcbench.run.execute import load_plugins
from llcbench.run.executors import forks
from llcbench.run.executors.drive import ResultT, TaskT, drive_at
from llcbench.run.executors.machines import pack, unpack
from llcbench.run.failure import ExecutorLost, Failure, ended, failure_of, hung

# What every run imports, in seconds; none of it starts a thread.
IMPORTED = (
    "torch",
    "llcbench.run.executors.processes",
    "llcbench.estimators.mean_energy",
    "arviz_stats.base",
)
# Seconds between two looks at a pool that could have broken.
PAUSE = 1.0
_AGAIN = "finished runs are kept, call again to go on"


@final
@dataclass(frozen=True)
class Processes:
    """Runs tasks in fresh processes that know nothing of what this one has computed.

    On Linux they are forks of a server that imports torch once and does nothing else, so that one
    more costs milliseconds. They see the environment variables of the moment it was started.

    A task whose process dies is tried once more, in a process of its own as all are; the others go
    on. No process outlives this one, not even when it is killed: the system kills the server with
    it, and the forks with the server. When the server dies the sweep ends.

    Attributes:
        workers: Number of processes.
        plugins: Scripts that every process imports first.
        limit: Seconds after which a task counts as hanging: its process is killed. None waits for
            ever.
    """

    workers: int
    plugins: tuple[str, ...] = ()
    limit: float | None = None
    here = False

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Generator[tuple[TaskT, ResultT | Failure], None, None]:
        """Yield every task with its result, as they finish; tasks are taken when they start.

        Raises:
            ExecutorLost: If no process can be made any more.
        """
        return drive_at(lambda: closing(_Pool(self, function)), tasks)


class _Flight(NamedTuple):
    """A task under way: its number, and when it was first seen to run."""

    number: int
    since: float | None = None


@final
class _Pool:
    """The processes of a pool as places; they are all alike, so that a place has no name."""

    def __init__(self, processes: Processes, function: Callable[[Any], Any]) -> None:
        self._processes = processes
        self._function = function
        self._server = forks.server(IMPORTED)
        self._pool = self._made()
        self._flying: dict[Any, _Flight] = {}
        self._numbers = count()

    def free(self) -> list[str]:
        """Return one place for every process without a task."""
        return [""] * (self._processes.workers - len(self._flying))

    def others(self, place: str) -> bool:
        """Whether there is another place: every try is in a process of its own anyway."""
        return False

    def start(self, work: list[tuple[str, Any]]) -> list[Hashable]:
        """Send tasks to the processes.

        Raises:
            ExecutorLost: If no process can be made any more.
        """
        self._check()
        numbers = [next(self._numbers) for _ in work]
        for number, (_, task) in zip(numbers, work, strict=True):
            self._flying[self._sent(task)] = _Flight(number)
        return [*numbers]

    def ended(self) -> list[tuple[Hashable, Any]]:
        """Return tasks with results, and those whose process died.

        Raises:
            ExecutorLost: If the server of the processes has died.
        """
        limit = self._processes.limit
        pause = PAUSE if limit is None else min(PAUSE, limit / 10)
        done, _ = wait(self._flying, timeout=pause, return_when="FIRST_COMPLETED")
        results = [(self._flying.pop(future).number, self._result(future)) for future in done]
        if not self._served():
            # What was made before is kept; the others died with the server.
            made = [(n, r) for n, r in results if not isinstance(r, Failure)]
            if not made:
                self._check()
            return [*made]
        if not done and self._flying and not self._pool.active:
            return self._broken()
        return [*results, *self._overdue()]

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._pool.stop()
        self._pool.join()

    def _sent(self, task: Any) -> Any:
        """Return the future of a task; it never ends if the pool is broken, which `ended` sees."""
        try:
            if not self._pool.active and not self._flying:
                self._renew()
            return self._pool.schedule(_answer, [self._processes.plugins, self._function, task])
        except (OSError, EOFError, BrokenExecutor) as error:
            self._check()
            raise ExecutorLost(f"no process can be started: {error}; {_AGAIN}") from error
        except RuntimeError:
            return Future()

    def _overdue(self) -> list[tuple[Hashable, Any]]:
        """End the processes of tasks that run for too long, by a clock that never jumps."""
        limit, now = self._processes.limit, time.monotonic()
        if limit is None:
            return []
        over = []
        for future, flight in list(self._flying.items()):
            if flight.since is None and future.running():
                self._flying[future] = flight._replace(since=now)
            elif flight.since is not None and now - flight.since >= limit and future.cancel():
                over.append((self._flying.pop(future).number, hung(limit)))
        return [*over]

    def _served(self) -> bool:
        return self._server is None or forks.alive(self._server)

    def _check(self) -> None:
        if not self._served():
            raise ExecutorLost(
                f"the process {self._server} that makes the others has died, perhaps because"
                f" memory ran out; {_AGAIN}"
            )

    def _broken(self) -> list[tuple[Hashable, Any]]:
        """Replace a pool whose processes all died while they had nothing to do."""
        numbers = [flight.number for flight in self._flying.values()]
        self._flying.clear()
        self._renew()
        return [(number, _unbegun()) for number in numbers]

    def _renew(self) -> None:
        self.close()
        self._pool = self._made()

    def _made(self) -> Any:
        # Its signatures leave out that there may be no arguments.
        return ProcessPool(self._processes.workers, initializer=_begin, context=forks.context())

    def _result(self, future: Any) -> Any:
        try:
            return unpack(future.result())
        except ProcessExpired as death:
            return ended(int(death.exitcode))
        except BrokenExecutor:  # the last process died when this task was already on its way
            return _unbegun()
        except Exception as error:  # a task that cannot be sent, for instance
            return failure_of(error)


def _unbegun() -> Failure:
    return Failure("its process died before it began")


def _begin() -> None:
    """Tie a new process to its parent and to the process that started the pool."""
    forks.end_with_parent()
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _answer(plugins: tuple[str, ...], function: Callable[[Any], Any], task: Any) -> bytes:
    """Make a task in a process that is ready for it, and pack what it returns."""
    try:
        _prepare(plugins)
        return pack(function(task))
    except (Exception, SystemExit) as error:  # the process goes on with another task
        return pack(failure_of(error))


@lru_cache
def _prepare(plugins: tuple[str, ...]) -> None:
    """Import scripts in a new process; torch keeps to one thread there."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    # Forks begin with the same state of it, and a script may draw from it.
    np.random.seed()  # noqa: NPY002
    load_plugins(list(plugins))


def _end_with_driver() -> None:
    """End this process when the one that started the pool was killed.

    That is not the parent in the sense of the system, which is the server of forks.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
