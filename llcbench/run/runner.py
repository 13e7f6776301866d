"""Runs the tasks that a store is missing, and saves each result as it comes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, final

from llcbench.provenance import environment
from llcbench.run.deadline import Deadline
from llcbench.run.executors.executor import Executor
from llcbench.run.progress import Progress, Reporter
from llcbench.run.store import RecordT, keep_environment

TaskT = TypeVar("TaskT")


class Terms(NamedTuple):
    """What a task gets from the call that runs it.

    Attributes:
        deadline: When the call should be over; None for no limit.
        reporter: Takes the steps of tasks; None where nobody looks.
    """

    deadline: Deadline | None
    reporter: Reporter | None


class Study(Protocol[TaskT, RecordT]):
    """Tasks of one kind, how they are made, and where their records go."""

    @property
    def root(self) -> Path:
        """The folder of the store."""
        ...

    @property
    def title(self) -> str:
        """What stands before the progress bar."""
        ...

    @property
    def unit(self) -> str:
        """What the progress bar counts."""
        ...

    @property
    def threads(self) -> int:
        """Threads of torch within a task."""
        ...

    @property
    def tasks(self) -> Sequence[TaskT]:
        """The tasks that are missing, in the order in which they start."""
        ...

    def lengths(self) -> Mapping[str, int]:
        """Return the units of every task by its key."""
        ...

    def key(self, task: TaskT) -> str:
        """Return the key of a task."""
        ...

    def shared(self) -> Sequence[TaskT]:
        """Return tasks that come first because several others need what they make."""
        ...

    def work(self, terms: Terms) -> Callable[[TaskT], Any]:
        """Return what makes a task, in whatever process: a function that can be pickled."""
        ...

    def take(self, task: TaskT, result: Any, outcome: "Outcome[RecordT]") -> None:
        """Save what a task made, or the failure that stands for it, and list it."""
        ...


@final
@dataclass
class Outcome(Generic[RecordT]):
    """What a call did.

    Attributes:
        finished: Records that were made.
        unstarted: Tasks that the time budget left for the next call.
        reused: Tasks whose records the store held.
        warnings: Lines for the user, on truths or checkpoints for instance.
    """

    finished: list[RecordT] = field(default_factory=list)
    unstarted: int = 0
    reused: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """All tasks that were asked for."""
        return self.reused + len(self.finished) + self.unstarted


def run_missing(
    study: Study[TaskT, RecordT],
    executor: Executor,
    *,
    seconds: float | None = None,
    progress: bool = True,
) -> Outcome[RecordT]:
    """Run the tasks of a study and save every record the moment it is there.

    Args:
        study: What is to be run.
        executor: Where it is run.
        seconds: Time for all tasks: none is started later.
        progress: Whether to show a bar with the time left, on a terminal.
    """
    deadline = Deadline.after(seconds)
    outcome = Outcome[RecordT]()
    if not study.tasks:
        return outcome
    keep_environment(study.root, environment(study.threads))
    with Progress(
        study.lengths(),
        study.root,
        shared=executor.here,
        show=progress,
        title=study.title,
        unit=study.unit,
    ) as bar:
        work = study.work(Terms(deadline, bar.reporter()))
        # Closed at once when a record cannot be saved: what is under way ends then.
        with closing(executor.map(work, _until(deadline, study, outcome))) as results:
            for task, result in results:
                study.take(task, result, outcome)
                bar.ended(study.key(task))
    return outcome


def _until(
    deadline: Deadline | None, study: Study[TaskT, RecordT], outcome: Outcome[RecordT]
) -> Iterator[TaskT]:
    """Yield shared tasks, then the others until the deadline; count those that are left."""
    yield from study.shared()
    tasks = study.tasks
    for index, task in enumerate(tasks):
        if deadline is not None and not deadline.left():
            outcome.unstarted = len(tasks) - index
            return
        yield task
