"""How long a plan will take, from a short measurement on this machine."""

import time
from pathlib import Path
from typing import Any

import msgspec

from llcbench.records import Spec
from llcbench.run.execute import execute
from llcbench.run.plan import missing
from llcbench.run.store import Store

PROBE = 40


def forecast(specs: list[Spec], store: Path, workers: int) -> dict[str, Any]:
    """Return counts of runs and the seconds that the missing ones will take.

    One short chain of every combination of problem, sampler and settings is timed; the set-up of
    truths is not included.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    records = Store(store).contents().records
    left = missing(specs, records)
    speeds: dict[tuple[str, str, bytes], tuple[float, float]] = {}
    seconds = 0.0
    by_problem: dict[str, int] = {}
    for spec in left:
        key = (spec.problem, spec.label, msgspec.json.encode(spec.settings, order="sorted"))
        if key not in speeds:
            speeds[key] = _probe(spec)
        setup, step = speeds[key]
        seconds += setup + step * (spec.settings.num_burnin + spec.settings.num_draws)
        by_problem[spec.problem] = by_problem.get(spec.problem, 0) + 1
    return {
        "runs": len(specs),
        "held": len(specs) - len(left),
        "missing": len(left),
        "seconds": seconds / workers,
        "workers": workers,
        "missing_by_problem": by_problem,
    }


def _probe(spec: Spec) -> tuple[float, float]:
    """Return seconds of set-up and of one step."""
    settings = msgspec.structs.replace(spec.settings, num_draws=PROBE, num_burnin=0)
    started = time.perf_counter()
    record = execute(msgspec.structs.replace(spec, settings=settings), None)
    elapsed = time.perf_counter() - started
    sampling = record.estimate.seconds_sampling
    return elapsed - sampling, sampling / PROBE
