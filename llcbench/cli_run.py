"""Commands that run suites, and say beforehand what that takes."""

import json
from pathlib import Path
from typing import Any

import click

from llcbench.cli_options import json_option, seconds_of, selecting, specs_of


@click.command()
@selecting
@click.option("--executor", type=click.Choice(["serial", "processes"]), default="serial")
@click.option("--workers", type=int, default=2, show_default=True, help="Processes.")
@click.option("--time-budget", metavar="20m", help="Stop after this time: 90s, 20m or 2h.")
@click.option("--run-limit", metavar="10m", help="Kill a process that hangs in one run.")
@click.option("--fresh", is_flag=True, help="Run again what the store holds already.")
@click.option("--keep-failed", is_flag=True, help="Do not try failed runs again.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@json_option
def run(
    suite: str,
    store: str,
    executor: str,
    workers: int,
    time_budget: str | None,
    run_limit: str | None,
    fresh: bool,
    keep_failed: bool,
    no_progress: bool,
    as_json: bool,
    **selection: Any,
) -> None:
    """Run a suite, or what the store still misses of it."""
    from llcbench.run.executors import make_executor
    from llcbench.run.plan import missing
    from llcbench.run.runner import run_missing
    from llcbench.run.store import Store
    from llcbench.run.tunings import resolve

    specs = specs_of(suite, selection)
    place = Store(Path(store))
    runner = make_executor(
        executor, workers, list(selection["plugins"]), seconds_of(run_limit, "--run-limit")
    )
    contents = place.contents()
    for line in place.set_aside(contents):
        click.echo(f"llcbench: {line}", err=True)
    specs, untuned = resolve(specs, place, runner, progress=not no_progress)
    for line in untuned:
        click.echo(f"llcbench: {line}", err=True)
    wanted = specs if fresh else missing(specs, contents.records, keep_failed=keep_failed)
    outcome = run_missing(
        wanted, place, runner, seconds=seconds_of(time_budget), progress=not no_progress
    )
    for line in outcome.warnings:
        click.echo(f"llcbench: {line}", err=True)
    failed = [r for r in outcome.finished if r.estimate.status not in ("ok", "skipped")]
    summary = {
        "runs": len(specs),
        "reused": len(specs) - len(wanted),
        "finished": len(outcome.finished),
        "failed": len(failed),
        "unstarted": outcome.unstarted,
        "store": store,
    }
    if as_json:
        click.echo(json.dumps(summary))
        return
    for record in failed:
        spec, estimate = record.spec, record.estimate
        click.echo(f"{estimate.status}: {spec.problem} {spec.label}: {estimate.message}")
    click.echo(
        f"{len(specs)} runs: {summary['reused']} reused, {summary['finished']} made,"
        f" {len(failed)} of them failed, {outcome.unstarted} left for the next call"
    )


@click.command()
@selecting
@click.option("--workers", type=int, default=1, show_default=True, help="Processes to plan for.")
@json_option
def plan(suite: str, store: str, workers: int, as_json: bool, **selection: Any) -> None:
    """Say how many runs a suite has, which are missing and how long they will take."""
    from llcbench.run.forecast import forecast

    facts = forecast(specs_of(suite, selection), Path(store), workers)
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"{facts['runs']} runs, {facts['held']} in {store}, {facts['missing']} missing;"
        f" about {facts['seconds']:.0f} s with {workers} worker(s)"
    )
    for identifier, count in facts["missing_by_problem"].items():
        click.echo(f"  {identifier}: {count}")
