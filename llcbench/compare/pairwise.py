"""Named entries against each other, in one set of runs or in two."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from llcbench.compare.board import arrays
from llcbench.compare.bootstrap import DRAWS
from llcbench.compare.entries import Entry, Field, field_of
from llcbench.compare.metrics import METRICS
from llcbench.compare.pairs import Arena, Difference
from llcbench.records import RunRecord


def compare(
    records: Iterable[RunRecord],
    names: Sequence[str],
    *,
    against: Iterable[RunRecord] | None = None,
    sources: tuple[str, str] = ("here", "there"),
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Difference]:
    """Return the differences of entries in all metrics, each corrected for the number of pairs.

    Args:
        records: Runs.
        names: Entries such as ``sgld@tuned``. Within one set of runs, all pairs of two or more.
            Against other runs: the first entry is from ``records`` and all others from there; a
            single one is looked for in both, and no name stands for all that are in both.
        against: Other runs.
        sources: What the two sets of runs are called.
        draws: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If a name is unknown, ambiguous, or there is nothing to compare.
    """
    here = field_of(records)
    if against is None:
        pairs = _within(here, names)
        fields = [here]
    else:
        fields = [here.at(sources[0]), field_of(against).at(sources[1])]
        pairs = _between(here, fields[1], names, sources)
    entries, runs, _ = arrays(*fields)
    for entry in {entry for pair in pairs for entry in pair}:
        if entry not in entries:
            raise ValueError(f"{entry.name} has no runs on a problem with a tempered truth")
    arena = Arena(runs, draws=draws, seed=seed)
    places = [(entries.index(a), entries.index(b), (a.name, b.name)) for a, b in pairs]
    metrics = [metric for metric in METRICS.values() if metric.loss is not None]
    return [found for metric in metrics for found in arena.differences(metric, places)]


def _within(field: Field, names: Sequence[str]) -> list[tuple[Entry, Entry]]:
    if len(set(names)) < 2:
        known = ", ".join(entry.name for entry in sorted(field.runs))
        raise ValueError(f"name two different entries to compare, of {known}")
    return list(combinations([field.named(name) for name in dict.fromkeys(names)], 2))


def _between(
    here: Field, there: Field, names: Sequence[str], sources: tuple[str, str]
) -> list[tuple[Entry, Entry]]:
    plain = Field({_bare(entry): found for entry, found in there.runs.items()}, ())
    if not names:
        both = sorted(set(here.runs) & set(plain.runs))
        if not both:
            raise ValueError(f"{sources[0]} and {sources[1]} have no entry in common: name two")
        pairs = [(entry, entry) for entry in both]
    else:
        first = here.named(names[0])
        pairs = [(first, plain.named(name)) for name in names[1:] or names]
    return [(_at(a, sources[0]), _at(b, sources[1])) for a, b in pairs]


def _bare(entry: Entry) -> Entry:
    return _at(entry, "")


def _at(entry: Entry, source: str) -> Entry:
    return Entry(entry.sampler, entry.variant, entry.estimator, entry.options, source)
