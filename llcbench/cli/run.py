"""Commands that run suites, and say beforehand what that takes."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from llcbench.cli.options import json_option, seconds_of, selecting, specs_of


@click.command()
@selecting
@click.option(
    "--executor",
    type=click.Choice(["serial", "processes", "dask", "submitit"]),
    default="serial",
    show_default=True,
)
@click.option("--workers", type=int, default=2, show_default=True, help="Processes, or jobs.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="A dask scheduler that runs already.")
@click.option("--worker-memory", metavar="4GB", help="Memory that a run may take (dask, submitit).")
@click.option(
    "--slurm", metavar="KEY=VALUE,...", help="Options of Slurm jobs: partition, time, mem."
)
@click.option("--time-budget", metavar="20m", help="Stop after this time: 90s, 20m or 2h.")
@click.option("--run-limit", metavar="10m", help="Kill a process that hangs in one run.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of torch within a run; with another number the last digits may differ.",
)
@click.option(
    "--checkpoint-every",
    default="60s",
    show_default=True,
    help="Keep the place of runs that last longer, so that they go on after a death; or never.",
)
@click.option("--fresh", is_flag=True, help="Run again what the store holds already.")
@click.option("--keep-failed", is_flag=True, help="Do not try failed runs again.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@json_option
def run(
    suite: str,
    store: str,
    executor: str,
    workers: int,
    scheduler: str | None,
    worker_memory: str | None,
    slurm: str | None,
    time_budget: str | None,
    run_limit: str | None,
    threads: int,
    checkpoint_every: str,
    fresh: bool,
    keep_failed: bool,
    no_progress: bool,
    as_json: bool,
    **selection: Any,
) -> None:
    """Run a suite, or what the store still misses of it."""
    from llcbench.run.executors.executor import make_executor
    from llcbench.run.executors.machines import machines_of
    from llcbench.run.memory.needs import admitted
    from llcbench.run.plan import missing
    from llcbench.run.run_files import forget
    from llcbench.run.runner import run_missing
    from llcbench.run.store import Store, key_of
    from llcbench.run.tuning.resolve import resolve
    from llcbench.sampling.target import check_device

    never = checkpoint_every == "never"
    every = None if never else seconds_of(checkpoint_every, "--checkpoint-every")
    specs = specs_of(suite, selection)
    place = Store(Path(store))
    runner = make_executor(
        executor,
        workers,
        list(selection["plugins"]),
        seconds_of(run_limit, "--run-limit"),
        machines_of(place, scheduler, worker_memory, slurm),
    )
    contents = place.contents()
    for line in place.set_aside(contents):
        click.echo(f"llcbench: {line}", err=True)
    specs, untuned = resolve(specs, place, runner, progress=not no_progress)
    for line in untuned:
        click.echo(f"llcbench: {line}", err=True)
    wanted = specs if fresh else missing(specs, contents.records, keep_failed=keep_failed)
    unfit = 0
    if executor in ("serial", "processes"):
        for device in {spec.settings.device for spec in wanted}:
            check_device(device)
        parallel = workers if executor == "processes" else 1
        fitting, refused = admitted(wanted, parallel, selection["plugins"])
        for line in refused:
            click.echo(f"llcbench: {line}", err=True)
        unfit, wanted = len(wanted) - len(fitting), fitting
        if unfit and not wanted:
            sys.exit(2)
    if fresh:
        for spec in wanted:
            forget(place.root, key_of(spec))
    outcome = run_missing(
        wanted,
        place,
        runner,
        seconds=seconds_of(time_budget),
        progress=not no_progress,
        threads=threads,
        checkpoint_every=every,
    )
    for line in outcome.warnings:
        click.echo(f"llcbench: {line}", err=True)
    failed = [r for r in outcome.finished if r.estimate.status not in ("ok", "skipped")]
    summary = {
        "runs": len(specs),
        "reused": len(specs) - len(wanted) - unfit,
        "finished": len(outcome.finished),
        "failed": len(failed),
        "unstarted": outcome.unstarted,
        "unfit": unfit,
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
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@json_option
def plan(
    suite: str, store: str, workers: int, threads: int, as_json: bool, **selection: Any
) -> None:
    """Say how many runs a suite has, which are missing, how long they take and how much memory."""
    from llcbench.run.executors.machines import size
    from llcbench.run.memory.forecast import forecast

    specs = specs_of(suite, selection)
    facts = forecast(specs, Path(store), workers, threads, selection["plugins"])
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(
        f"{facts['runs']} runs, {facts['held']} in {store}, {facts['missing']} missing;"
        f" about {facts['seconds']:.0f} s with {workers} worker(s);"
        f" {size(facts['available_bytes'])} of memory available"
    )
    for kind in facts["kinds"]:
        time = f"{kind['seconds_per_step']:.3g} s a step, {kind['seconds']:.0f} s"
        click.echo(
            f"  {kind['problem']} {kind['sampler']}: {kind['runs']} run(s),"
            f" {kind['parameters']} parameters ({size(kind['parameter_bytes'])} with all chains),"
            f" peak {size(kind['peak_bytes'])} a worker ({kind['peak_is']}),"
            f" {time if kind['fits'] else 'does not fit'}"
        )
