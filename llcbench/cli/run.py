"""Commands that run suites, or predict their time and memory."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llcbench.cli.execution import executing, execution_of, say
from llcbench.cli.options import command, json_option, selecting, specs_of
from llcbench.cli.printing import print_scores

if TYPE_CHECKING:
    from llcbench.records import Spec
    from llcbench.run.store import RunStore

# Rows of a table that is printed after the runs.
MOST_ROWS = 60


@command()
@selecting
@executing
@click.option(
    "--checkpoint-every",
    default="60s",
    show_default=True,
    help="Checkpoint runs that last longer, so that they resume after a crash; or never.",
)
@click.option("--fresh", is_flag=True, help="Repeat runs that the store holds.")
@click.option("--keep-failed", is_flag=True, help="Do not try failed runs again.")
@json_option
def run(
    suite: str,
    store: str,
    checkpoint_every: str,
    fresh: bool,
    keep_failed: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a suite, or what the store still lacks of it, and print its scores if they are few."""
    from llcbench.run.complete import complete
    from llcbench.run.store import RunStore
    from llcbench.run.units import seconds_of

    never = checkpoint_every == "never"
    every = None if never else seconds_of(checkpoint_every, "--checkpoint-every")
    specs = specs_of(suite, options)
    place = RunStore(Path(store))
    how = execution_of(options, place.root, options["plugins"])
    done = complete(
        specs,
        place,
        how.executor,
        parallel=how.parallel,
        plugins=options["plugins"],
        fresh=fresh,
        keep_failed=keep_failed,
        seconds=how.seconds,
        threads=how.threads,
        checkpoint_every=every,
        progress=how.progress,
        say=say,
    )
    if done.unfit and not done.wanted:
        sys.exit(2)
    specs, outcome = done.specs, done.outcome
    failed = [r for r in outcome.finished if r.estimate.status not in ("ok", "skipped")]
    summary = {
        "runs": len(specs),
        "reused": len(specs) - len(done.wanted) - done.unfit,
        "finished": len(outcome.finished),
        "failed": len(failed),
        "unstarted": outcome.unstarted,
        "unfit": done.unfit,
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
    _print_scores(specs, place)


def _print_scores(specs: "list[Spec]", store: "RunStore") -> None:
    """Print the scores of the runs that a suite asked for, if they fit on a page."""
    from llcbench.run.store import key_of
    from llcbench.scoring import scores

    if len({(spec.problem, spec.label, spec.variant) for spec in specs}) > MOST_ROWS:
        click.echo(f"'llcbench score --store {store.root}' shows how far each is from the truth")
        return
    held = store.contents().records
    scored = scores(held[key] for key in dict.fromkeys(map(key_of, specs)) if key in held)
    if scored:
        click.echo()
        print_scores(scored)


@command()
@selecting
@click.option(
    "--workers", type=click.IntRange(1, 10_000), default=1, show_default=True,
    help="Processes to plan for.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True)
@json_option
def plan(
    suite: str, store: str, workers: int, threads: int, as_json: bool, **selection: Any
) -> None:
    """List the runs of a suite, the missing ones, and the time and memory that they need."""
    from llcbench.run.memory.forecast import forecast
    from llcbench.run.units import size

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
