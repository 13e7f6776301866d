"""Runs on the workers of a dask scheduler, on this machine or on many."""

import logging
import time
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from threading import Event
from typing import Any, final

from llcbench.run.executors.drive import ResultT, TaskT, drive_at
from llcbench.run.executors.forks import uninterrupted
from llcbench.run.executors.machines import Machines, needs, pack
from llcbench.run.executors.supervisor import Setup, stop, supervise
from llcbench.run.failure import ExecutorLost, Failure

_LOG = logging.getLogger(__name__)
# Seconds in which a scheduler must answer, and in which one without workers must get some.
ANSWER = 5.0
PATIENCE = 30.0
PAUSE = 0.5


@final
@dataclass(frozen=True)
class Dask:
    """Runs tasks on dask workers, each in a process that its worker watches.

    Without a scheduler in ``machines`` one is started here, bound to the loopback interface. A
    task is sent to one worker and to no other: when that worker is lost, the task goes elsewhere
    once, whatever the scheduler is set to do with tasks that lose their worker.

    Attributes:
        workers: Worker processes to start here; a scheduler that runs already has its own.
        plugins: Scripts whose source is sent along.
        limit: Seconds after which a task counts as hanging: its process is killed.
        machines: Scheduler, memory, and what to do with environments.
    """

    workers: int
    plugins: tuple[str, ...] = ()
    limit: float | None = None
    machines: Machines = field(default_factory=Machines)
    here = False

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Generator[tuple[TaskT, ResultT | Failure], None, None]:
        """Yield every task with its result, as they finish; tasks are taken when they start.

        Raises:
            ValueError: If dask is not installed, or no scheduler answers.
            ExecutorLost: If the scheduler or all of its workers are lost.
        """

        @contextmanager
        def opened() -> Iterator[_Workers]:
            setup = Setup.of(self.plugins, self.limit, self.machines.memory)
            with self._client() as client:
                workers = _Workers(client, setup, function, self.machines)
                try:
                    yield workers
                finally:
                    workers.close()

        return drive_at(opened, tasks)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        distributed = needs("distributed", "--executor dask")
        where = self.machines.scheduler
        with ExitStack() as stack:
            # Lost workers are reported here, in one line each.
            stack.enter_context(_silent("distributed"))
            if where is None:
                share = distributed.system.MEMORY_LIMIT // self.workers
                with uninterrupted():
                    cluster = distributed.LocalCluster(
                        n_workers=self.workers,
                        threads_per_worker=1,
                        host="127.0.0.1",
                        dashboard_address="127.0.0.1:0",
                        memory_limit=self.machines.memory or share,
                        silence_logs=logging.CRITICAL,
                    )
                where = stack.enter_context(cluster)
            try:
                client = distributed.Client(where, timeout=ANSWER, set_as_default=False)
            except (OSError, ValueError) as error:
                raise ValueError(
                    f"--scheduler {where}: no scheduler answers there within {ANSWER:g} s;"
                    " 'dask scheduler' starts one, and its address is tcp://HOST:8786"
                ) from error
            yield stack.enter_context(client)


@final
class _Workers:
    """The workers of a scheduler as places; a place is the address of a worker."""

    def __init__(
        self,
        client: Any,
        setup: Setup,
        function: Callable[[Any], Any],
        machines: Machines,
    ) -> None:
        self._client = client
        self._setup = setup
        self._function = function
        self._machines = machines
        self._at: dict[Any, str] = {}
        self._threads: dict[str, int] = {}
        self._fit: dict[str, bool] = {}
        self._seen = time.monotonic()
        self._event = Event()

    def free(self) -> list[str]:
        """Return every worker as often as it has threads to spare."""
        self._look()
        used = list(self._at.values())
        return [a for a, n in self._threads.items() for _ in range(n - used.count(a))]

    def others(self, place: str) -> bool:
        """Whether there is another worker."""
        return any(address != place for address in self._threads)

    def start(self, work: list[tuple[str, Any]]) -> list[Hashable]:
        """Send tasks to their workers."""
        futures = [
            self._client.submit(
                _on_worker,
                self._setup,
                pack((self._function, task)),
                workers=[address],
                allow_other_workers=False,
                pure=False,
            )
            for address, task in work
        ]
        for future, (address, _) in zip(futures, work, strict=True):
            self._at[future] = address
            future.add_done_callback(lambda _: self._event.set())
        return [*futures]

    def ended(self) -> list[tuple[Hashable, Any]]:
        """Return tasks with results, and those whose worker is lost."""
        if not self._at:
            time.sleep(PAUSE)
            return []
        if not self._event.wait(PAUSE):
            self._look()
        self._event.clear()
        return [
            (future, self._result(future, address))
            for future, address in list(self._at.items())
            if future.done() or address not in self._threads
        ]

    def close(self) -> None:
        """Leave the workers as they were."""
        if self._client.status == "running":
            self._client.cancel(list(self._at))
            self._client.run(stop, self._setup.token, on_error="ignore")

    def _result(self, future: Any, address: str) -> Any:
        del self._at[future]
        if not future.done():
            future.cancel()
            return Failure(f"its worker at {address} was lost")
        result = self._machines.received(partial(future.result, timeout=ANSWER), "its worker")
        if isinstance(result, Failure):
            return replace(result, message=f"{result.message} (worker {address})")
        return result

    def _look(self) -> None:
        """Read which workers there are."""
        if self._client.status != "running":
            raise ExecutorLost("the scheduler is lost; finished runs are kept, call again to go on")
        threads = self._client.nthreads()
        self._examine([address for address in threads if address not in self._fit])
        self._threads = {a: n for a, n in threads.items() if self._fit.get(a)}
        if self._threads:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > PATIENCE:
            raise ExecutorLost(
                f"the scheduler has had no fit worker for {PATIENCE:g} s; 'dask worker ADDRESS'"
                " starts one; finished runs are kept, call again to go on"
            )

    def _examine(self, addresses: list[str]) -> None:
        """Sort workers with our version from others, whose numbers might differ."""
        if not addresses:
            return
        ours = version("llcbench")
        versions = self._client.run(version, "llcbench", workers=addresses, on_error="return")
        for address in addresses:
            theirs = versions.get(address)
            self._fit[address] = theirs == ours
            if theirs != ours:
                text = f"llcbench {theirs}" if isinstance(theirs, str) else "no llcbench"
                _LOG.warning(
                    "llcbench: worker %s is not used: it has %s, here is %s", address, text, ours
                )


def _on_worker(setup: Setup, work: bytes) -> bytes | Failure:
    """Make a task from inside a dask worker, within the memory that the worker has."""
    if setup.memory is None:
        worker = needs("distributed", "a dask worker").get_worker()
        whole = worker.memory_manager.memory_limit
        share = None if whole is None else int(whole) // worker.state.nthreads
        setup = replace(setup, memory=share)
    return supervise(setup, work)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
