"""Options that several commands share, and their parsed form."""

import errno
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import click

from llcbench.checks import printable
from llcbench.cli.file_errors import file_error_line

DEFAULT_STORE = "build/store"


@final
class OnceCommand(click.Command):
    """A command that refuses an option which is given twice, where click would take the last.

    An error of a file names the option that the file belongs to.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            click.UsageError: If one is unknown, malformed, or excludes an earlier one.
        """
        if not ctx.resilient_parsing:
            _, _, order = self.make_parser(ctx).parse_args(args=list(args))
            _refuse_repeats(ctx, order)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            click.ClickException: If a file fails; the message names the option that it belongs to.
        """
        try:
            return super().invoke(ctx)
        except OSError as error:
            # The reader of a pipe that is gone needs no line, and lost workers are no file.
            if error.errno in (None, errno.EPIPE):
                raise
            raise click.ClickException(file_error_line(error, ctx)) from error


@final
class OnceGroup(click.Group):
    """A group of such commands."""

    command_class = OnceCommand


def command(name: str | None = None, **options: Any) -> Callable[[Callable[..., Any]], OnceCommand]:
    """Return what makes a command of a function, as ``click.command`` does."""
    return click.command(name, cls=OnceCommand, **options)


def group(name: str | None = None, **options: Any) -> Callable[[Callable[..., Any]], OnceGroup]:
    """Return what makes a group of a function, as ``click.group`` does."""
    return click.group(name, cls=OnceGroup, **options)


def _refuse_repeats(ctx: click.Context, order: Iterable[click.Parameter]) -> None:
    """Refuse an option that takes one value and was given another, or a flag and its opposite."""
    seen: dict[str | None, click.Parameter] = {}
    for option in order:
        if not isinstance(option, click.Option) or option.multiple or option.count:
            continue
        other = seen.setdefault(option.name, option)
        if other is not option:
            raise click.UsageError(f"give {other.opts[0]} or {option.opts[0]}, not both", ctx)
        if not option.is_flag and sum(each is option for each in order) > 1:
            raise click.UsageError(f"{option.opts[0]} is there twice: give one", ctx)


json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
store_option = click.option(
    "--store",
    multiple=True,
    default=(DEFAULT_STORE,),
    show_default=True,
    metavar="PATH",
    help="Folder or file of runs; may be given several times.",
)
load_option = click.option(
    "--load", "plugins", multiple=True, metavar="FILE.py", help="Script that registers samplers."
)
_selection = [
    click.argument("suite"),
    click.option(
        "--store", default=DEFAULT_STORE, show_default=True, help="Folder of finished runs."
    ),
    click.option("-s", "--sampler", "samplers", multiple=True, metavar="NAME[opt=value]"),
    click.option("-p", "--problem", "problems", multiple=True, metavar="ID or pattern"),
    click.option("--replicates", type=int, help="Repetitions instead of the suite's."),
    click.option("--seed", type=int, help="Seed instead of the suite's."),
    click.option(
        "--set", "overrides", multiple=True, metavar="OPTION=VALUE", help="E.g. nbeta=1e4."
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="The same as --set device=",
    ),
    click.option(
        "--matmul", type=click.Choice(["full", "bfloat16"]), help="The same as --set matmul="
    ),
    load_option,
]


def selecting(command: Any) -> Any:
    """Give a command the options that select runs of a suite."""
    for option in reversed(_selection):
        command = option(command)
    return command


def records_in(stores: str | Sequence[str]) -> dict[str, Any]:
    """Return the runs of stores and of committed files of runs, each run once, by key.

    Damaged and outdated runs are named on the standard error.

    Raises:
        ValueError: If one holds no run, or two hold different results of one run.
    """
    from llcbench.compare.outdated import outdated_note
    from llcbench.run.merging import merged, read_place

    names = [stores] if isinstance(stores, str) else list(dict.fromkeys(stores))
    places = [read_place(name) for name in names]
    for place in places:
        for path, reason in place.damaged.items():
            line = f"{path.name} is damaged ({reason}); run the suite again"
            click.echo(f"llcbench: {printable(line)}", err=True)
    records = merged(places)
    note = outdated_note(records.values())
    if note is not None:
        click.echo(f"llcbench: {note}", err=True)
    return records


def pairs_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read what ``--set option=value`` was given.

    Raises:
        ValueError: If there is no equals sign.
    """
    from llcbench.run.suite import parse_value

    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {text!r}: write option=value, for example nbeta=1e4")
        pairs[key] = parse_value(value)
    return pairs


def specs_of(suite: str, selection: dict[str, Any]) -> list[Any]:
    """Return the runs that a command line selects."""
    from llcbench.run.execute import load_plugins
    from llcbench.run.plan import expand
    from llcbench.run.suite import load

    load_plugins(list(selection["plugins"]))
    overrides = pairs_of(selection["overrides"])
    overrides |= {k: selection[k] for k in ("device", "matmul") if selection.get(k) is not None}
    return expand(
        load(suite),
        samplers=list(selection["samplers"]),
        problems=list(selection["problems"]),
        replicates=selection["replicates"],
        seed=selection["seed"],
        overrides=overrides,
    )
