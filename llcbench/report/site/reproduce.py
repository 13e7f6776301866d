"""How everything on a site is made again: commands, seeds, environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import final

from llcbench.registry import suite_names
from llcbench.report.site.sources import Environment, Source
from llcbench.run.exports import is_export
from llcbench.run.suite import load

HOUR, MINUTE = 3600.0, 60.0


@final
@dataclass(frozen=True)
class Recipe:
    """How the runs of a source are made again.

    Attributes:
        name: Name of the source.
        title: What its suite is, empty for none of ours.
        runs: Number of runs.
        seeds: All seeds.
        replicates: Largest number of repetitions.
        hours: Time of sampling in words, empty if none was recorded.
        commands: One a line.
    """

    name: str
    title: str
    runs: int
    seeds: tuple[int, ...]
    replicates: int
    hours: str
    commands: tuple[str, ...]


def title_of(name: str) -> str:
    """Return the title of a suite, empty if there is none of that name."""
    return load(name).title if name in suite_names() else ""


def recipe(source: Source) -> Recipe:
    """Return how the runs of a source are made again."""
    known = source.name in suite_names()
    suite = source.name if known else "SUITE"
    store = f"build/{source.name}" if known else "STORE"
    seconds = sum(r.estimate.seconds_setup + r.estimate.seconds_sampling for r in source.records)
    return Recipe(
        name=source.name,
        title=title_of(source.name),
        runs=len(source.records),
        seeds=tuple(sorted({record.spec.seed for record in source.records})),
        replicates=max(record.spec.replicate for record in source.records) + 1,
        hours=_time(seconds),
        commands=(
            f"llcbench run {suite} --store {store} --executor processes --workers 2",
            f"llcbench export --store {store} --out {quote(_file(source, suite))}",
        ),
    )


def command(sources: Sequence[Source], figures: Path | None) -> str:
    """Return the command that makes the site."""
    lines = ["llcbench report", *(f"--store {quote(source.shown)}" for source in sources)]
    if figures is not None:
        shown = figures.name if figures.is_absolute() else figures.as_posix()
        lines.append(f"--figures {quote(shown)}")
    return " \\\n  ".join(lines)


def other_suites(sources: Sequence[Source]) -> list[tuple[str, str]]:
    """Return the suites that no source holds, with their titles."""
    names = {source.name for source in sources}
    return [(name, title_of(name)) for name in suite_names() if name not in names]


def environments(sources: Sequence[Source]) -> list[tuple[str, int, dict[str, str]]]:
    """Return every environment with the number of runs that were made in it."""
    by_name: dict[str, Environment] = {e[0]: e for source in sources for e in source.environments}
    used = [record.environment for source in sources for record in source.records]
    return [(name, used.count(name), content) for name, content in sorted(by_name.values())]


def _file(source: Source, suite: str) -> str:
    """Return the committed file that the runs came from, or the name that one would have."""
    return source.shown if is_export(source.shown) else f"{suite}.jsonl.gz"


def _time(seconds: float) -> str:
    if seconds >= HOUR:
        return f"{seconds / HOUR:.1f} hours"
    return f"{seconds / MINUTE:.1f} minutes" if seconds >= MINUTE else f"{seconds:.0f} seconds"
