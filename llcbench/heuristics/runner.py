"""Runs the trials that a store is missing, and writes each as it ends."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import final

from tqdm import tqdm

from llcbench.heuristics.design import Design
from llcbench.heuristics.execute import execute
from llcbench.heuristics.store import TrialStore
from llcbench.heuristics.trial import FINAL, Trial, TrialRecord
from llcbench.provenance import environment, environment_id
from llcbench.run.executors.executor import Executor
from llcbench.run.executors.failure import Died
from llcbench.run.store import Store


@final
@dataclass
class Outcome:
    """What a call did.

    Attributes:
        wanted: Trials of the design.
        reused: Those that the store held.
        finished: Records that were made.
        unstarted: Trials that the time budget left for the next call.
    """

    wanted: int = 0
    reused: int = 0
    finished: list[TrialRecord] = field(default_factory=list)
    unstarted: int = 0


def run_missing(
    design: Design,
    store: TrialStore,
    executor: Executor,
    *,
    seeds: int | None = None,
    seconds: float | None = None,
    progress: bool = True,
    threads: int = 1,
) -> Outcome:
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
    outcome = Outcome(wanted=len(trials), reused=len(trials) - len(missing))
    if not missing:
        return outcome
    deadline = None if seconds is None else time.monotonic() + seconds
    found = environment(threads)
    Store(store.root).save_environment(environment_id(found), found)
    # None lets tqdm decide: silent when the output is no terminal.
    with tqdm(
        total=len(missing), desc=design.name, unit="trial", disable=None if progress else True
    ) as bar:
        work = partial(execute, threads=threads)
        for trial, result in executor.map(work, _until(deadline, missing, outcome)):
            record = _died(trial, result, threads) if isinstance(result, Died) else result
            store.save(record)
            outcome.finished.append(record)
            bar.update()
    return outcome


def _until(deadline: float | None, trials: list[Trial], outcome: Outcome) -> Iterator[Trial]:
    """Yield trials until the deadline; count those that are left."""
    for index, trial in enumerate(trials):
        if deadline is not None and time.monotonic() > deadline:
            outcome.unstarted = len(trials) - index
            return
        yield trial


def _died(trial: Trial, death: Died, threads: int) -> TrialRecord:
    return TrialRecord(
        key=trial.key,
        trial=trial,
        digest="",
        status=death.status,
        message=death.message,
        environment=environment_id(environment(threads)),
    )
