"""Runs what a store is missing, and writes each run as it ends."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from llcbench.provenance import environment, environment_id
from llcbench.records import Spec, Truths
from llcbench.run.execute import compute_truths, execute
from llcbench.run.executors.executor import Executor, Serial
from llcbench.run.ledger import Ledger, Made, Outcome
from llcbench.run.progress import Progress, Reporter
from llcbench.run.run_files import checkpoint_path
from llcbench.run.store import Store, key_of


class Task(NamedTuple):
    """A piece of work for any process: a run, or the truths that several runs share."""

    kind: Literal["truths", "run"]
    spec: Spec


def run_missing(
    specs: list[Spec],
    store: Store,
    executor: Executor,
    *,
    seconds: float | None = None,
    progress: bool = True,
    threads: int = 1,
    checkpoint_every: float | None = 60.0,
) -> Outcome:
    """Run specs and save every record the moment it and its truths are there.

    Args:
        specs: What is to be run.
        store: Where the records go.
        executor: Where the runs go.
        seconds: Time for all of them; runs in flight are cut there, later ones are left out.
        progress: Whether to show a bar with the time left.
        threads: Threads of torch within a run.
        checkpoint_every: Seconds between two checkpoints of a long run, at least; None for none.
    """
    deadline = None if seconds is None else time.time() + seconds
    outcome = Outcome()
    if not specs:
        return outcome
    found = environment(threads)
    store.save_environment(environment_id(found), found)
    ledger = Ledger(store, outcome, threads)
    wanted = ledger.open(specs)
    with Progress(specs, store.root, shared=isinstance(executor, Serial), show=progress) as bar:
        work = partial(
            _work,
            deadline=deadline,
            reporter=bar.reporter(),
            threads=threads,
            root=store.root,
            every=checkpoint_every,
        )
        for task, result in executor.map(work, _until(deadline, wanted, specs, outcome)):
            if task.kind == "truths":
                ledger.truths(task.spec, result)
                continue
            ledger.run(task.spec, result)
            bar.ended(task.spec)
    return outcome


def _work(
    task: Task,
    deadline: float | None,
    reporter: Reporter | None,
    threads: int,
    root: Path,
    every: float | None,
) -> Made | Truths | str:
    if task.kind == "run":
        return _run(task.spec, deadline, reporter, threads, root, every)
    try:
        return compute_truths(task.spec)
    except Exception as error:  # one truth that fails must not stop the others
        return f"{type(error).__name__}: {error}"


def _run(
    spec: Spec,
    deadline: float | None,
    reporter: Reporter | None,
    threads: int,
    root: Path,
    every: float | None,
) -> Made:
    from llcbench.sampling.checkpoint import Checkpoint

    key = key_of(spec)
    place = None if every is None else Checkpoint(checkpoint_path(root, key), every)
    on_step = None if reporter is None else reporter(key)
    record = execute(spec, None, deadline, on_step, threads=threads, checkpoint=place)
    return Made(record, [] if place is None else place.lines)


def _until(
    deadline: float | None, wanted: list[Spec], specs: list[Spec], outcome: Outcome
) -> Iterator[Task]:
    """Yield truths, then runs until the deadline; count the runs that are left."""
    yield from (Task("truths", spec) for spec in wanted)
    for index, spec in enumerate(specs):
        if deadline is not None and time.time() > deadline:
            outcome.unstarted = len(specs) - index
            return
        yield Task("run", spec)
