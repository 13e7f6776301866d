"""The command that estimates over checkpoints, parts of the weights and slices of the data."""

import json
from pathlib import Path
from typing import Any

import click

from llcbench.cli.estimate import estimate, published_run
from llcbench.cli.options import command
from llcbench.cli.problems import scripted

# Options of its own in the place of those of `llcbench estimate`.
OWN = ("script",)


@command("refine", params=[each for each in estimate.params if each.name not in OWN])
@click.argument("script", metavar="FILE.py[:NAME]")
@click.option("--out", required=True, metavar="FOLDER", help="Finished cells, table and picture.")
@click.option("--common", is_flag=True, help="The same noise at all checkpoints.")
@click.option(
    "--panels",
    type=click.Choice(["part", "slice"]),
    default="part",
    show_default=True,
    help="What has a panel of its own in the picture.",
)
def refine(
    script: str,
    out: str,
    states: tuple[str, ...],
    only: tuple[str, ...],
    layers: bool,
    nbeta: float | None,
    gamma: float | None,
    chains: int | None,
    batch_size: int | None,
    max_grads: int | None,
    target_stderr: float | None,
    sampler: str | None,
    overrides: tuple[str, ...],
    common: bool,
    panels: Any,
    seed: int,
    device: str | None,
    no_progress: bool,
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate over checkpoints, parts of the weights and slices of the data.

    FILE.py defines problem, and, as llcbench.refine takes them, any of checkpoints, parts and
    slices; --state, --only and --layers replace the first two. Finished cells, table.csv and
    picture.svg are in FOLDER. A second call goes on where the first was stopped, and tries failed
    cells again. The exit code is 1 if a cell failed.
    """
    import msgspec

    from llcbench.refined.study import refine as refined
    from llcbench.run.execute import load_plugins

    load_plugins(list(plugins))
    problem, held = scripted(script)
    defined = vars(held)
    chosen, settings = published_run(problem, sampler, overrides) or (None, None)
    if only and layers:
        raise ValueError("--only and --layers: give one")
    result = refined(
        problem,
        list(states) or defined.get("checkpoints"),
        "layers" if layers else list(only) or defined.get("parts"),
        defined.get("slices"),
        sampler=chosen,
        settings=settings,
        nbeta=nbeta,
        gamma=gamma,
        num_chains=chains,
        batch_size=batch_size,
        max_grads=max_grads,
        target_stderr=target_stderr,
        seed=seed,
        device=device,
        common=common,
        folder=out,
        progress=not no_progress,
    )
    table, picture = Path(out) / "table.csv", Path(out) / "picture.svg"
    result.to_csv(table)
    result.plot(picture, panels=panels)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(result.rows)))
    else:
        click.echo(result.to_text())
        click.echo(f"{table} and {picture} are written")
    for row in result.failed:
        failed = row.estimate
        click.echo(f"llcbench: {row.problem}: {failed.status}: {failed.message}", err=True)
    if result.failed:
        raise SystemExit(1)
