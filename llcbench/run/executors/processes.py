"""Runs in processes of this machine, any of which may die."""

import os
import sys
import threading
from collections.abc import Callable, Generator, Hashable, Iterable
from concurrent.futures import wait
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from typing import Any, final

from pebble import ProcessExpired, ProcessPool

from llcbench.run.execute import load_plugins
from llcbench.run.executors.drive import ResultT, TaskT, drive_at
from llcbench.run.executors.machines import pack, unpack
from llcbench.run.failure import Failure, ended, failure_of, hung

# What every run imports, in seconds; none of it starts a thread.
IMPORTED = (
    "torch",
    "llcbench.run.executors.processes",
    "llcbench.estimators.mean_energy",
    "arviz_stats.base",
)
# Seconds between two looks at a pool that could have broken.
PAUSE = 1.0


@final
@dataclass(frozen=True)
class Processes:
    """Runs tasks in fresh processes that know nothing of what this one has computed.

    On Linux they are forks of a server that imports torch once and does nothing else, so that one
    more costs milliseconds. They see the environment variables of the moment it was started.

    A task whose process dies is tried once more, in a process of its own as all are; the others go
    on. No process outlives this one, not even when it is killed.

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
        """Yield every task with its result, as they finish; tasks are taken when they start."""
        return drive_at(lambda: closing(_Pool(self, function)), tasks)


@final
class _Pool:
    """The processes of a pool as places; they are all alike, so that a place has no name."""

    def __init__(self, processes: Processes, function: Callable[[Any], Any]) -> None:
        self._processes = processes
        self._function = function
        self._pool = self._made()
        self._flying: dict[Any, int] = {}
        self._numbers = count()

    def free(self) -> list[str]:
        """Return one place for every process without a task."""
        return [""] * (self._processes.workers - len(self._flying))

    def others(self, place: str) -> bool:
        """Whether there is another place: every try is in a process of its own anyway."""
        return False

    def start(self, work: list[tuple[str, Any]]) -> list[Hashable]:
        """Send tasks to the processes."""
        numbers = [next(self._numbers) for _ in work]
        for number, (_, task) in zip(numbers, work, strict=True):
            arguments = [self._processes.plugins, self._function, task]
            future = self._pool.schedule(_answer, arguments, timeout=self._processes.limit)
            self._flying[future] = number
        return [*numbers]

    def ended(self) -> list[tuple[Hashable, Any]]:
        """Return tasks with results, and those whose process died."""
        done, _ = wait(self._flying, timeout=PAUSE, return_when="FIRST_COMPLETED")
        if not done and self._flying and not self._pool.active:
            return self._broken()
        return [(self._flying.pop(future), self._result(future)) for future in done]

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._pool.stop()
        self._pool.join()

    def _broken(self) -> list[tuple[Hashable, Any]]:
        """Replace a pool whose processes all died while they had nothing to do."""
        self.close()
        self._pool = self._made()
        numbers = [*self._flying.values()]
        self._flying.clear()
        return [(number, Failure("its process died before it began")) for number in numbers]

    def _made(self) -> Any:
        # Its signatures leave out that a limit may be None.
        return ProcessPool(self._processes.workers, context=_context())

    def _result(self, future: Any) -> Any:
        try:
            return unpack(future.result())
        except ProcessExpired as death:
            return ended(int(death.exitcode))
        except TimeoutError:
            return hung(self._processes.limit or 0.0)
        except Exception as error:  # a task that cannot be sent, for instance
            return failure_of(error)


def _context() -> BaseContext:
    # Never a fork of this process: it would copy locks that the threads of torch may hold.
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


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

    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    # Forks begin with the same state of it, and a script may draw from it.
    np.random.seed()  # noqa: NPY002
    load_plugins(list(plugins))


def _end_with_parent() -> None:
    """End this process when the one that started the pool was killed.

    That is not the parent in the sense of the system, which is the server of forks.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
