"""Trials of a design as a study: those that a store is missing, each saved as it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

from llcbench.heuristics.design import Design
from llcbench.heuristics.execute import execute, failed
from llcbench.heuristics.store import TrialStore
from llcbench.heuristics.trial import FINAL, Trial, TrialRecord
from llcbench.run.executors.executor import Executor
from llcbench.run.failure import Failure
from llcbench.run.runner import Outcome, Terms, run_missing


def run_trials(
    design: Design,
    store: TrialStore,
    executor: Executor,
    *,
    seeds: int | None = None,
    seconds: float | None = None,
    progress: bool = True,
    threads: int = 1,
) -> Outcome[TrialRecord]:
    """Run trials and save every record the moment it is there.

    Trials whose record ended in an error, or whose process died, are tried again.

    Args:
        design: What is to be run.
        store: Where the records go.
        executor: Where the trials go.
        seeds: Repetitions; None for those of the design.
        seconds: No trial is started later than this; those that run are finished.
        progress: Whether to show a bar with the time left, on a terminal.
        threads: Threads of torch within a trial.
    """
    trials = design.trials(seeds)
    held = store.contents().records
    missing = [t for t in trials if t.key not in held or held[t.key].status not in FINAL]
    study = TrialStudy(store, missing, design.name, threads)
    outcome = run_missing(study, executor, seconds=seconds, progress=progress)
    outcome.reused = len(trials) - len(missing)
    return outcome


@final
@dataclass(frozen=True)
class TrialStudy:
    """Trials, each of which stands on its own.

    Attributes:
        store: Where records are saved.
        tasks: The trials.
        title: Name of their design.
        threads: Threads of torch within a trial.
    """

    store: TrialStore
    tasks: Sequence[Trial]
    title: str
    threads: int = 1
    unit = "trial"

    @property
    def root(self) -> Path:
        """The folder of the store."""
        return self.store.root

    def lengths(self) -> dict[str, int]:
        """Return one for every trial: the bar counts trials."""
        return dict.fromkeys(map(self.key, self.tasks), 1)

    def key(self, task: Trial) -> str:
        """Return the key of a trial."""
        return task.key

    def shared(self) -> tuple[()]:
        """Return nothing: trials share nothing."""
        return ()

    def work(self, terms: Terms) -> Callable[[Trial], TrialRecord]:
        """Return what makes a trial; one that has begun is finished, whatever the time."""
        return partial(execute, threads=self.threads)

    def take(self, task: Trial, result: Any, outcome: Outcome[TrialRecord]) -> None:
        """Save a trial, or the failure that stands for it."""
        if isinstance(result, Failure):
            result = failed(task, result, self.threads)
        self.store.save(result)
        outcome.finished.append(result)
