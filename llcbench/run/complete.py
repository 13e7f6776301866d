"""Makes what a store misses of a list of runs: tunings first, then all that fits into memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

from llcbench.records import RunRecord, Spec
from llcbench.run.executors.executor import Executor
from llcbench.run.memory.needs import admitted
from llcbench.run.plan import missing
from llcbench.run.runner import Outcome
from llcbench.run.runs import run_specs
from llcbench.run.store import RunStore, key_of, set_aside
from llcbench.run.tuning.resolve import resolve


@final
@dataclass(frozen=True)
class Completed:
    """What became of a list of runs.

    Attributes:
        specs: The runs, with tuned hyper-parameters filled in.
        wanted: Those that were missing and fit into memory.
        unfit: How many were missing and did not fit.
        outcome: What was made.
    """

    specs: list[Spec]
    wanted: list[Spec]
    unfit: int
    outcome: Outcome[RunRecord]


def complete(
    specs: list[Spec],
    store: RunStore,
    executor: Executor,
    *,
    parallel: int | None,
    plugins: Sequence[str] = (),
    fresh: bool = False,
    keep_failed: bool = False,
    seconds: float | None = None,
    threads: int = 1,
    checkpoint_every: float | None = 60.0,
    progress: bool = True,
    say: Callable[[Sequence[str]], None] = lambda lines: None,
) -> Completed:
    """Make runs that a store does not hold.

    Args:
        specs: The runs.
        store: Where finished runs are kept.
        executor: Where missing ones are made.
        parallel: Runs at once on this machine, whose memory they share; None for other machines.
        plugins: Scripts that register samplers.
        fresh: Whether runs that the store holds are made again.
        keep_failed: Whether a failed run counts as held.
        seconds: Time for all runs; later ones are not started.
        threads: Threads of torch within a run.
        checkpoint_every: Seconds between two checkpoints of a run, at least; None for none.
        progress: Whether to show bars.
        say: Takes lines on what was set aside, left out or could not be computed.
    """
    from llcbench.sampling.devices import resolved

    contents = store.contents()
    say(set_aside(store.root, contents.damaged, contents.leftovers))
    specs, untuned = resolve(specs, store, executor, progress=progress)
    say(untuned)
    wanted = specs if fresh else missing(specs, contents.records, keep_failed=keep_failed)
    unfit = 0
    if parallel is not None:
        for device in {spec.settings.device for spec in wanted}:
            resolved(device)
        fitting, refused = admitted(wanted, parallel, list(plugins))
        say(refused)
        unfit, wanted = len(wanted) - len(fitting), fitting
    if fresh:
        for spec in wanted:
            store.forget(key_of(spec))
    outcome = run_specs(
        wanted,
        store,
        executor,
        seconds=seconds,
        progress=progress,
        threads=threads,
        checkpoint_every=checkpoint_every,
    )
    say(outcome.warnings)
    return Completed(specs, wanted, unfit, outcome)
