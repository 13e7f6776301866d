"""What the page of a sampler shows besides its scores."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from typing import final

from llcbench.records import SETTING_GUARDS, Guard, RunRecord, text
from llcbench.report.score_table import short
from llcbench.report.site.sources import Source
from llcbench.report.tables import Cell, Column, Row, Table

# More distinct values than these are written as a range.
SEVERAL = 4
# Headings of docstrings at which the words on the sampler end.
ENDS = ("Attributes:", "Args:", "Returns:", "Raises:")

_SETTINGS = (
    Column("suite", "store or file of runs", ("suite",), numeric=False),
    Column("chosen", "how the hyper-parameters were chosen", ("variant",), numeric=False),
    Column("estimator", "what turned the trace into an estimate", ("estimator",), numeric=False),
    Column("runs", "all runs", ("runs",)),
    Column("problems", "problems tried", ("problems",)),
    Column("hyper-parameters", "values that occur", ("parameters",), numeric=False),
    Column("chains", "chains of a run", ("chains",)),
    Column("burn-in + draws", "steps of a chain", ("steps",)),
    Column("batch", "samples in a minibatch", ("batch",)),
    Column("nbeta", "inverse temperature", ("nbeta",)),
    Column("gamma", "localisation", ("gamma",)),
)
_FAILURES = (
    Column("problem", "problem", ("problem",), numeric=False),
    Column("suite", "store or file of runs", ("suite",), numeric=False),
    Column("status", "how the runs ended", ("status",), numeric=False),
    Column("runs", "number of runs", ("runs",)),
    Column("message", "what they said", ("message",), numeric=False),
)
_FLAGS = (
    Column("problem", "problem", ("problem",), numeric=False),
    Column("suite", "store or file of runs", ("suite",), numeric=False),
    Column("guard", "what was checked", ("guard",), numeric=False),
    Column("failed", "runs that failed it / that had it", ("failed", "runs")),
    Column("values", "values of the runs that failed it", ("values",), numeric=False),
)


@final
@dataclass(frozen=True)
class SamplerView:
    """One sampler.

    Attributes:
        name: Its name.
        about: Paragraphs of its own description; none for a sampler of somebody else.
        settings: One row per suite, estimator and variant.
        failures: Runs without an estimate, by problem.
        flags: Guards that failed, by problem.
        meanings: Name, limit and meaning of those guards.
        flagged: Runs with a guard that failed.
        runs: All runs.
        ladder: Bias against step size as SVG, empty without a ladder.
    """

    name: str
    about: tuple[str, ...]
    settings: Table
    failures: Table
    flags: Table
    meanings: tuple[tuple[str, str, str], ...]
    flagged: int
    runs: int
    ladder: str


def sampler_view(name: str, sources: Sequence[Source], ladder: str) -> SamplerView:
    """Return what the page of a sampler shows.

    Args:
        name: Its name.
        sources: All runs.
        ladder: Bias against step size as SVG, empty without a ladder.
    """
    runs = [(s.name, r) for s in sources for r in s.records if r.spec.sampler == name]
    bad = {g.name: g for _, r in runs for g in r.estimate.failed_guards}
    return SamplerView(
        name=name,
        about=about(name),
        settings=Table("Settings", _SETTINGS, _settings(runs)),
        failures=Table("Failures", _FAILURES, _failures(runs)),
        flags=Table("Flags", _FLAGS, _flags(runs)),
        meanings=tuple((g.name, g.limit, g.meaning) for _, g in sorted(bad.items())),
        flagged=sum(r.estimate.status == "ok" and not r.estimate.converged for _, r in runs),
        runs=len(runs),
        ladder=ladder,
    )


def about(name: str) -> tuple[str, ...]:
    """Return the description of one of our samplers, read without importing it.

    Adapters of other packages would import those packages, which can take seconds.
    """
    values = {entry.name: entry.value for entry in entry_points(group="llcbench.samplers")}
    module, _, attribute = values.get(name, "").partition(":")
    spec = find_spec(module) if module.startswith("llcbench.") else None
    if spec is None or spec.origin is None:
        return ()
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            return _paragraphs(ast.get_docstring(node) or "")
    return ()


def _paragraphs(docstring: str) -> tuple[str, ...]:
    paragraphs = [" ".join(part.split()) for part in cleandoc(docstring).split("\n\n")]
    return tuple(part for part in paragraphs if part and not part.startswith(ENDS))


def _settings(runs: Sequence[tuple[str, RunRecord]]) -> tuple[Row, ...]:
    groups: dict[tuple[str, str, str], list[RunRecord]] = {}
    for source, record in runs:
        key = (source, record.spec.variant, record.spec.estimator)
        groups.setdefault(key, []).append(record)
    rows = []
    for (source, variant, estimator), group in sorted(groups.items()):
        names = sorted({key for r in group for key in r.spec.parameters})
        held = "; ".join(
            f"{key} {_values([r.spec.parameters.get(key) for r in group])}" for key in names
        )
        settings = [r.spec.settings for r in group]
        steps = [f"{s.num_burnin} + {s.num_draws}" for s in settings]
        texts = (
            source, variant or "-", estimator, str(len(group)),
            str(len({r.spec.problem for r in group})), held or "-",
            _values([s.num_chains for s in settings]), _values(steps),
            _values(["full" if s.batch_size is None else s.batch_size for s in settings]),
            _values([float(short(r.estimate.nbeta, 4)) for r in group]),
            _values([s.gamma for s in settings]),
        )  # fmt: skip
        rows.append(Row(tuple(Cell(each, (each,)) for each in texts)))
    return tuple(rows)


def _values(values: Sequence[object]) -> str:
    """Write the distinct values, or the ends of their range."""
    distinct = list(dict.fromkeys(values))
    numbers = [v for v in distinct if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(distinct):
        ordered = [f"{value:g}" for value in sorted(numbers)]
    else:
        ordered = sorted(map(text, distinct))
    if len(ordered) <= SEVERAL:
        return ", ".join(ordered)
    return f"{ordered[0]} to {ordered[-1]}, {len(ordered)} values"


def _failures(runs: Sequence[tuple[str, RunRecord]]) -> tuple[Row, ...]:
    count: dict[tuple[str, str, str, str], int] = {}
    for source, record in runs:
        estimate = record.estimate
        if estimate.status != "ok":
            key = (record.spec.problem, source, estimate.status, estimate.message or "-")
            count[key] = count.get(key, 0) + 1
    return tuple(
        Row((
            Cell(problem, (problem,)), Cell(source, (source,)), Cell(status, (status,)),
            Cell(str(number), (number,)), Cell(message, (message,)),
        ), "skipped" if status == "skipped" else "failed")
        for (problem, source, status, message), number in sorted(count.items())
    )  # fmt: skip


def _flags(runs: Sequence[tuple[str, RunRecord]]) -> tuple[Row, ...]:
    groups: dict[tuple[str, str, str], list[Guard]] = {}
    for source, record in runs:
        for guard in record.estimate.guards:
            if guard.name in SETTING_GUARDS:
                continue
            groups.setdefault((record.spec.problem, source, guard.name), []).append(guard)
    rows = []
    for (problem, source, name), guards in sorted(groups.items()):
        bad = sorted(guard.value for guard in guards if not guard.passed)
        if not bad:
            continue
        ends = (
            short(bad[0], 3) if bad[0] == bad[-1] else f"{short(bad[0], 3)} to {short(bad[-1], 3)}"
        )
        rows.append(Row((
            Cell(problem, (problem,)), Cell(source, (source,)), Cell(name, (name,)),
            Cell(f"{len(bad)}/{len(guards)}", (len(bad), len(guards))), Cell(ends, (ends,)),
        )))  # fmt: skip
    return tuple(rows)
