"""How long a plan will take and how much memory, from short measurements on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from llcbench import registry
from llcbench.records import Spec
from llcbench.run.execute import execute
from llcbench.run.memory.needs import (
    FLOOR,
    SMALL,
    Need,
    available,
    bound,
    kinds,
    parameter_bytes,
    predict,
)
from llcbench.run.memory.replica import numbers_of
from llcbench.run.plan import missing
from llcbench.run.store import RunStore

# Numbers that a measurement of steps may move: 40 steps of small runs, one of the largest.
EFFORT = 40_000_000
PROBE = 40


def forecast(
    specs: list[Spec], store: Path, workers: int, threads: int = 1, plugins: Sequence[str] = ()
) -> dict[str, Any]:
    """Return counts of runs, and time and memory of the missing ones, kind by kind.

    One short run of every kind (problem, sampler and settings) is timed, and its memory is
    predicted from a replica where it is not small anyway; truths, guards and the set-up of data
    sets are not in the time of large runs.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    left = missing(specs, RunStore(store).contents().records)
    free = available()
    facts_of_kinds = [_facts(kind, workers, threads, plugins, free) for kind in kinds(left)]
    by_problem: dict[str, int] = {}
    for spec in left:
        by_problem[spec.problem] = by_problem.get(spec.problem, 0) + 1
    return {
        "runs": len(specs),
        "held": len(specs) - len(left),
        "missing": len(left),
        "seconds": sum(facts["seconds"] for facts in facts_of_kinds) / workers,
        "workers": workers,
        "available_bytes": free,
        "missing_by_problem": by_problem,
        "kinds": facts_of_kinds,
    }


def _facts(
    kind: list[Spec], workers: int, threads: int, plugins: Sequence[str], free: int
) -> dict[str, Any]:
    spec = kind[0]
    small = bound(spec) < SMALL
    need = Need(FLOOR, bound(spec) - FLOOR) if small else predict(spec, plugins)
    fits = min(workers, len(kind)) * need.total - need.floor < free
    # What does not fit is not tried out either.
    setup, step = _probe(spec, threads) if fits else (0.0, 0.0)
    steps = spec.settings.num_burnin + spec.settings.num_draws
    return {
        "problem": spec.problem,
        "sampler": spec.label,
        "runs": len(kind),
        "parameters": registry.problem(spec.problem).dim,
        "parameter_bytes": parameter_bytes(spec),
        "peak_bytes": need.total,
        "peak_is": "bound" if small else "predicted",
        "fits": fits,
        "seconds_per_step": step,
        "seconds": len(kind) * (setup + steps * step),
    }


def _probe(spec: Spec, threads: int) -> tuple[float, float]:
    """Return seconds of set-up and of one step."""
    steps = max(min(EFFORT // numbers_of(spec), PROBE), 1)
    settings = msgspec.structs.replace(spec.settings, num_draws=steps, num_burnin=0)
    short = msgspec.structs.replace(spec, settings=settings)
    estimate = execute(short, None, threads=threads).estimate
    return estimate.seconds_setup, estimate.seconds_sampling / steps
