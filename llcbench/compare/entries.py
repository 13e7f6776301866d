"""From run records to the entries of a leaderboard: who competes, and under what name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, final

import msgspec

from llcbench.compare.outdated import outdated_note
from llcbench.records import RunRecord, Spec, text

MEAN_ENERGY = "mean_energy"
# What belongs to the question rather than to the answer.
ASKED = ("nbeta", "gamma", "batch_size")
# These name a configuration if that is enough to tell it from the others, the first one first.
TELLING = ("step_size", "gradient", "num_draws")


@final
@dataclass(frozen=True, order=True)
class Case:
    """One question: a problem at one temperature, localisation and size of minibatches.

    Attributes:
        problem: Id of the problem.
        version: Version of its density.
        nbeta: Inverse temperature as it was asked for.
        gamma: Localisation.
        batch_size: Samples in a minibatch, ``full`` without minibatches.
    """

    problem: str
    version: int
    nbeta: str
    gamma: float
    batch_size: str


@final
@dataclass(frozen=True, order=True)
class LeaderboardEntry:
    """One competitor: a sampler, how its hyper-parameters were chosen, and an estimator.

    Attributes:
        sampler: Name of the sampler.
        variant: ``default``, ``tuned`` or empty.
        estimator: Estimator with its options.
        options: What tells configurations apart where one question was put to several.
        source: Where the runs come from, if two sources are compared.
    """

    sampler: str
    variant: str = ""
    estimator: str = MEAN_ENERGY
    options: str = ""
    source: str = ""

    @property
    def name(self) -> str:
        """Return the name as tables show it and the command line reads it."""
        options = f"[{self.options}]" if self.options else ""
        variant = f"@{self.variant}" if self.variant else ""
        estimator = f":{self.estimator}" if self.estimator != MEAN_ENERGY else ""
        source = f" in {self.source}" if self.source else ""
        return f"{self.sampler}{options}{variant}{estimator}{source}"


@final
@dataclass(frozen=True)
class Entries:
    """All entries of some records.

    Attributes:
        runs: The runs of every entry.
        notes: What is not ranked or outdated, and why, one line each.
    """

    runs: dict[LeaderboardEntry, list[RunRecord]]
    notes: tuple[str, ...]

    def named(self, name: str) -> LeaderboardEntry:
        """Return the entry of a name.

        ``sgld`` alone is enough if no other variant of it is in the records.

        Raises:
            ValueError: If there is none or more than one.
        """
        names = {entry.name: entry for entry in self.runs}
        if name in names:
            return names[name]
        partial = [known for known in sorted(names) if known.startswith((f"{name}@", f"{name}["))]
        if len(partial) == 1:
            return names[partial[0]]
        if partial:
            raise ValueError(f"entry {name!r} is not unique: write one of {', '.join(partial)}")
        near = get_close_matches(name, names, n=3, cutoff=0.5) or sorted(names)
        raise ValueError(f"no entry {name!r} in these runs; there is {', '.join(near)}")

    def at(self, source: str) -> "Entries":
        """Return the same entries under the name of their source."""
        runs = {replace(entry, source=source): records for entry, records in self.runs.items()}
        return Entries(runs, self.notes)


def case_of(spec: Spec) -> Case:
    """Return the question that a run answers."""
    settings = spec.settings
    nbeta = settings.nbeta if isinstance(settings.nbeta, str) else text(float(settings.nbeta))
    size = "full" if settings.batch_size is None else text(settings.batch_size)
    return Case(spec.problem, spec.problem_version, nbeta, float(settings.gamma), size)


def entries_of(records: Iterable[RunRecord]) -> Entries:
    """Return the entries of records.

    Runs are one entry if sampler, variant and estimator agree. Where such an entry answered one
    question with several configurations (a ladder of step sizes, two lengths of chains), it is
    split by what differs, except that a ladder without a variant gives way to the named variants
    of the same sampler: it then only shows how wide its range of good step sizes is.
    """
    groups: dict[LeaderboardEntry, list[RunRecord]] = {}
    records = list(records)
    outdated = outdated_note(records)
    for record in sorted(records, key=lambda r: (r.spec.problem, r.key)):
        spec = record.spec
        entry = LeaderboardEntry(spec.sampler, spec.variant, spec.estimator)
        groups.setdefault(entry, []).append(record)
    runs: dict[LeaderboardEntry, list[RunRecord]] = {}
    notes = [outdated] if outdated else []
    for entry, group in sorted(groups.items()):
        swept = _swept(group)
        others = {e.variant for e in groups if replace(e, variant=entry.variant) == entry}
        if swept and not entry.variant and len(others) > 1:
            notes.append(
                f"{len(group)} runs of {entry.name} vary {', '.join(swept)}:"
                " they are not ranked, they show the range of good step sizes"
            )
            continue
        for record in group:
            configuration = _configuration(record.spec)
            options = ",".join(f"{key}={text(configuration.get(key))}" for key in swept)
            runs.setdefault(replace(entry, options=options), []).append(record)
    return Entries(dict(sorted(runs.items())), tuple(notes))


def _configuration(spec: Spec) -> dict[str, Any]:
    """Return what the runs of one entry on one question ought to have in common.

    Tuned hyper-parameters are the outcome of the tuning, which may differ between seeds.
    """
    settings = msgspec.structs.asdict(spec.settings)
    shared = {key: value for key, value in settings.items() if key not in ASKED}
    if spec.variant != "tuned":
        shared |= spec.parameters
    return shared | {"code": spec.code}


def _swept(group: list[RunRecord]) -> list[str]:
    """Return the fewest options that tell apart the configurations on every question."""
    by_case: dict[Case, list[dict[str, Any]]] = {}
    for record in group:
        by_case.setdefault(case_of(record.spec), []).append(_configuration(record.spec))
    keys = sorted({key for rows in by_case.values() for row in rows for key in row})

    def distinct(chosen: list[str]) -> int:
        return sum(
            len({tuple(text(row.get(key)) for key in chosen) for row in rows})
            for rows in by_case.values()
        )

    varied = [key for key in keys if distinct([key]) > len(by_case)]
    weight = {key: len(TELLING) - place for place, key in enumerate(TELLING)}
    for key in sorted(varied, key=lambda key: (weight.get(key, 0), key)):
        rest = [other for other in varied if other != key]
        if distinct(rest) == distinct(varied):
            varied = rest
    return varied
