"""An option that is given twice is refused where click would take the last in silence."""

from collections.abc import Iterator

import click
import pytest
from command import here

from llcbench.cli.commands import cli
from llcbench.cli.options import OnceCommand


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands with their names."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(cli))
SINGLE = [
    (name, option.opts[0])
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_flag and not option.multiple
]


def test_every_command_refuses_repeats() -> None:
    assert len(COMMANDS) > 20
    assert [name for name, each in COMMANDS.items() if not isinstance(each, OnceCommand)] == []


@pytest.mark.parametrize(("name", "option"), SINGLE)
def test_a_repeated_option_is_refused(name: str, option: str) -> None:
    command = COMMANDS[name]
    arguments = ["x"] * sum(isinstance(each, click.Argument) for each in command.params)
    context = click.Context(command)
    with pytest.raises(click.UsageError, match=f"{option} is there twice"):
        command.parse_args(context, [*arguments, option, "1", option, "1"])


def test_what_excludes_each_other_is_refused() -> None:
    done = here("leaderboard", "--csv", "--latex")
    assert done.returncode == 2
    assert done.stderr == "llcbench: give --csv or --latex, not both\n"
    done = here("run", "smoke", "--store", "a", "--store", "b")
    assert done.stderr == "llcbench: --store is there twice: give one\n"


def test_what_may_be_repeated_is_not_refused() -> None:
    assert here("list", "samplers", "--json", "--json").returncode == 0
    done = here("plan", "smoke", "-s", "sgld", "-s", "mala", "--set", "x=1", "--set", "num_draws=2")
    assert "there is no 'x'" in done.stderr
