"""All pages of a site, in the order in which they can be made while leaderboards are computed."""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from llcbench.compare.board import Board
from llcbench.compare.outdated import outdated_note
from llcbench.foreign.names import safe_name
from llcbench.records import RunRecord
from llcbench.report.leaderboard_plots import PROFILE_CAPTION, SENSITIVITY_CAPTION
from llcbench.report.leaderboard_table import leaderboard_table
from llcbench.report.score_table import sampler_table
from llcbench.report.site import overview, reproduce
from llcbench.report.site.boards import aside_of
from llcbench.report.site.costs import ABOVE, costs
from llcbench.report.site.gallery import Plate, claims_in, gallery, verdicts
from llcbench.report.site.layout import PAGES, Site, sampler_file
from llcbench.report.site.leaders import leaders
from llcbench.report.site.pictures import LEGEND
from llcbench.report.site.results import SiteResults, results_of
from llcbench.report.site.sampler_view import sampler_view
from llcbench.report.site.sections import Section, anchor, section
from llcbench.report.site.sources import Source, conflicts, records_of, source_of
from llcbench.report.tables import to_csv, to_markdown, without_constants
from llcbench.run.store import RunStore


def write_site(sources: Sequence[Source], out: Path, figures: Path | None = None) -> Path:
    """Write the site of some runs and return its first page; equal runs give equal bytes.

    Args:
        sources: Runs to report on, in the order in which they are shown.
        out: Folder to write to; it is made if necessary.
        figures: Folder of figures with their claims, as ``llcbench figures`` writes it.

    Raises:
        ValueError: If the folder of figures has no claims.
    """
    if figures is not None:
        claims_in(figures)
    records = records_of(sources)
    with aside_of(sources) as finished:
        results = results_of(sources)
        site = Site(
            out,
            frozenset(score.problem for score in results.scores),
            frozenset(record.spec.sampler for record in records),
            frozenset(name for name, _ in PAGES if figures is not None or name != "figures.html"),
        )
        site.save_assets()
        _scores(site, results)
        site.write("scaling.html", "scaling.html.j2", views=costs(sources), above=f"{ABOVE:,}")
        plates = [] if figures is None else _figures(site, figures)
        _reproduce(site, sources, figures, plates)
        sections = _problems(site, records, results)
        aside = finished()
    _samplers(site, sources, records, results, aside.ladders)
    first = _leaders(site, sources, results, sections, aside.boards)
    site.finish()
    return first


def write_page(store: RunStore, out: Path) -> Path:
    """Write the site of one store and return its first page.

    Args:
        store: Runs to report on; it is only read.
        out: Folder to write to; it is made if necessary.

    Raises:
        ValueError: If the store holds no readable run.
    """
    return write_site([source_of(store)], out)


def _scores(site: Site, results: SiteResults) -> None:
    table, constants = without_constants(results.table)
    names = [column.name for column in table.columns]
    # The state stands before costs and settings, where it is seen without scrolling.
    last = [c.name for c in table.columns if c.group == "cost" or c.name == "settings"]
    shown = table.select(tuple([name for name in names if name not in last] + last))
    choices = [
        (name, name, sorted({row.cells[names.index(name)].text for row in table.rows}))
        for name in ("suite", "chosen")
        if name in names
    ]
    site.write("scores.html", "scores.html.j2", table=shown, constants=constants, choices=choices)
    site.save("scores.csv", to_csv(results.table))
    site.save("scores.md", to_markdown(results.table))


def _samplers(
    site: Site,
    sources: Sequence[Source],
    records: Sequence[RunRecord],
    results: SiteResults,
    ladders: dict[str, str],
) -> None:
    for name in sorted(site.samplers):
        table, strips = results.of_sampler(name)
        site.write(
            sampler_file(name), "sampler.html.j2",
            view=sampler_view(name, sources, ladders.get(name, "")), table=table, strips=strips,
            legend=LEGEND, ladder_caption=SENSITIVITY_CAPTION,
        )  # fmt: skip
    site.write(
        "samplers/index.html", "samplers.html.j2",
        table=sampler_table(results.scores), guards=overview.guards(records),
    )  # fmt: skip


def _figures(site: Site, folder: Path) -> list[Plate]:
    plates = gallery(folder, site)
    site.write("figures.html", "figures.html.j2", entries=plates, verdicts=verdicts(plates))
    return plates


def _reproduce(
    site: Site, sources: Sequence[Source], figures: Path | None, plates: Sequence[Plate]
) -> None:
    site.write(
        "reproduce.html", "reproduce.html.j2",
        command=reproduce.command(sources, figures),
        runs=[reproduce.recipe(source) for source in sources],
        seeds=sorted({r.spec.seed for source in sources for r in source.records}),
        suites=reproduce.other_suites(sources),
        figures=[(plate.id, plate.title) for plate in plates],
        environments=reproduce.environments(sources),
    )  # fmt: skip


def _problems(site: Site, records: Sequence[RunRecord], results: SiteResults) -> list[Section]:
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.spec.problem, []).append(record)
    sections = []
    for identifier in tqdm(sorted(groups), desc="problems", unit="problem", disable=None):
        shown = section(identifier, groups[identifier])
        table, strips = results.of_problem(identifier)
        site.write(
            f"problems/{anchor(identifier)}.html", "problem.html.j2",
            section=shown, table=table, strips=strips, legend=LEGEND,
        )  # fmt: skip
        sections.append(shown)
    table = overview.problem_table(sections, records)
    largest = max(record.estimate.dim for record in records)
    site.write("problems/index.html", "problems.html.j2", table=table, largest=f"{largest:,}")
    return sections


def _leaders(
    site: Site,
    sources: Sequence[Source],
    results: SiteResults,
    sections: Sequence[Section],
    boards: dict[str, Board],
) -> Path:
    """Write what leaderboards are needed for, and return the first page."""
    views = [leaders(source, boards[source.name]) for source in sources if source.name in boards]
    site.write("compare.html", "compare.html.j2", views=views, profile_caption=PROFILE_CAPTION)
    for view in views:
        site.save(
            f"leaderboard-{safe_name(view.name)}.csv", to_csv(leaderboard_table(boards[view.name]))
        )
        site.save(f"pairs-{safe_name(view.name)}.csv", to_csv(view.pairs))
    return site.write(
        "index.html", "index.html.j2",
        counts=overview.counts(results.scores),
        notices=[line for source in sources for line in source.notices],
        conflicts=conflicts(sources),
        outdated=[note for source in sources if (note := outdated_note(source.records))],
        several=len(sources) > 1,
        boards=views,
        overview=overview.overview_of(sources, results),
        families=overview.families(sections),
        samplers=sorted(site.samplers),
        sources=overview.source_table(sources, results),
    )  # fmt: skip
