"""The command ``figures``: the figures of the papers again, with their claims checked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llcbench.cli.options import command, json_option

if TYPE_CHECKING:
    from llcbench.report.figures import Drawing, PaperFigure, Results, Scale

# Results that no suite of runs makes, and the command that does.
ELSEWHERE = {"peers_speed": "llcbench peers bench", "steps": "make benchmark"}


@command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--out", default="build/figures", show_default=True, help="Folder of the files.")
@click.option("--results", "root", default="results", show_default=True, help="Committed results.")
@click.option("--scripts", default="paper_figures", show_default=True, help="Folder of scripts.")
@click.option("--from-scratch", is_flag=True, help="Make the data again first; can take hours.")
@click.option("--scale", type=click.Choice(["cpu", "paper"]), default="cpu", show_default=True,
              help="Settings of the data: for two cores, or those of the paper.")  # fmt: skip
@click.option("--readme", metavar="README.md", help="Renew the pages of results/ beside it.")
@click.option("--list", "listed", is_flag=True, help="List the figures only.")
@json_option
def figures(
    ids: tuple[str, ...],
    out: str,
    root: str,
    scripts: str,
    from_scratch: bool,
    scale: "Scale",
    readme: str | None,
    listed: bool,
    as_json: bool,
) -> None:
    """Draw the figures of the papers from committed results and check what the papers claim."""
    from tqdm import tqdm

    from llcbench.report.figures import build
    from llcbench.report.figures.results import Results

    chosen = build.discover(Path(scripts), ids)
    if listed:
        _list(chosen, as_json)
        return
    results = Results(Path(root), scale)
    if from_scratch:
        _measure(chosen, results, scale)
    drawn, missing = [], []
    for figure in tqdm(chosen, desc="figures", unit="figure", disable=None):
        try:
            drawing = build.draw(figure, results)
        except ValueError as error:
            missing.append(f"{figure.id}: {error}")
            continue
        build.write(figure, drawing, Path(out))
        drawn.append((figure, drawing))
    build.write_claims(drawn, Path(out))
    if readme is not None:
        from llcbench.report.pages import figures_blocks, renew

        renew(Path(readme), figures_blocks(Path(out), Path(readme)))
    for line in missing:
        click.echo(f"not drawn: {line}", err=True)
    if as_json:
        click.echo(json.dumps(build.read_claims(Path(out) / build.CLAIMS)))
    else:
        _tell(drawn, out)
    if missing:
        raise ValueError(f"{len(missing)} of {len(chosen)} figures could not be drawn, see above")


def _tell(drawn: "Sequence[tuple[PaperFigure, Drawing]]", out: str) -> None:
    for figure, drawing in drawn:
        click.echo(f"{figure.id}  {figure.title}")
        for claim in drawing.claims:
            click.echo(f"     {claim.verdict}: {claim.text} Found: {claim.found}")
    click.echo(f"written to {out}: {len(drawn)} figures as SVG, PDF and CSV, claims.json")


def _list(chosen: "Sequence[PaperFigure]", as_json: bool) -> None:
    if as_json:
        keys = ("id", "name", "title", "paper", "inputs", "needs")
        click.echo(json.dumps([{key: getattr(figure, key) for key in keys} for figure in chosen]))
        return
    for figure in chosen:
        source = figure.paper or "new"
        feeds = " and ".join([*figure.inputs, *(["own data"] if figure.measurement else [])])
        click.echo(f"{figure.id}  {figure.title} ({source}; from {feeds})")


def _measure(chosen: "Sequence[PaperFigure]", results: "Results", scale: "Scale") -> None:
    """Measure the figures' own data, then run the suites that feed the others."""
    from llcbench.report.figures.measure import measure

    suites = sorted({name for figure in chosen for name in figure.inputs})
    _feed(click.get_current_context().find_root().command, suites, results, scale)
    for figure in chosen:
        if figure.measurement is not None:
            measure(figure, results, scale)


def _feed(cli: click.Command, names: Sequence[str], results: "Results", scale: str) -> None:
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
