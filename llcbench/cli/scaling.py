"""The command ``scaling``: cost against the number of parameters."""

import json
from pathlib import Path

import click

from llcbench.cli.options import command, json_option, records_in, store_option


@command()
@store_option
@click.option("--above", type=int, default=10_000, show_default=True,
              help="Smallest size for the exponents.")  # fmt: skip
@click.option("--out", metavar="FOLDER", help="Write scaling.svg, scaling.csv, exponents.csv.")
@click.option("--classes", is_flag=True, help="One row per class of random networks instead.")
@click.option("--readme", metavar="README.md", help="Renew the pages of results/ beside it.")
@click.option("--markdown", is_flag=True, help="Markdown output.")
@json_option
def scaling(
    store: tuple[str, ...],
    above: int,
    out: str | None,
    classes: bool,
    readme: str | None,
    markdown: bool,
    as_json: bool,
) -> None:
    """Show how time and memory grow with the number of parameters, with fitted exponents."""
    import msgspec

    from llcbench.compare.scaling import growth, problem_costs
    from llcbench.report.classes import class_table
    from llcbench.report.pages import classes_blocks, renew
    from llcbench.report.scaling import growth_table, scaling_table, write_scaling
    from llcbench.report.tables import to_markdown, to_text

    records = list(records_in(store).values())
    render = to_markdown if markdown else to_text
    if readme is not None:
        renew(Path(readme), classes_blocks(records))
    if classes:
        click.echo(render(class_table(records)))
        return
    costs = problem_costs(records)
    if not costs:
        raise ValueError(f"no run in {', '.join(store)} has an estimate and a size")
    fits = growth(costs, above=above)
    if out is not None:
        for path in write_scaling(costs, fits, Path(out)):
            click.echo(f"written: {path}", err=True)
    if as_json:
        plain = {"points": msgspec.to_builtins(costs), "exponents": msgspec.to_builtins(fits)}
        click.echo(json.dumps(plain))
        return
    click.echo(render(scaling_table(costs)))
    if fits:
        click.echo(render(growth_table(fits)))
    else:
        click.echo(f"no exponents: they need 3 sizes above {above} parameters, see --above")
