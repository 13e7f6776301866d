"""The command that chooses hyper-parameters from diagnostics."""

import json
import shlex
from typing import Any

import click

from llcbench.cli.options import command, json_option, load_option, pairs_of
from llcbench.cli.problems import PROBLEM, is_network, problem_of, settings_for, way_out

# Lengths are those of pilots; a run has its own.
LENGTHS = ("num_draws", "num_burnin")
SUITE = "smoke"


@command("tune")
@click.argument("sampler", metavar="SAMPLER")
@click.argument("problem", metavar=PROBLEM)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the pilots.")
@click.option("--set", "overrides", multiple=True, metavar="OPTION=VALUE", help="E.g. nbeta=1e4.")
@load_option
@json_option
def tune(
    sampler: str,
    problem: str,
    seed: int,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """Choose the step size of SAMPLER on a problem from short pilot runs; no truth is used.

    The problem is one of the catalogue, by its id, or the network that FILE.py calls NAME (default:
    problem), with the settings of a published run on it. The last line is a command that makes a
    run with the choice at the settings of the pilots.
    """
    import msgspec

    from llcbench.run.execute import load_plugins
    from llcbench.run.suite import parse_sampler, settings_of
    from llcbench.run.tuning.search import tune as choose

    load_plugins(list(plugins))
    held = problem_of(problem)
    own = is_network(held)
    name, parameters = parse_sampler(sampler)
    settings = settings_for(held, overrides) if own else settings_of(pairs_of(overrides))
    tuning = choose(held, name, parameters, settings, seed)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(tuning), indent=2))
        return
    if not tuning.varied:
        click.echo(f"{tuning.reason}{way_out(tuning.reason)}")
        return
    chosen = parameters | {tuning.varied: float(f"{tuning.parameters[tuning.varied]:.3g}")}
    if tuning.draws:
        overrides += (f"num_draws={tuning.draws}",)
    words = _estimate(problem) if own else _run(problem, name, settings, overrides)
    words += ["-s", _bracketed(name, chosen)]
    words += [word for script in plugins for word in ("--load", script)]
    words += [word for text in overrides for word in ("--set", text)]
    click.echo(page(tuning, shlex.join(words)))


def page(tuning: Any, run: str) -> str:
    """Return pilots, choice and the command that runs it, as text."""
    lines = [f"{tuning.varied:>12}  {'estimate':>18}  {'R-hat':>6}  {'ESS':>6}  criterion"]
    chosen = tuning.parameters[tuning.varied]
    for pilot in sorted(tuning.pilots, key=lambda p: p.value):
        mark = "  <- chosen" if pilot.value == chosen else ""
        if pilot.status != "ok" or pilot.llc is None:
            lines.append(f"{pilot.value:12.3g}  {pilot.status}")
            continue
        criterion = "out" if pilot.criterion is None else f"{pilot.criterion:.3f}"
        estimate = f"{pilot.llc:.4g} +- {pilot.mcse or 0.0:.2g}"
        lines.append(
            f"{pilot.value:12.3g}  {estimate:>18}  {pilot.rhat:6.3f}  {pilot.ess or 0.0:6.0f}"
            f"  {criterion}{mark}"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"chosen: {tuning.varied} = {chosen:.3g}, because {tuning.reason}",
            f"cost: {tuning.grad_evals} gradients, all chains together",
            f"run:  {run}",
        ]
    )


def _estimate(script: str) -> list[str]:
    """Return the command that runs a script; its settings are those of the pilots."""
    return ["llcbench", "estimate", script]


def _run(identifier: str, name: str, settings: Any, overrides: tuple[str, ...]) -> list[str]:
    """Return the command that runs a problem, with what the pilots had and the suite has not."""
    from llcbench.records import text
    from llcbench.run.plan import expand
    from llcbench.run.suite import load

    of_suite = expand(
        load(SUITE), samplers=[name], problems=[identifier], replicates=1,
        overrides=pairs_of(overrides),
    )[0].settings  # fmt: skip
    words = ["llcbench", "run", SUITE, "-p", identifier]
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        if field not in LENGTHS and value != getattr(of_suite, field):
            words += ["--set", f"{field}={'none' if value is None else text(value)}"]
    return words


def _bracketed(name: str, parameters: dict[str, Any]) -> str:
    """Return a sampler with hyper-parameters as the command line reads it."""
    from llcbench.records import text

    inner = ",".join(f"{key}={text(value)}" for key, value in parameters.items())
    return f"{name}[{inner}]"
