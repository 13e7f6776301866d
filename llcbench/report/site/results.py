"""The scores of all sources as one table, with links and a small picture in every row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from markupsafe import Markup

from llcbench.report.labels import name_of
from llcbench.report.score_table import score_table
from llcbench.report.site.pictures import strip
from llcbench.report.site.sources import Source
from llcbench.report.tables import Cell, Column, Row, Table
from llcbench.scoring import Score, scores

SUITE = Column("suite", "store or file of runs", ("suite",), numeric=False)
CHOSEN = Column("chosen", "how the hyper-parameters were chosen", ("variant",), numeric=False)
# On a page of one problem, or of one sampler, with the state before the costs.
OF_PROBLEM = (
    "sampler", "suite", "chosen", "nbeta", "gamma", "lambda_hat", "tempered", "bias", "z", "cov90",
    "ess/grad", "seconds", "runs", "flags", "settings",
)  # fmt: skip
OF_SAMPLER = (
    "problem", "suite", "chosen", "sampler", "nbeta", "gamma", "local", "tempered", "lambda_hat",
    "bias", "z", "cov90", "runs", "flags", "settings",
)  # fmt: skip
ESSENTIAL = frozenset(
    {"problem", "sampler", "lambda_hat", "tempered", "local", "bias", "z", "runs"}
)


@final
@dataclass(frozen=True)
class SiteResults:
    """All scores of a site.

    Attributes:
        scores: One per problem, sampler and settings of a source.
        sources: The name of the source of each.
        table: The same as a table.
        strips: A picture per score.
    """

    scores: tuple[Score, ...]
    sources: tuple[str, ...]
    table: Table
    strips: tuple[Markup, ...]

    def of_problem(self, identifier: str) -> tuple[Table, list[Markup]]:
        """Return the rows of a problem with their pictures."""
        return self._chosen([s.problem == identifier for s in self.scores], OF_PROBLEM)

    def of_sampler(self, name: str) -> tuple[Table, list[Markup]]:
        """Return the rows of a sampler with their pictures."""
        return self._chosen([name_of(s.sampler) == name for s in self.scores], OF_SAMPLER)

    def of_source(self, name: str) -> list[Score]:
        """Return the scores of a source."""
        return [s for s, where in zip(self.scores, self.sources, strict=True) if where == name]

    def _chosen(self, wanted: list[bool], names: tuple[str, ...]) -> tuple[Table, list[Markup]]:
        rows = tuple(r for r, held in zip(self.table.rows, wanted, strict=True) if held)
        strips = [s for s, held in zip(self.strips, wanted, strict=True) if held]
        known = {column.name for column in self.table.columns}
        table = self.table.select(tuple(name for name in names if name in known), rows)
        return without_blanks(table), strips


def results_of(sources: Sequence[Source]) -> SiteResults:
    """Score the runs of every source; rows are in order of the problems."""
    scored = [(s, source.name) for source in sources for s in scores(source.records)]
    ordered = sorted(scored, key=lambda pair: pair[0].problem)
    kept, names = [score for score, _ in ordered], [name for _, name in ordered]
    table = score_table(kept)
    heads: list[Column] = []
    if len(sources) > 1:
        heads.append(SUITE)
    if any(score.variant for score in kept):
        heads.append(CHOSEN)
    cells = {"suite": names, "chosen": [score.variant or "-" for score in kept]}
    rows = tuple(
        replace(row, cells=_inserted(row, [cells[head.name][i] for head in heads]))
        for i, row in enumerate(table.rows)
    )
    columns = (*table.columns[:2], *heads, *table.columns[2:])
    return SiteResults(
        tuple(kept), tuple(names), replace(table, columns=columns, rows=rows),
        tuple(strip(score) for score in kept),
    )  # fmt: skip


def without_blanks(table: Table) -> Table:
    """Leave out the columns in which no row has anything, except those that a reader looks for."""
    kept = tuple(
        column.name
        for place, column in enumerate(table.columns)
        if column.name in ESSENTIAL or any(row.cells[place].text != "-" for row in table.rows)
    )
    return table.select(kept)


def _inserted(row: Row, texts: list[str]) -> tuple[Cell, ...]:
    return (*row.cells[:2], *(Cell(text, (text,)) for text in texts), *row.cells[2:])
