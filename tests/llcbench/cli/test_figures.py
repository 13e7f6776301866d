"""The commands that ``llcbench figures --from-scratch`` calls are commands as they stand."""

from pathlib import Path

import click
import pytest

from llcbench import registry
from llcbench.cli import figures
from llcbench.cli.commands import cli
from llcbench.heuristics import suite
from llcbench.report.figures import build

SCRIPTS = Path(__file__).parents[3] / "paper_figures"
INPUTS = sorted({name for figure in build.discover(SCRIPTS, ()) for name in figure.inputs})


def parsed(arguments: list[str]) -> dict[str, object]:
    """Return the parameters of a command line, which is not run."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    return command.make_context("llcbench", list(arguments)).params


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_is_made_by_a_command(name: str) -> None:
    if name in figures.ELSEWHERE:
        return
    run, export = map(parsed, figures._commands(name, Path("out"), "paper"))
    known = {f"heuristics-{each}" for each in suite.names()} | set(registry.suite_names())
    assert name in known
    assert run["suite"] == name.removeprefix("heuristics-")
    assert export["store"] in (run["store"], (run["store"],))
    assert str(export["out"]).startswith(f"out/{name}.jsonl")


def test_a_wrong_command_line_is_seen() -> None:
    assert len(INPUTS) > 3
    with pytest.raises(click.NoSuchOption):
        parsed(["run", "smoke", "--worker", "2", "--presets", "cpu"])
