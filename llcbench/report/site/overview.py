"""What the first page shows besides the leaderboards: counts, sources, problems, figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from markupsafe import Markup

from llcbench.records import Guard, RunRecord
from llcbench.report.labels import fraction, name_of
from llcbench.report.plots import DECOMPOSITION_CAPTION, OVERVIEW_CAPTION, decomposition, overview
from llcbench.report.score_table import failed_runs
from llcbench.report.site.pictures import inline
from llcbench.report.site.results import SiteResults
from llcbench.report.site.sections import Section
from llcbench.report.site.sources import Source
from llcbench.report.tables import Cell, Column, Row, Table
from llcbench.scoring import Score

# Figures of all estimates beside their truths are readable up to so many rows of scores.
READABLE = 60
OVERVIEW_LABEL = (
    "Estimates of every sampler on every problem beside the three truths; the table has the values"
)
DECOMPOSITION_LABEL = (
    "Setting gap, sampler bias and noise on every problem; the table has the values"
)

_SOURCES = (
    Column("suite", "store or file of runs", ("suite",), numeric=False),
    Column("runs", "all runs", ("runs",)),
    Column("problems", "problems tried", ("problems",)),
    Column("samplers", "samplers tried", ("samplers",)),
    Column("failed", "runs that were tried and ended without an estimate", ("failed",)),
    Column("skipped", "runs that a sampler does not support", ("skipped",)),
    Column("flagged", "runs with a guard that failed", ("flagged",)),
)
_PROBLEMS = (
    Column("problem", "id", ("problem",), numeric=False),
    Column("loss", "formula", ("formula",), numeric=False),
    Column("parameters", "number of parameters", ("dim",)),
    Column("local", "exact local coefficient, multiplicity if above 1", ("local",)),
    Column("global", "exact global coefficient", ("global",)),
    Column("samplers", "samplers tried", ("samplers",)),
    Column("runs", "all runs", ("runs",)),
)
# Longer formulas are on the page of the problem.
FORMULA = 60


@final
@dataclass(frozen=True)
class Overview:
    """The estimates of one source beside their truths.

    Attributes:
        name: Name of the source.
        overview: All estimates relative to the local coefficient.
        overview_caption: What is to be seen.
        decomposition: Their errors in three parts.
        decomposition_caption: What is to be seen.
    """

    name: str
    overview: Markup
    overview_caption: str
    decomposition: Markup
    decomposition_caption: str


def overview_of(sources: Sequence[Source], results: SiteResults) -> Overview | None:
    """Return the figures of the first source that is small enough for them, None without one."""
    for source in sources:
        scored = results.of_source(source.name)
        if scored and len(scored) <= READABLE:
            return Overview(
                source.name,
                inline(overview(scored), "overview", OVERVIEW_LABEL), OVERVIEW_CAPTION,
                inline(decomposition(scored), "decomposition", DECOMPOSITION_LABEL),
                DECOMPOSITION_CAPTION,
            )  # fmt: skip
    return None


def counts(scored: Sequence[Score]) -> dict[str, int]:
    """Return how many problems, samplers and runs there are, and how the runs ended."""
    return {
        "problems": len({score.problem for score in scored}),
        "samplers": len({name_of(score.sampler) for score in scored}),
        "runs": sum(score.replicates for score in scored),
        "failed": sum(failed_runs(score) for score in scored),
        "skipped": sum(score.statuses.get("skipped", 0) for score in scored),
        "flagged": sum(score.flagged for score in scored),
    }


def source_table(sources: Sequence[Source], results: SiteResults) -> Table:
    """Return one row per source."""
    rows = []
    for source in sources:
        held = counts(results.of_source(source.name))
        rows.append(Row((
            Cell(source.name, (source.name,)),
            *(Cell(f"{held[c.name]:,}", (held[c.name],)) for c in _SOURCES[1:]),
        )))  # fmt: skip
    return Table("Sources", _SOURCES, tuple(rows))


def problem_table(sections: Sequence[Section], records: Sequence[RunRecord]) -> Table:
    """Return one row per problem."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.spec.problem, []).append(record)
    rows = []
    for section in sections:
        group = groups[section.id]
        dim = max(record.estimate.dim for record in group)
        truths = next((record.truths for record in group if record.truths), None)
        local, order = (truths.local.value, truths.local.multiplicity) if truths else ("-", None)
        deepest = truths.global_.value if truths else "-"
        formula = (
            section.formula if len(section.formula) <= FORMULA else section.formula[:FORMULA] + "…"
        )
        samplers = len({record.spec.sampler for record in group})
        suffix = f" (m {order})" if order is not None and order > 1 else ""
        rows.append(Row((
            Cell(section.id, (section.id,)), Cell(formula or "-", (section.formula,)),
            Cell(f"{dim:,}" if dim else "-", (dim or None,)),
            Cell(local + suffix, (fraction(local),)), Cell(deepest, (fraction(deepest),)),
            Cell(str(samplers), (samplers,)), Cell(str(len(group)), (len(group),)),
        )))  # fmt: skip
    return Table("Problems", _PROBLEMS, tuple(rows))


def families(sections: Sequence[Section]) -> list[tuple[str, list[str]]]:
    """Return the ids of the problems by family."""
    by_family: dict[str, list[str]] = {}
    for section in sections:
        by_family.setdefault(section.id.partition("/")[0], []).append(section.id)
    return sorted(by_family.items())


def guards(records: Sequence[RunRecord]) -> list[tuple[Guard, int, int]]:
    """Return every guard with the number of runs that failed it and that had it."""
    seen: dict[str, list[Guard]] = {}
    for record in records:
        for guard in record.estimate.guards:
            seen.setdefault(guard.name, []).append(guard)
    return [
        (held[0], sum(not guard.passed for guard in held), len(held))
        for _, held in sorted(seen.items())
    ]
