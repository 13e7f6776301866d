"""The command ``report``: a static site on stores and committed files of runs."""

from pathlib import Path

import click

from llcbench.cli.options import DEFAULT_STORE, command

DEFAULT_REPORT = "build/report"


@command()
@click.option(
    "--store", "stores", multiple=True, default=(DEFAULT_STORE,), show_default=True,
    metavar="PATH", help="Folder or file of runs; may be given several times.",
)  # fmt: skip
@click.option("--out", default=DEFAULT_REPORT, show_default=True, help="Folder of the site.")
@click.option("--figures", metavar="FOLDER", help="What 'llcbench figures' wrote, for a gallery.")
@click.option("--open", "opened", is_flag=True, help="Open the site in the browser.")
def report(stores: tuple[str, ...], out: str, figures: str | None, opened: bool) -> None:
    """Write the site that compares every sampler with each truth; it needs no network."""
    from llcbench.report.site import read_sources, write_site

    path = write_site(read_sources(stores), Path(out), None if figures is None else Path(figures))
    click.echo(f"report written to {path}")
    if opened:
        click.launch(str(path))
