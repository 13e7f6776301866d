"""Runs in processes of this machine, any of which may die."""

import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import Generic, final

from llcbench.run.execute import load_plugins
from llcbench.run.executors.failure import Died, ResultT, TaskT, hung

# What every run imports, in seconds; none of it starts a thread.
IMPORTED = ("torch", "llcbench.run.execute", "llcbench.estimators.mean_energy", "arviz_stats.base")


@final
@dataclass(frozen=True)
class Processes(Generic[TaskT, ResultT]):
    """Runs tasks in fresh processes that know nothing of what this one has computed.

    On Linux they are forks of a server that imports torch once and does nothing else, so that one
    more costs milliseconds. They see the environment variables of the moment it was started.

    If a process dies, the tasks that were in flight are tried again one at a time, each in a
    process of its own; one that kills its process again is reported, the others go on.

    Attributes:
        workers: Number of processes.
        plugins: Scripts that every process imports first.
        limit: Seconds after which a task counts as hanging: its process is killed, and what else
            was in flight is tried again. None waits for ever.
    """

    workers: int
    plugins: tuple[str, ...] = ()
    limit: float | None = None

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Iterator[tuple[TaskT, ResultT | Died]]:
        """Yield every task with its result, as they finish; tasks are taken when they start."""
        source = iter(tasks)
        more = True
        while more:
            suspects: list[TaskT] = []
            with self._pool(self.workers) as pool:
                more = yield from self._drain(pool, function, source, suspects)
            for task in suspects:
                with self._pool(1) as pool:
                    future = pool.submit(function, task)
                    try:
                        yield task, future.result(self.limit)
                    except BrokenProcessPool:
                        yield task, Died("the process that ran it died twice")
                    except TimeoutError:
                        _kill(pool)
                        yield task, hung(self.limit)

    def _drain(
        self,
        pool: ProcessPoolExecutor,
        function: Callable[[TaskT], ResultT],
        source: Iterator[TaskT],
        suspects: list[TaskT],
    ) -> Generator[tuple[TaskT, ResultT | Died], None, bool]:
        """Keep the workers busy until the tasks end (False) or a process dies (True).

        After a death ``suspects`` holds what was in flight, without what hung.
        """
        flying: dict[Future[ResultT], TaskT] = {}
        started: dict[Future[ResultT], float] = {}
        while True:
            for task in islice(source, self.workers - len(flying)):
                future = pool.submit(function, task)
                flying[future], started[future] = task, time.monotonic()
            if not flying:
                return False
            done, _ = wait(flying, timeout=self.limit, return_when="FIRST_COMPLETED")
            late = [f for f in flying if f not in done and self._is_late(started[f])]
            if late:
                _kill(pool)
                for future in late:
                    yield flying.pop(future), hung(self.limit)
                suspects.extend(flying.values())
                return True
            for future in done:
                task = flying.pop(future)
                try:
                    yield task, future.result()
                except BrokenProcessPool:
                    suspects.append(task)
            if suspects:
                suspects.extend(flying.values())
                return True

    def _is_late(self, started: float) -> bool:
        return self.limit is not None and time.monotonic() - started >= self.limit

    def _pool(self, workers: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            workers,
            mp_context=_context(),
            initializer=_prepare,
            initargs=(list(self.plugins),),
        )


def _context() -> BaseContext:
    # Never a fork of this process: it would copy locks that the threads of torch may hold.
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def _kill(pool: ProcessPoolExecutor) -> None:
    """Kill the processes of a pool; a task that hangs does not listen to anything milder."""
    for process in list((pool._processes or {}).values()):
        process.kill()


def _prepare(plugins: list[str]) -> None:
    """Import scripts in a new process; torch keeps to one thread there."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    # Forks begin with the same state of it, and a script may draw from it.
    np.random.seed()  # noqa: NPY002
    load_plugins(plugins)
