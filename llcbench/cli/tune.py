"""The command that chooses hyper-parameters from diagnostics."""

import json
from typing import Any

import click

from llcbench.cli.options import command, json_option, load_option, pairs_of


@command("tune")
@click.argument("sampler", metavar="SAMPLER")
@click.argument("problem", metavar="PROBLEM")
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
    """Choose the step size of SAMPLER on PROBLEM from short pilot runs; no truth is used."""
    import msgspec

    from llcbench.run.execute import load_plugins
    from llcbench.run.suite import parse_sampler, settings_of
    from llcbench.run.tuning.search import tune as choose

    load_plugins(list(plugins))
    name, parameters = parse_sampler(sampler)
    tuning = choose(problem, name, parameters, settings_of(pairs_of(overrides)), seed)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(tuning), indent=2))
        return
    click.echo(page(tuning, list(overrides)))


def page(tuning: Any, overrides: list[str]) -> str:
    """Return pilots, choice and the command that runs it, as text."""
    if not tuning.varied:
        return str(tuning.reason)
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
    sets = "".join(f" --set {text}" for text in overrides)
    draws = f" --set num_draws={tuning.draws}" if tuning.draws else ""
    inner = f"{tuning.sampler}[{tuning.varied}={chosen:.3g}]"
    return "\n".join(
        [
            *lines,
            "",
            f"chosen: {tuning.varied} = {chosen:.3g}, because {tuning.reason}",
            f"cost: {tuning.grad_evals} gradients, all chains together",
            f"run:  llcbench run smoke -p {tuning.problem} -s '{inner}'{sets}{draws}",
        ]
    )
