"""Runs of the suites that figures read."""

from collections.abc import Sequence
from pathlib import Path

import click

from llcbench.report.figures.results import Results

# Results that no suite of runs makes, and the command that does.
ELSEWHERE = {"peers_speed": "llcbench peers bench", "steps": "make benchmark"}


def feed(cli: click.Command, names: Sequence[str], results: Results, scale: str) -> None:
    """Run what the stores of suites under ``build`` lack, and export them to the results.

    Args:
        cli: The command line, whose commands make the results.
        names: As in the inputs of figures; ``heuristics-gc`` is a suite of trainings.
        results: Where the committed files are.
        scale: ``paper`` takes the paper's preset of trainings.
    """
    for name in names:
        if name in ELSEWHERE:
            click.echo(f"{name} is not made by a suite: {ELSEWHERE[name]}", err=True)
            continue
        for arguments in _commands(name, results.reference, scale):
            click.echo("llcbench " + " ".join(arguments), err=True)
            cli.main(arguments, standalone_mode=False)


def _commands(name: str, folder: Path, scale: str) -> list[list[str]]:
    store, out = f"build/{name}", str(folder / f"{name}.jsonl.gz")
    processes = ["--executor", "processes", "--workers", "2"]
    if name.startswith("heuristics-"):
        suite = name.removeprefix("heuristics-")
        run = ["heuristics", "run", suite, "--store", store, "--preset", scale, *processes]
        return [run, ["heuristics", "export", "--store", store, "--out", out]]
    if name == "smoke":
        out = str(folder / "smoke.jsonl")
    return [
        ["run", name, "--store", store, "--run-limit", "30m", *processes],
        ["export", "--store", store, "--out", out],
    ]
