"""Commands that compare entries: ``leaderboard`` and ``compare``."""

import json
import math
from pathlib import Path
from typing import Any

import click

from llcbench.cli.options import command, json_option, records_in, store_option
from llcbench.cli.printing import width

_seed = click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap."
)
_draws = click.option(
    "--draws",
    type=click.IntRange(100, 100_000),
    default=1000,
    show_default=True,
    help="Bootstrap samples.",
)


_formats = [
    click.option("--markdown", "form", flag_value="markdown", help="Markdown output."),
    click.option("--csv", "form", flag_value="csv", help="All values with their intervals."),
    click.option("--latex", "form", flag_value="latex", help="For the booktabs package."),
    click.option("--json", "form", flag_value="json", help="Machine-readable output."),
]


def _with_formats(command: Any) -> Any:
    for option in reversed(_formats):
        command = option(command)
    return command


@command()
@store_option
@click.option("--by", default="bias", show_default=True, metavar="METRIC", help="The metric.")
@click.option("--ladder", metavar="STORE", help="Runs at several step sizes, for the window.")
@click.option("--agreement", is_flag=True, help="Only how often entries agree with the truth.")
@_with_formats
@click.option("--readme", metavar="README.md", help="Renew the tables of this file and results/.")
@click.option("--plots", metavar="FOLDER", help="Write profile and sensitivity, SVG and CSV.")
@_draws
@_seed
def leaderboard(
    store: tuple[str, ...],
    by: str,
    ladder: str | None,
    agreement: bool,
    form: str | None,
    readme: str | None,
    plots: str | None,
    draws: int,
    seed: int,
) -> None:
    """Rank samplers over all problems of a store (a folder, or a .jsonl file of runs)."""
    from llcbench.compare.board import leaderboard as ranked
    from llcbench.report import tables
    from llcbench.report.leaderboard_table import AGREEMENT, leaderboard_table, legend, printed

    records = records_in(store)
    steps = list(records_in(ladder).values()) if ladder is not None else []
    board = ranked(records.values(), ladder=steps, by=by, draws=draws, seed=seed)
    if readme is not None:
        from llcbench.report.pages import agreement_blocks, leaderboard_blocks, renew

        runs = records.values()
        renew(
            Path(readme), agreement_blocks(runs) if agreement else leaderboard_blocks(runs, steps)
        )
    if plots is not None:
        from llcbench.report.leaderboard_plots import write_plots

        for path in write_plots(board, Path(plots)):
            click.echo(f"written: {path}", err=True)
    if form == "json":
        click.echo(_json(board))
        return
    whole = leaderboard_table(board)
    if agreement:
        whole = whole.select(AGREEMENT)
    if form is not None:
        shown = whole if form == "csv" or agreement else printed(board)
        click.echo(tables.RENDERERS[form](shown), nl=False)
        return
    click.echo(tables.to_text(whole, width()))
    click.echo("\n".join(legend(board)))


@command()
@click.argument("entries", nargs=-1, metavar="[A B ...]")
@store_option
@click.option("--against", metavar="STORE", help="Other runs: the first entry is from --store.")
@click.option("--metric", "metrics", multiple=True, metavar="METRIC", help="Only these.")
@json_option
@_draws
@_seed
def compare(
    entries: tuple[str, ...],
    store: tuple[str, ...],
    against: str | None,
    metrics: tuple[str, ...],
    as_json: bool,
    draws: int,
    seed: int,
) -> None:
    """Compare entries such as sgld and mala@tuned, in one store or in two.

    The differences are paired: same problems, same replicates, same resamples. With --against and
    no entries, whatever both stores hold is compared with itself. Biases are compared with 1 %
    added in quadrature: smaller differences do not matter.
    """
    from llcbench.compare.board import ranking_metric
    from llcbench.compare.pairwise import compare as compared
    from llcbench.report import tables
    from llcbench.report.leaderboard_table import pairwise_table

    chosen = [ranking_metric(name).name for name in metrics]
    other = records_in(against).values() if against is not None else None
    comparisons = compared(
        records_in(store).values(), entries, against=other,
        sources=_sources(store, against or ""), draws=draws, seed=seed,
    )  # fmt: skip
    comparisons = [pair for pair in comparisons if not chosen or pair.metric in chosen]
    if as_json:
        click.echo(_json(comparisons))
        return
    click.echo(tables.to_text(pairwise_table(comparisons), width()))
    if any(pair.scope == "replicates" for pair in comparisons):
        click.echo("*: too few common problems to generalise; for new runs on the same problems.")


def _sources(stores: tuple[str, ...], against: str) -> tuple[str, str]:
    """Return short names of two sides, their whole paths if those are the same."""
    names = "+".join(Path(store).name for store in stores), Path(against).name
    return names if names[0] != names[1] else ("+".join(stores), against)


def _json(value: Any) -> str:
    """Return JSON with infinities as text, which no standard number is."""
    import msgspec

    return json.dumps(_plain(msgspec.to_builtins(value)), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "infinity" if value > 0 else None
    return value
