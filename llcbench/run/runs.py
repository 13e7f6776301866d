"""Runs of suites as a study: each with the truths that it shares with others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

import msgspec

from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.execute import compute_truths, execute, failed, truth_key
from llcbench.run.executors.executor import Executor
from llcbench.run.failure import Failure, failure_of
from llcbench.run.runner import Outcome, Terms, run_missing
from llcbench.run.store import RunStore, key_of

# A run with one of these statuses was ended from outside: its checkpoint is kept for the next call.
CUT = ("timeout", "crashed", "out_of_memory")


class Task(NamedTuple):
    """Work for any process: a run, or the truths that several runs share."""

    kind: Literal["truths", "run"]
    spec: Spec


class RunResult(NamedTuple):
    """A record, and lines that have to be said about its run."""

    record: RunRecord
    lines: list[str]


def run_specs(
    specs: Sequence[Spec],
    store: RunStore,
    executor: Executor,
    *,
    seconds: float | None = None,
    progress: bool = True,
    threads: int = 1,
    checkpoint_every: float | None = 60.0,
) -> Outcome[RunRecord]:
    """Run specs and save every record the moment it and its truths are there.

    Args:
        specs: What is to be run.
        store: Where the records go.
        executor: Where the runs go.
        seconds: Time for all of them; runs in flight are cut there, later ones are not started.
        progress: Whether to show a bar with the time left.
        threads: Threads of torch within a run.
        checkpoint_every: Seconds between two checkpoints of a long run, at least; None for none.
    """
    study = RunStudy(store, specs, threads, checkpoint_every)
    return run_missing(study, executor, seconds=seconds, progress=progress)


@final
@dataclass
class RunStudy:
    """Brings runs and their truths together, in whatever order they arrive.

    Attributes:
        store: Where records and truths are saved.
        specs: The runs.
        threads: Threads of torch within a run.
        checkpoint_every: Seconds between two checkpoints of a run, at least; None for none.
    """

    store: RunStore
    specs: Sequence[Spec]
    threads: int = 1
    checkpoint_every: float | None = 60.0
    title = "sampling"
    unit = "step"
    _known: dict[str, Truths | None] = field(default_factory=dict)
    _waiting: dict[str, list[RunRecord]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of the store."""
        return self.store.root

    @property
    def tasks(self) -> list[Task]:
        """The runs as tasks."""
        return [Task("run", spec) for spec in self.specs]

    def lengths(self) -> dict[str, int]:
        """Return the steps of every run by its key."""
        return lengths_of(self.specs)

    def key(self, task: Task) -> str:
        """Return the key of a run, or that of truths, which have no length."""
        return key_of(task.spec) if task.kind == "run" else truth_key(task.spec)

    def shared(self) -> list[Task]:
        """Read the truths that the store holds; return one task for each missing one."""
        wanted: dict[str, Task] = {}
        for spec in self.specs:
            key = truth_key(spec)
            if key not in self._known and key not in wanted:
                stored = self.store.truths.load(key)
                if stored is None:
                    wanted[key] = Task("truths", spec)
                else:
                    self._known[key] = stored
        return list(wanted.values())

    def work(self, terms: Terms) -> Callable[[Task], RunResult | Truths | Failure]:
        """Return what makes a run, or truths."""
        return partial(
            _work,
            terms=terms,
            threads=self.threads,
            store=self.store,
            every=self.checkpoint_every,
        )

    def take(self, task: Task, result: Any, outcome: Outcome[RunRecord]) -> None:
        """Take truths or a run; save what is whole."""
        key = truth_key(task.spec)
        if task.kind == "truths":
            self._take_truths(key, task.spec, result, outcome)
            return
        if isinstance(result, Failure):
            record = failed(task.spec, result, self.threads)
        else:
            record = result.record
            outcome.warnings += [
                f"{task.spec.problem} {task.spec.label}: {line}" for line in result.lines
            ]
        if key in self._known:
            self._save(record, key, outcome)
        else:
            self._waiting.setdefault(key, []).append(record)

    def _take_truths(
        self, key: str, spec: Spec, result: Truths | Failure, outcome: Outcome[RunRecord]
    ) -> None:
        if isinstance(result, Failure):
            outcome.warnings.append(f"no truth for {spec.problem}: {result.message}")
            self._known[key] = None
        else:
            self.store.truths.save(key, result)
            self._known[key] = result
        for record in self._waiting.pop(key, []):
            self._save(record, key, outcome)

    def _save(self, record: RunRecord, key: str, outcome: Outcome[RunRecord]) -> None:
        whole = msgspec.structs.replace(record, truths=self._known[key])
        self.store.save(whole)
        outcome.finished.append(whole)
        if whole.estimate.status not in CUT:
            self.store.forget(whole.key)


def lengths_of(specs: Sequence[Spec]) -> dict[str, int]:
    """Return the steps of runs, burn-in included, by their keys."""
    return {key_of(s): s.settings.num_burnin + s.settings.num_draws for s in specs}


def _work(
    task: Task, terms: Terms, threads: int, store: RunStore, every: float | None
) -> RunResult | Truths | Failure:
    if task.kind == "truths":
        try:
            return compute_truths(task.spec)
        except Exception as error:  # one truth that fails must not stop the others
            return failure_of(error)
    from llcbench.sampling.checkpoint import Checkpoint

    key = key_of(task.spec)
    kept = None if every is None else Checkpoint(store.checkpoint(key), every)
    on_step = None if terms.reporter is None else terms.reporter(key)
    record = execute(task.spec, None, terms.deadline, on_step, threads=threads, checkpoint=kept)
    return RunResult(record, [] if kept is None else kept.lines)
