"""A static page on a store: one file that needs neither network nor server."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from llcbench.records import Guard, RunRecord
from llcbench.report.plots import (
    DECOMPOSITION_CAPTION,
    OVERVIEW_CAPTION,
    decomposition,
    overview,
)
from llcbench.report.score_table import failed_runs
from llcbench.report.sections import anchor, sections
from llcbench.report.style import GREY, INK
from llcbench.report.tables import (
    Table,
    sampler_table,
    score_table,
    to_csv,
    to_markdown,
    without_constants,
)
from llcbench.run.store import Contents, Store
from llcbench.scoring import Score, scores

OVERVIEW_LABEL = (
    "Estimates of every sampler on every problem beside the three truths; the table has the values"
)
DECOMPOSITION_LABEL = (
    "Setting gap, sampler bias and noise on every problem; the table has the values"
)


def write_page(store: Store, out: Path) -> Path:
    """Write ``index.html``, ``scores.csv`` and ``scores.md`` and return the page.

    Args:
        store: Runs to report on; it is only read.
        out: Folder to write to; it is made if necessary.

    Raises:
        ValueError: If the store holds no readable run.
    """
    contents = store.contents()
    records = [contents.records[key] for key in sorted(contents.records)]
    if not records:
        unreadable = f" ({len(contents.damaged)} damaged files)" if contents.damaged else ""
        raise ValueError(f"no runs in {str(store.root)!r}{unreadable}: fill it with 'llcbench run'")
    found = scores(records)
    table = score_table(found)
    shown, constants = without_constants(table)
    page = _template().render(
        title=f"How far from the truth: {len(records)} runs",
        counts=_counts(found),
        notices=_notices(contents),
        overview=inline(overview(found), "overview", OVERVIEW_LABEL),
        overview_caption=OVERVIEW_CAPTION,
        decomposition=inline(decomposition(found), "decomposition", DECOMPOSITION_LABEL),
        decomposition_caption=DECOMPOSITION_CAPTION,
        table=_for_screen(shown),
        constants=constants,
        summary=sampler_table(found),
        sections=sections(records, table),
        guards=_guards(records),
        environments=_environments(store),
        seeds=sorted({record.spec.seed for record in records}),
        anchor=anchor,
        inline=inline,
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "scores.csv").write_text(to_csv(table), encoding="utf-8")
    (out / "scores.md").write_text(to_markdown(table), encoding="utf-8")
    path = out / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def inline(svg: str, prefix: str, label: str) -> Markup:
    """Return an SVG that can stand in a page beside others and follows its colours.

    Ids get a prefix, the prolog and the global style sheet go, ink becomes the text colour of the
    page, and the size follows the column.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}-', body)
    body = body.replace('xlink:href="data:', 'href="data:').replace("url(#", f"url(#{prefix}-")
    body = body.replace(INK, "currentColor").replace(GREY, "var(--grey)")
    body = body.replace("#ffffff", "var(--paper)")
    width = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', body)
    if width:
        size = f'style="width:{float(width[1]) * 4 / 3:.0f}px"'
        body = body.replace(width[0], f'{size} role="img" aria-label="{escape(label)}"', 1)
    body = re.sub(r' xmlns(:xlink)?="[^"]*"', "", body)
    return Markup(body)


def _for_screen(table: Table) -> Table:
    """Put the state before the costs, where it is seen without scrolling."""
    names = [column.name for column in table.columns]
    costs = [column.name for column in table.columns if column.group == "cost"]
    return table.select(tuple([name for name in names if name not in costs] + costs))


def _template() -> Template:
    loader = PackageLoader("llcbench.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("page.html.j2")


def _counts(found: Sequence[Score]) -> dict[str, int]:
    return {
        "problems": len({score.problem for score in found}),
        "samplers": len({score.sampler for score in found}),
        "runs": sum(score.replicates for score in found),
        "failed": sum(failed_runs(score) for score in found),
        "skipped": sum(score.statuses.get("skipped", 0) for score in found),
        "flagged": sum(score.flagged for score in found),
    }


def _notices(contents: Contents) -> list[str]:
    """Name what could not be read, without the folder it is in."""
    lines = [f"{path.name} is damaged: {reason}" for path, reason in contents.damaged.items()]
    return lines + [f"{path.name} was left by a run that was killed" for path in contents.leftovers]


def _guards(records: Sequence[RunRecord]) -> list[tuple[Guard, int, int]]:
    """Return every guard with the number of runs that failed it and that had it."""
    seen: dict[str, list[Guard]] = {}
    for record in records:
        for guard in record.estimate.guards:
            seen.setdefault(guard.name, []).append(guard)
    return [
        (guards[0], sum(not guard.passed for guard in guards), len(guards))
        for _, guards in sorted(seen.items())
    ]


def _environments(store: Store) -> list[tuple[str, dict[str, str]]]:
    found = []
    for path in sorted((store.root / "environments").glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = {"damaged": "this file cannot be read"}
        found.append((path.stem, {str(key): str(value) for key, value in content.items()}))
    return found
