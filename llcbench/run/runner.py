"""Runs what a store is missing, and writes each run as it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

from tqdm import tqdm

from llcbench.provenance import environment, environment_id
from llcbench.records import RunRecord, Spec, Truths
from llcbench.run.execute import compute_truths, crashed, execute, truth_key
from llcbench.run.executors import Died, Processes, Serial
from llcbench.run.store import Store

Runner = Serial | Processes[Any, Any]


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
    """Run specs and save every record the moment it is there.

    Args:
        specs: What is to be run.
        store: Where the records go.
        executor: Where the runs go.
        seconds: Time for all of them; runs in flight are cut there, later ones are left out.
        progress: Whether to show a bar with the time left.
    """
    deadline = None if seconds is None else time.time() + seconds
    outcome = Outcome()
    store.save_environment(environment_id(environment()), environment())
    truths = _truths(specs, store, executor, outcome, progress)
    total = sum(_steps(spec) for spec in specs)
    with tqdm(total=total, unit="step", unit_scale=True, disable=_quiet(progress)) as bar:
        bar.set_description("sampling")
        shown: Callable[[int], None] | None = bar.update if isinstance(executor, Serial) else None
        tasks = _until(deadline, [(s, truths.get(truth_key(s))) for s in specs], outcome)
        work = partial(_execute, deadline=deadline, on_step=shown)
        for (spec, truth), result in executor.map(work, tasks):
            record = crashed(spec, truth, result.message) if isinstance(result, Died) else result
            store.save(record)
            outcome.finished.append(record)
            if shown is None:
                bar.update(_steps(spec))
    return outcome


def _truths(
    specs: list[Spec], store: Store, executor: Runner, outcome: Outcome, progress: bool
) -> dict[str, Truths]:
    """Return the truths of all specs, computing each missing one once."""
    found: dict[str, Truths] = {}
    wanted: dict[str, Spec] = {}
    for spec in specs:
        key = truth_key(spec)
        if key in found or key in wanted:
            continue
        stored = store.truths(key)
        if stored is None:
            wanted[key] = spec
        else:
            found[key] = stored
    if not wanted:
        return found
    with tqdm(total=len(wanted), unit="truth", disable=_quiet(progress)) as bar:
        bar.set_description("truths")
        for spec, result in executor.map(_truths_or_error, list(wanted.values())):
            key = truth_key(spec)
            bar.update()
            if isinstance(result, Truths):
                found[key] = result
                store.save_truths(key, result)
            else:
                text = result.message if isinstance(result, Died) else result
                outcome.warnings.append(f"no truth for {spec.problem}: {text}")
    return found


def _truths_or_error(spec: Spec) -> Truths | str:
    try:
        return compute_truths(spec)
    except Exception as error:  # one truth that fails must not stop the others
        return f"{type(error).__name__}: {error}"


def _execute(
    task: tuple[Spec, Truths | None],
    deadline: float | None,
    on_step: Callable[[int], None] | None,
) -> RunRecord:
    spec, truths = task
    return execute(spec, truths, deadline, on_step)


def _until(
    deadline: float | None, tasks: list[tuple[Spec, Truths | None]], outcome: Outcome
) -> "list[tuple[Spec, Truths | None]] | Deadline":
    return tasks if deadline is None else Deadline(deadline, tasks, outcome)


@final
@dataclass
class Deadline:
    """Yields tasks until a time has come and counts the others.

    Attributes:
        deadline: Time as of ``time.time``.
        tasks: All tasks.
        outcome: Where the rest is counted.
    """

    deadline: float
    tasks: list[tuple[Spec, Truths | None]]
    outcome: Outcome

    def __iter__(self) -> Any:
        for index, task in enumerate(self.tasks):
            if time.time() > self.deadline:
                self.outcome.unstarted = len(self.tasks) - index
                return
            yield task


def _steps(spec: Spec) -> int:
    return spec.settings.num_burnin + spec.settings.num_draws


def _quiet(progress: bool) -> bool | None:
    # None lets tqdm decide: silent when the output is no terminal.
    return None if progress else True
