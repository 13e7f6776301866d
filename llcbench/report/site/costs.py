"""What the page on scaling shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from llcbench.compare.scaling import ProblemCost, growth, problem_costs
from llcbench.report.classes import class_table
from llcbench.report.scaling import growth_table, scaling_figure, scaling_table
from llcbench.report.site.sources import Source
from llcbench.report.style import to_svg
from llcbench.report.tables import Table

# Exponents from so many parameters on: below, overhead is everything.
ABOVE = 10_000
# A figure of small problems tells more entries than these not apart.
FEW = 8


@final
@dataclass(frozen=True)
class Costs:
    """Costs of one source.

    Attributes:
        name: Name of the source.
        figure: The four costs as SVG.
        growth: Fitted exponents.
        classes: Random classes of linear networks; no rows without such runs.
        points: One row per entry and problem.
    """

    name: str
    figure: str
    growth: Table
    classes: Table
    points: Table


def costs(sources: Sequence[Source]) -> list[Costs]:
    """Return the costs of sources with large problems; of those with few entries if there is none.

    Largest problems first.
    """
    by_source = [(problem_costs(source.records), source) for source in sources]
    by_source = sorted((f for f in by_source if f[0]), key=lambda f: -_largest(f[0]))
    large = [each for each in by_source if _largest(each[0]) >= ABOVE]
    few = [each for each in by_source if len({point.entry for point in each[0]}) <= FEW]
    return [_costs(source, held) for held, source in large or few]


def _largest(points: Sequence[ProblemCost]) -> int:
    return max(point.dim for point in points)


def _costs(source: Source, costs: Sequence[ProblemCost]) -> Costs:
    drawn = class_table(source.records)
    # Networks that are no draw of a class are on their own pages.
    named = any(row.cells[0].text[0].isdigit() and "-" not in row.cells[0].text
                for row in drawn.rows)  # fmt: skip
    return Costs(
        name=source.name,
        figure=to_svg(scaling_figure(costs)),
        growth=growth_table(growth(costs, above=ABOVE)),
        classes=drawn if named else Table(drawn.title, drawn.columns, ()),
        points=scaling_table(costs),
    )
