"""Where tasks are executed: in this process, in others that may die, or on other machines."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol, final

from llcbench.run.executors.dask import Dask
from llcbench.run.executors.drive import ResultT, TaskT
from llcbench.run.executors.machines import Machines
from llcbench.run.executors.processes import Processes
from llcbench.run.executors.slurm import Slurm
from llcbench.run.failure import Failure


class Executor(Protocol):
    """Runs tasks somewhere."""

    @property
    def here(self) -> bool:
        """Whether tasks run in this process."""
        ...

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Generator[tuple[TaskT, ResultT | Failure], None, None]:
        """Yield every task with its result, as they finish; tasks are taken when they start."""
        ...


@final
@dataclass(frozen=True)
class Serial:
    """Runs tasks one after the other in this process."""

    here = True

    def map(
        self, function: Callable[[TaskT], ResultT], tasks: Iterable[TaskT]
    ) -> Generator[tuple[TaskT, ResultT | Failure], None, None]:
        """Yield every task with its result, in order."""
        for task in tasks:
            yield task, function(task)


NAMES = ("serial", "processes", "dask", "submitit")


def make_executor(
    name: str,
    workers: int,
    plugins: list[str],
    limit: float | None = None,
    machines: Machines | None = None,
) -> Executor:
    """Return the executor of a name.

    Raises:
        ValueError: If the name is unknown, the number of workers is not positive, or an option
            belongs to another executor.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    chosen = machines or Machines()
    if chosen.scheduler is not None and name != "dask":
        raise ValueError(f"--scheduler {chosen.scheduler} goes with --executor dask, not {name}")
    if chosen.memory is not None and name in ("serial", "processes"):
        raise ValueError(f"--worker-memory goes with --executor dask or submitit, not {name}")
    if chosen.slurm and name != "submitit":
        raise ValueError(f"--slurm goes with --executor submitit, not {name}")
    match name:
        case "serial":
            return Serial()
        case "processes":
            return Processes(workers, tuple(plugins), limit)
        case "dask":
            return Dask(workers, tuple(plugins), limit, chosen)
        case "submitit":
            return Slurm(workers, tuple(plugins), limit, chosen)
    raise ValueError(f"unknown executor {name!r}; known: {', '.join(NAMES)}")
