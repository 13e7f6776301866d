"""Runs what a store is missing, and writes each run as it ends."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple, final

import msgspec
from tqdm import tqdm

from llcbench.provenance import environment, environment_id
from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.execute import compute_truths, crashed, execute, truth_key
from llcbench.run.executors import Died, Processes, Serial
from llcbench.run.store import Store

Runner = Serial | Processes[Any, Any]


class Task(NamedTuple):
    """A piece of work for any process: a run, or the truths that several runs share."""

    kind: Literal["truths", "run"]
    spec: Spec


@final
@dataclass
class Outcome:
    """What a call did.

    Attributes:
        finished: Records that were made.
        unstarted: Runs that the time budget left for the next call.
        warnings: Lines on truths that could not be computed.
    """

    finished: list[RunRecord] = field(default_factory=list)
    unstarted: int = 0
    warnings: list[str] = field(default_factory=list)


def run_missing(
    specs: list[Spec],
    store: Store,
    executor: Runner,
    *,
    seconds: float | None = None,
    progress: bool = True,
) -> Outcome:
    """Run specs and save every record the moment it and its truths are there.

    Args:
        specs: What is to be run.
        store: Where the records go.
        executor: Where the runs go.
        seconds: Time for all of them; runs in flight are cut there, later ones are left out.
        progress: Whether to show a bar with the time left.
    """
    deadline = None if seconds is None else time.time() + seconds
    outcome = Outcome()
    if not specs:
        return outcome
    store.save_environment(environment_id(environment()), environment())
    ledger = Ledger(store, outcome)
    wanted = ledger.open(specs)
    with tqdm(
        total=sum(map(_steps, specs)), unit="step", unit_scale=True, disable=_quiet(progress)
    ) as bar:
        bar.set_description("sampling")
        shown: Callable[[int], None] | None = bar.update if isinstance(executor, Serial) else None
        tasks = _until(deadline, wanted, specs, outcome)
        work = partial(_work, deadline=deadline, on_step=shown)
        for task, result in executor.map(work, tasks):
            if task.kind == "truths":
                ledger.truths(task.spec, result)
                continue
            ledger.run(task.spec, result)
            if shown is None:
                bar.update(_steps(task.spec))
    return outcome


@final
@dataclass
class Ledger:
    """Brings runs and their truths together, in whatever order they arrive.

    Attributes:
        store: Where records are saved.
        outcome: Where they are listed.
    """

    store: Store
    outcome: Outcome
    _known: dict[str, Truths | None] = field(default_factory=dict)
    _waiting: dict[str, list[RunRecord]] = field(default_factory=dict)

    def open(self, specs: list[Spec]) -> list[Spec]:
        """Read the truths that the store holds; return one spec for each missing one."""
        wanted: dict[str, Spec] = {}
        for spec in specs:
            key = truth_key(spec)
            if key not in self._known and key not in wanted:
                stored = self.store.truths(key)
                if stored is None:
                    wanted[key] = spec
                else:
                    self._known[key] = stored
        return list(wanted.values())

    def truths(self, spec: Spec, result: Any) -> None:
        """Take computed truths, or the reason why there are none."""
        key = truth_key(spec)
        if isinstance(result, Truths):
            self.store.save_truths(key, result)
            self._known[key] = result
        else:
            text = result.message if isinstance(result, Died) else result
            self.outcome.warnings.append(f"no truth for {spec.problem}: {text}")
            self._known[key] = None
        for record in self._waiting.pop(key, []):
            self._save(record, key)

    def run(self, spec: Spec, result: Any) -> None:
        """Take a record, or the death of the process that was to make it."""
        record = result
        if isinstance(result, Died):
            record = crashed(spec, None, result.message, result.status)
        key = truth_key(spec)
        if key in self._known:
            self._save(record, key)
        else:
            self._waiting.setdefault(key, []).append(record)

    def _save(self, record: RunRecord, key: str) -> None:
        whole = msgspec.structs.replace(record, truths=self._known[key])
        self.store.save(whole)
        self.outcome.finished.append(whole)


def _work(
    task: Task, deadline: float | None, on_step: Callable[[int], None] | None
) -> RunRecord | Truths | str:
    if task.kind == "run":
        return execute(task.spec, None, deadline, on_step)
    try:
        return compute_truths(task.spec)
    except Exception as error:  # one truth that fails must not stop the others
        return f"{type(error).__name__}: {error}"


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


def _steps(spec: Spec) -> int:
    return spec.settings.num_burnin + spec.settings.num_draws


def _quiet(progress: bool) -> bool | None:
    # None lets tqdm decide: silent when the output is no terminal.
    return None if progress else True
