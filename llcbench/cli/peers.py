"""Commands on other packages: ``peers bench`` for speed, ``peers claim`` for accuracy."""

from pathlib import Path

import click

from llcbench.cli.options import group, json_option, records_in


@group()
def peers() -> None:
    """Compare with the samplers of other packages."""


@peers.command()
@click.option("--case", "cases", multiple=True, metavar="NAME", help="Only these; default all.")
@click.option("--peer", "names", multiple=True, metavar="NAME", help="Only these; default all.")
@click.option("--rounds", type=int, default=5, show_default=True, help="Rounds that are counted.")
@click.option("--steps", type=int, help="Steps of a chain, half of them burn-in.")
@click.option("--out", metavar="FILE.csv", help="Write all values; other cases in it stay.")
@click.option("--readme", metavar="README.md", help="Renew the pages of results/ beside it.")
@json_option
def bench(
    cases: tuple[str, ...],
    names: tuple[str, ...],
    rounds: int,
    steps: int | None,
    out: str | None,
    readme: str | None,
    as_json: bool,
) -> None:
    """Time peers on identical work: the same weights, data, step, minibatch and chains.

    Every peer runs in a process of its own with one thread, or two where the name of the case ends
    in -2t, on Linux all of them on the same cores; they take turns, and ratios are taken round by
    round, so that a busy machine slows all of them. The first run is not counted.
    """
    import msgspec

    from llcbench.peers.bench import chosen, measure, shortened
    from llcbench.report import tables
    from llcbench.report.peers_table import legend, speed_table, write_speed

    if readme is not None and out is None:
        raise ValueError("--readme shows what is in the file of --out: give that too")
    rows = []
    for case in chosen(cases):
        work = case if steps is None else shortened(case, steps)
        say = lambda line, name=case.name: click.echo(f"{name}: {line}", err=True)  # noqa: E731
        rows += measure(work, names or case.peers, rounds, say=say)
    if out is not None:
        write_speed(rows, Path(out))
        if readme is not None:
            from llcbench.report.pages import renew, speed_blocks

            renew(Path(readme), speed_blocks(Path(out)))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    click.echo(tables.to_text(speed_table(rows)))
    for line in legend(rows):
        click.echo(line)


@peers.command()
@click.option("--ours", required=True, metavar="STORE", help="Runs of our samplers.")
@click.option("--peers", "theirs", required=True, metavar="STORE", help="Runs of the others'.")
@click.option("--factor", type=float, default=0.5, show_default=True, help="Claimed ratio.")
@click.option(
    "--draws",
    type=click.IntRange(100, 100_000),
    default=1000,
    show_default=True,
    help="Bootstrap samples.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--readme", metavar="README.md", help="Renew the pages of results/ beside it.")
@json_option
def claim(
    ours: str,
    theirs: str,
    factor: float,
    draws: int,
    seed: int,
    readme: str | None,
    as_json: bool,
) -> None:
    """Test whether our best sampler has at most a share of the error of the best peer.

    Errors are relative to what a perfect sampler returns, root mean square over problems: of the
    mean over replicates (bias, noise removed) and of single runs (rmse). Both sides are chosen
    again in every bootstrap sample.
    """
    import msgspec

    from llcbench.peers.claim import margins

    mine, others = records_in(ours).values(), records_in(theirs).values()
    compared = margins(mine, others, factor=factor, draws=draws, seed=seed)
    if readme is not None:
        from llcbench.report.pages import peers_blocks, renew

        renew(Path(readme), peers_blocks(mine, others))
    if as_json:
        click.echo(msgspec.json.encode(compared).decode())
        return
    for margin in compared:
        click.echo(
            f"{margin.scope} ({margin.problems} problems, {margin.replicates} replicates),"
            f" {margin.metric}: ours {100 * margin.ours_value:.1f} % ({margin.ours}),"
            f" peer {100 * margin.peer_value:.1f} % ({margin.peer}),"
            f" ratio {margin.ratio:.2f} [{margin.low:.2f}, {margin.high:.2f}]:"
            f" at most {margin.factor:g} {margin.verdict}"
        )
