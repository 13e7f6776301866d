"""The command that estimates the coefficient of a network, or of a problem of the catalogue."""

import json
from pathlib import Path
from typing import Any

import click

from llcbench.cli.options import command, json_option, load_option
from llcbench.cli.problems import PROBLEM, is_network, problem_of, settings_for, way_out

# The sampler of a published run that only changes settings.
PUBLISHED = "sgld[step_size=1e-4]"


@command("estimate")
@click.argument("script", metavar=PROBLEM)
@click.option("--nbeta", type=float, help="Inverse temperature; n / log n by default.")
@click.option("--gamma", type=float, help="Localisation; chosen on the plateau by default.")
@click.option("--chains", type=int, help="Chains; 16 by default, 4 of many parameters.")
@click.option("--batch-size", type=int, help="Samples of a minibatch; chosen by default.")
@click.option("--max-grads", type=int, help="Gradients a chain, everything counted.")
@click.option("--target-stderr", type=float, help="Standard error at which the run ends.")
@click.option("-s", "--sampler", metavar="NAME[opt=value]", help="Run as published instead.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="OPTION=VALUE",
    help="Settings of a published run, e.g. gamma=100.",
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Parameters that move.")
@click.option("--layers", is_flag=True, help="Estimate every layer as well.")
@click.option("--state", "states", multiple=True, metavar="FILE.pt", help="Checkpoints.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", help="The default is cpu.")
@click.option("--no-progress", is_flag=True, help="No progress bar.")
@load_option
@json_option
def estimate(
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
    layers: bool,
    states: tuple[str, ...],
    seed: int,
    device: str | None,
    no_progress: bool,
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """Estimate the coefficient of the network that FILE.py calls NAME (default: problem).

    The script makes it with llcbench.from_module(module, per_sample_loss, data); the id of a
    problem of the catalogue, such as dln/3-3-3/r3-1, does as well. What is not given is chosen by
    measurement. With --sampler or --set it is the published mean energy of that sampler (sgld with
    a step of 1e-4). Checkpoints are state dictionaries as torch.save writes them, or safetensors;
    nothing else is read from such a file. The exit code is 1 if an estimate could not be made.
    """
    import msgspec

    from llcbench.one_call import estimate as estimated
    from llcbench.report import tables
    from llcbench.report.module_table import module_table
    from llcbench.run.execute import load_plugins

    load_plugins(list(plugins))
    single: dict[str, Any] = {
        "nbeta": nbeta, "gamma": gamma, "num_chains": chains, "batch_size": batch_size,
        "max_grads": max_grads, "target_stderr": target_stderr, "device": device,
    }  # fmt: skip
    problem = problem_of(script)
    asked = _parts(problem, script, only, layers, states)
    published = published_run(problem, sampler, overrides)
    rows = [
        (part, estimated(part, *published, **single, seed=seed, progress=not no_progress))
        for part in asked
    ]
    if as_json:
        plain = [{"problem": p.id, "dim": p.dim} | msgspec.to_builtins(e) for p, e in rows]
        click.echo(json.dumps(plain))
    else:
        click.echo(tables.to_text(module_table(rows)))
        for note in _notes(problem):
            click.echo(f"{problem.id}: {note}")
        for part, answer in rows:
            if answer.method:
                click.echo(f"{part.id}: {answer.method}")
            for guard in answer.guards:
                if not guard.passed:
                    click.echo(
                        f"{part.id}: {guard.name} {guard.value:.3g}, should be {guard.limit}:"
                        f" {guard.meaning}"
                    )
    failed = [(part, answer) for part, answer in rows if answer.status != "ok"]
    for part, answer in failed:
        reason = f"{answer.message}{way_out(answer.message)}"
        click.echo(f"llcbench: {part.id}: {answer.status}: {reason}", err=True)
    if failed:
        raise SystemExit(1)


def _parts(
    problem: Any, script: str, only: tuple[str, ...], layers: bool, states: tuple[str, ...]
) -> list[Any]:
    """Return the problems to estimate: parts of a network, at checkpoints.

    Raises:
        ValueError: If parts of something else are asked for.
    """
    if not (only or layers or states):
        return [problem]
    if not is_network(problem):
        raise ValueError(
            f"{script} has no layers or checkpoints; --only, --layers and --state are for a FILE.py"
        )
    asked: list[Any] = [problem.restricted(*only)] if only else [problem]
    if layers:
        asked += asked[0].layers().values()
    if states:
        asked = [part.at(_state(path), f"{part.id}@{Path(path).stem}") for path in states
                 for part in asked]  # fmt: skip
    return asked


def published_run(problem: Any, sampler: str | None, overrides: tuple[str, ...]) -> tuple[Any, ...]:
    """Return sampler and settings of a published run; nothing if neither was asked for."""
    from llcbench import registry
    from llcbench.run.suite import parse_sampler

    if sampler is None and not overrides:
        return ()
    name, parameters = parse_sampler(sampler or PUBLISHED)
    return registry.make_sampler(name, parameters), settings_for(problem, overrides)


def _notes(problem: Any) -> list[str]:
    """Return what a network says of itself, or the exact coefficient of a problem that has one."""
    if is_network(problem):
        return list(problem.notes)
    local = problem.truth.local
    low, high = local.lower, local.upper
    exact = f"{low}" if low == high else f"between {low} and {high}"
    return [f"the exact coefficient is {exact}, which nbeta -> infinity approaches"]


def _state(path: str) -> dict[str, Any]:
    """Read a state dictionary; torch refuses to run code from the file.

    Raises:
        ValueError: If there is none in it.
    """
    from llcbench.problems.modules.checkpoints import read_state

    try:
        return read_state(path)
    except ValueError as error:
        raise ValueError(f"--state {error}") from error
