"""The command that tries the settings of an estimate on linear networks."""

import json
from typing import Any

import click

from llcbench.cli.estimate import estimate, published_run
from llcbench.cli.options import command
from llcbench.cli.problems import is_network, problem_of, way_out

# Options of `llcbench estimate` that a rehearsal has too; parts and checkpoints are not among them.
SHARED = (
    "script", "nbeta", "gamma", "chains", "batch_size", "max_grads", "target_stderr", "sampler",
    "overrides", "only", "seed", "device", "no_progress", "plugins", "as_json",
)  # fmt: skip


@command("rehearse", params=[each for each in estimate.params if each.name in SHARED])
@click.option(
    "--ranks",
    default="full,half,1",
    show_default=True,
    help="Ranks of the true maps, with commas: full, half, whole numbers.",
)
@click.option(
    "--max-dim", type=int, help="Most weights of the linear networks; 200 000 by default."
)
def rehearse(
    script: str,
    nbeta: float | None,
    gamma: float | None,
    chains: int | None,
    batch_size: int | None,
    max_grads: int | None,
    target_stderr: float | None,
    sampler: str | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    seed: int,
    device: str | None,
    no_progress: bool,
    plugins: tuple[str, ...],
    as_json: bool,
    ranks: str,
    max_dim: int | None,
) -> None:
    """Try the settings of an estimate where the answer is known.

    FILE.py is that of `llcbench estimate`, and so are the options. The settings run on deep linear
    networks with the shapes of the dense layers, the second moment of their inputs and the largest
    curvature of the network, and what they return is shown beside the exact coefficients. The exit
    code is 1 if an estimate could not be made.
    """
    from llcbench.rehearsal.rehearse import rehearse as rehearsed
    from llcbench.rehearsal.widths import MAX_DIM
    from llcbench.report import tables
    from llcbench.report.rehearsal_table import closing, heading, rehearsal_table
    from llcbench.run.execute import load_plugins

    load_plugins(list(plugins))
    single: dict[str, Any] = {
        "nbeta": nbeta, "gamma": gamma, "num_chains": chains, "batch_size": batch_size,
        "max_grads": max_grads, "target_stderr": target_stderr, "device": device,
    }  # fmt: skip
    problem = problem_of(script)
    if not is_network(problem):
        raise ValueError(
            f"{script} is no network, and its truths are known: llcbench estimate {script} and"
            f" llcbench show {script} have them; a rehearsal is for a FILE.py"
        )
    part = problem.restricted(*only) if only else problem
    result = rehearsed(
        part,
        *published_run(part, sampler, overrides),
        ranks=ranks.split(","),
        max_dim=MAX_DIM if max_dim is None else max_dim,
        **single,
        seed=seed,
        progress=not no_progress,
    )
    if as_json:
        click.echo(json.dumps(result.plain()))
    else:
        lines = [*heading(result), tables.to_text(rehearsal_table(result)), *closing(result)]
        click.echo("\n".join(lines))
    failed = [network for network in result.networks if network.estimate.status != "ok"]
    for network in failed:
        reason = f"{network.estimate.message}{way_out(network.estimate.message)}"
        name = f"rank {network.rank}"
        click.echo(f"llcbench: {name}: {network.estimate.status}: {reason}", err=True)
    if failed:
        raise SystemExit(1)
