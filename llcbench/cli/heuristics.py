"""Commands on training heuristics: ``heuristics run``, ``effects`` and ``export``."""

import json
from pathlib import Path
from typing import Any

import click

from llcbench.cli.execution import executing, execution_of, say
from llcbench.cli.options import group, json_option, load_option
from llcbench.cli.printing import width

_store = click.option(
    "--store",
    default="build/heuristics",
    show_default=True,
    help="Folder of finished trials.",
)


@group()
def heuristics() -> None:
    """Measure how the complexity of networks moves with the heuristics of their training."""


@heuristics.command()
@click.argument("suite")
@_store
@click.option("--preset", type=click.Choice(["cpu", "paper"]), default="cpu", show_default=True)
@click.option("--experiment", "experiments", multiple=True, metavar="NAME", help="Only these.")
@click.option("--seeds", type=int, help="Repetitions instead of the suite's.")
@load_option
@executing
@json_option
def run(
    suite: str,
    store: str,
    preset: str,
    experiments: tuple[str, ...],
    seeds: int | None,
    plugins: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Run a suite (image, text, gc or a .toml file), or what the store still lacks of it."""
    from llcbench.heuristics.runner import run_trials
    from llcbench.heuristics.store import TrialStore
    from llcbench.heuristics.suite import check, load
    from llcbench.run.execute import load_plugins
    from llcbench.run.store import set_aside

    load_plugins(list(plugins))
    design = load(suite, preset)
    chosen = design.only(experiments)
    chosen.trials(seeds)
    place = TrialStore(Path(store))
    how = execution_of(options, place.root, plugins)
    check(chosen)
    contents = place.contents()
    say(set_aside(place.root, contents.damaged, contents.leftovers))
    place.designs.save(design.name, design)
    outcome = run_trials(
        chosen,
        place,
        how.executor,
        seeds=seeds,
        seconds=how.seconds,
        progress=how.progress,
        threads=how.threads,
    )
    say(outcome.warnings)
    odd = [record for record in outcome.finished if record.status != "ok"]
    if as_json:
        summary = {
            "trials": outcome.wanted,
            "reused": outcome.reused,
            "finished": len(outcome.finished),
            "not_ok": len(odd),
            "unstarted": outcome.unstarted,
            "cpu_seconds": sum(record.cpu_seconds for record in outcome.finished),
            "store": store,
        }
        click.echo(json.dumps(summary))
        return
    for record in odd:
        click.echo(f"{record.status}: {record.key} {record.trial.network}: {record.message}")
    click.echo(
        f"{outcome.wanted} trials: {outcome.reused} reused, {len(outcome.finished)} made,"
        f" {len(odd)} of them not ok, {outcome.unstarted} left for the next call"
    )


@heuristics.command()
@click.option(
    "--store", "stores", multiple=True, default=("build/heuristics",), show_default=True,
    help="Folder or file of finished trials; may be given several times.",
)  # fmt: skip
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only these.")
@click.option("--experiment", "experiments", multiple=True, metavar="NAME", help="Only these.")
@click.option("--measure", "measures", multiple=True, metavar="NAME", help="Only these.")
@click.option("--claims", is_flag=True, help="Only effects with a published claim.")
@click.option("--correlations", "related", is_flag=True, help="Correlations of measures instead.")
@click.option("--trials", "each", is_flag=True, help="The trials instead, one by one.")
@click.option("--readme", metavar="README.md", help="Renew the pages of results/ beside it.")
@click.option("--markdown", "form", flag_value="markdown", help="Markdown output.")
@click.option("--csv", "form", flag_value="csv", help="All values in full precision.")
@click.option("--json", "form", flag_value="json", help="Machine-readable output.")
def effects(
    stores: tuple[str, ...],
    suites: tuple[str, ...],
    experiments: tuple[str, ...],
    measures: tuple[str, ...],
    claims: bool,
    related: bool,
    each: bool,
    readme: str | None,
    form: str | None,
) -> None:
    """Show the direction in which each measure moves with each factor, with 90 % intervals."""
    import msgspec

    from llcbench.heuristics.correlations import correlations
    from llcbench.heuristics.effects import effects as effects_of
    from llcbench.heuristics.store import contents_of, joined
    from llcbench.report.heuristics_tables import (
        correlation_table,
        effect_table,
        plain,
        trial_table,
    )

    parts = [contents_of(store) for store in stores]
    for part in parts:
        _complain(part.damaged)
    contents = joined(parts)
    designs = _chosen(contents.designs, suites, experiments)
    if readme is not None:
        from llcbench.report.pages import heuristics_blocks, renew

        renew(Path(readme), heuristics_blocks([contents]))
    if each:
        for table in (trial_table(design, contents.records) for design in designs):
            click.echo(json.dumps(plain(table)) if form == "json" else _rendered(table, form))
        return
    chosen: list[Any]
    if related:
        chosen = [c for design in designs for c in correlations(design, contents.records)]
        if measures:
            chosen = [pair for pair in chosen if {pair.first, pair.second} & set(_known(measures))]
    else:
        chosen = [e for design in designs for e in effects_of(design, contents.records)]
        chosen = [effect for effect in chosen if not measures or effect.measure in _known(measures)]
        chosen = [effect for effect in chosen if not claims or effect.claimed is not None]
    if form == "json":
        click.echo(msgspec.json.encode(chosen).decode())
        return
    click.echo(_rendered(correlation_table(chosen) if related else effect_table(chosen), form))


@heuristics.command()
@_store
@click.option("--out", required=True, metavar="FILE.jsonl[.gz]", help="File of the trials.")
def export(store: str, out: str) -> None:
    """Write designs and trials of a store as one sorted file, to be committed."""
    from llcbench.heuristics.store import contents_of, read, write

    contents = contents_of(store)
    _complain(contents.damaged)
    write(contents, Path(out))
    click.echo(f"{len(read(Path(out)).records)} trials written to {out}")


def _chosen(
    designs: dict[str, Any], suites: tuple[str, ...], experiments: tuple[str, ...]
) -> list[Any]:
    """Return designs, with the experiments that were asked for."""
    for name in suites:
        if name not in designs:
            raise ValueError(f"no suite {name!r} in the store: it has {', '.join(designs)}")
    chosen = [design for name, design in designs.items() if not suites or name in suites]
    if not experiments:
        return chosen
    known = {e.name for design in chosen for e in design.experiments}
    for name in experiments:
        if name not in known:
            raise ValueError(f"no experiment {name!r} in the store: {', '.join(sorted(known))}")
    held = [(d, tuple(e.name for e in d.experiments if e.name in experiments)) for d in chosen]
    return [design.only(names) for design, names in held if names]


def _known(measures: tuple[str, ...]) -> tuple[str, ...]:
    from llcbench.heuristics.design import MEASURES

    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"no measure {name!r}: take {', '.join(MEASURES)}")
    return measures


def _rendered(table: Any, form: str | None) -> str:
    from llcbench.report import tables

    if form is not None:
        return tables.RENDERERS[form](table)
    return tables.to_text(table, width())


def _complain(damaged: dict[Path, str]) -> None:
    say(f"{p.name} is damaged ({reason}); run the suite again" for p, reason in damaged.items())
