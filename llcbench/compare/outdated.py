"""Runs on problems whose density has changed since: they stay, and every table says so."""

from collections.abc import Iterable

from llcbench.records import RunRecord
from llcbench.registry import version_of

# Where a change of a density is described.
CORRECTIONS = "results/CORRECTIONS.md"


def is_outdated(problem: str, version: int) -> bool:
    """Return whether a run was made on an older version of a problem than that of this package."""
    return version < version_of(problem)


def outdated_note(records: Iterable[RunRecord]) -> str | None:
    """Return one sentence on the outdated runs among some, None if there are none."""
    every = list(records)
    old = [r for r in every if is_outdated(r.spec.problem, r.spec.problem_version)]
    if not old:
        return None
    first = min(old, key=lambda record: record.spec.problem).spec
    others = len({record.spec.problem for record in old}) - 1
    more = f" and {others} other problem{'s' * (others > 1)}" if others else ""
    return (
        f"{len(old)} of {len(every)} runs are outdated: the density of {first.problem}{more} has"
        f" changed since (version {first.problem_version}, now {version_of(first.problem)}),"
        f" see {CORRECTIONS}"
    )
