"""Options that several commands share, and their parsed form."""

from pathlib import Path
from typing import Any

import click

DEFAULT_STORE = "build/store"

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
store_option = click.option(
    "--store", default=DEFAULT_STORE, show_default=True, help="Folder of finished runs."
)
load_option = click.option(
    "--load", "plugins", multiple=True, metavar="FILE.py", help="Script that registers samplers."
)
_selection = [
    click.argument("suite"),
    store_option,
    click.option("-s", "--sampler", "samplers", multiple=True, metavar="NAME[opt=value]"),
    click.option("-p", "--problem", "problems", multiple=True, metavar="ID or pattern"),
    click.option("--replicates", type=int, help="Repetitions instead of the suite's."),
    click.option("--seed", type=int, help="Seed instead of the suite's."),
    click.option(
        "--set", "overrides", multiple=True, metavar="OPTION=VALUE", help="E.g. nbeta=1e4."
    ),
    click.option("--device", type=click.Choice(["cpu", "cuda"]), help="The same as --set device="),
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


def records_in(store: str) -> dict[str, Any]:
    """Return the runs of a store, or of a committed file of runs; say which are outdated."""
    from llcbench.compare.outdated import outdated_note

    records = _records_in(store)
    note = outdated_note(records.values())
    if note is not None:
        click.echo(f"llcbench: {note}", err=True)
    return records


def _records_in(store: str) -> dict[str, Any]:
    from llcbench.run.exports import is_export, read
    from llcbench.run.store import RunStore

    if is_export(store):
        return read(Path(store))
    contents = RunStore(Path(store)).contents()
    for path, reason in contents.damaged.items():
        click.echo(f"llcbench: {path.name} is damaged ({reason}); run the suite again", err=True)
    if not contents.records:
        raise ValueError(f"no runs in {store!r}; 'llcbench run smoke --store {store}' makes some")
    return contents.records


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
