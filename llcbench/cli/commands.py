"""The commands; bodies import what they need, so that ``--help`` is instant."""

import json
from pathlib import Path
from typing import Any, final

import click

from llcbench.checks import printable
from llcbench.cli.compare import compare, leaderboard
from llcbench.cli.estimate import estimate
from llcbench.cli.figures import figures
from llcbench.cli.file_errors import file_error_line
from llcbench.cli.heuristics import heuristics
from llcbench.cli.options import (
    OnceCommand,
    json_option,
    load_option,
    records_in,
    store_option,
)
from llcbench.cli.peers import peers
from llcbench.cli.printing import print_scores
from llcbench.cli.refine import refine
from llcbench.cli.rehearse import rehearse
from llcbench.cli.report import report
from llcbench.cli.run import plan, run
from llcbench.cli.scaling import scaling
from llcbench.cli.theory import cite, theory
from llcbench.cli.tune import tune
from llcbench.run.failure import ExecutorLost

# Characters of a message, which may quote what was given.
LONGEST = 2000


@final
class _Commands(click.Group):
    """Commands whose exceptions reach the caller as they are.

    Click takes an ``EOFError``, which a broken pipe or a truncated file raises, for Ctrl-D at a
    prompt, and breaks the line on Ctrl-C.
    """

    command_class = OnceCommand

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise click.Abort from stop
        except EOFError as error:
            text = str(error) or "no data"
            raise OSError(f"a file or process ended too early: {text}") from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="llcbench")
def cli() -> None:
    """Measure how far estimators of the local learning coefficient are from the truth."""


@cli.command("list")
@click.argument(
    "kind",
    default="problems",
    type=click.Choice(["problems", "samplers", "estimators", "suites", "families"]),
)
@load_option
@json_option
def list_(kind: str, plugins: tuple[str, ...], as_json: bool) -> None:
    """List problems, samplers, estimators, suites or families of exact coefficients."""
    from llcbench import registry
    from llcbench.run.execute import load_plugins

    load_plugins(list(plugins))
    if kind == "families":
        from theory.families import FAMILIES

        names = sorted(FAMILIES)
    else:
        sources = {
            "problems": registry.problem_ids,
            "samplers": registry.sampler_names,
            "estimators": registry.estimator_names,
            "suites": registry.suite_names,
        }
        names = sources[kind]()
    click.echo(json.dumps(names) if as_json else "\n".join(names))


@cli.command()
@click.argument("identifier", metavar="ID")
@click.option("--nbeta", type=float, help="Inverse temperature; default n / log n.")
@click.option("--gamma", type=float, default=1.0, show_default=True, help="Localisation.")
@click.option("--proof/--no-proof", default=True, help="Print the proof steps.")
@click.option("--plot", metavar="FILE", help="Draw a two-parameter potential (.png or .svg).")
@json_option
def show(
    identifier: str, nbeta: float | None, gamma: float, proof: bool, plot: str | None, as_json: bool
) -> None:
    """Show a problem: formula, the three truths with source and proof, and why it is hard."""
    from llcbench.cli.show import describe, draw, page

    facts = describe(identifier, nbeta, gamma)
    click.echo(json.dumps(facts, indent=2) if as_json else page(facts, proof))
    if plot:
        click.echo(f"plot written to {draw(identifier, Path(plot))}", err=as_json)


@cli.command()
@store_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated output.")
@click.option("--markdown", is_flag=True, help="Markdown output.")
def score(store: tuple[str, ...], as_json: bool, as_csv: bool, markdown: bool) -> None:
    """Print how far every sampler is from each truth."""
    import msgspec

    from llcbench.report import tables
    from llcbench.report.score_table import score_table
    from llcbench.scoring import scores

    scored = scores(records_in(store).values())
    if as_json:
        click.echo(msgspec.json.encode(scored).decode())
        return
    if as_csv or markdown:
        table = score_table(scored)
        click.echo(tables.to_csv(table) if as_csv else tables.to_markdown(table))
        return
    print_scores(scored)


@cli.command()
@store_option
@click.option("--out", required=True, metavar="FILE.jsonl[.gz]", help="File of the runs.")
@click.option("--readme", metavar="README.md", help="Renew the tables of this file and results/.")
def export(store: tuple[str, ...], out: str, readme: str | None) -> None:
    """Write the runs of a store as one sorted file with its scores beside it, to be committed."""
    from llcbench.files import write as write_file
    from llcbench.report import tables
    from llcbench.report.score_table import score_table
    from llcbench.run.exports import is_export, write
    from llcbench.scoring import scores

    if not is_export(out):
        raise ValueError(f"--out {out!r} must end in .jsonl or .jsonl.gz")
    records = records_in(store)
    path = Path(out)
    write(records, path)
    # Read back: the scores beside the file are those of the file, rounding included.
    records = records_in(out)
    table = score_table(scores(records.values()))
    beside = path.with_name(path.name.partition(".jsonl")[0] + ".csv")
    write_file(beside, tables.to_csv(table))
    if readme is not None:
        from llcbench.report.pages import renew, smoke_blocks

        renew(Path(readme), smoke_blocks(records.values()))
    click.echo(f"{len(records)} runs written to {out}")


@cli.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check the installation: versions, names, speed of a step."""
    from llcbench.cli.doctor import checks

    outcomes = checks()
    if as_json:
        click.echo(json.dumps([{"check": c, "ok": ok, "detail": d} for c, ok, d in outcomes]))
    else:
        for name, passed, detail in outcomes:
            click.echo(f"{'ok  ' if passed else 'FAIL'} {name}: {detail}")
    if not all(passed for _, passed, _ in outcomes):
        raise SystemExit(1)


cli.add_command(theory)
cli.add_command(cite)
cli.add_command(compare)
cli.add_command(leaderboard)
cli.add_command(tune)
cli.add_command(estimate)
cli.add_command(refine)
cli.add_command(rehearse)
cli.add_command(run)
cli.add_command(plan)
cli.add_command(peers)
cli.add_command(scaling)
cli.add_command(report)
cli.add_command(heuristics)
cli.add_command(figures)


def run_command() -> int:
    """Run the command line of this process and return its exit code.

    Raises:
        KeyboardInterrupt: If a signal asks to stop.
    """
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        return _failed(error.format_message())
    except ExecutorLost as error:
        return _failed(str(error), 1)
    except MemoryError as error:
        return _failed(f"this needs more memory than there is: {error}")
    except RecursionError:
        return _failed("the input is nested too deeply, or too long")
    except ArithmeticError as error:
        return _failed(f"a number is out of range: {error}")
    except OSError as error:
        return _failed(file_error_line(error))
    except ValueError as error:
        return _failed(str(error))
    return 0


def _failed(message: str, code: int = 2) -> int:
    line = printable(message)
    shown = line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
    click.echo(f"llcbench: {shown}", err=True)
    return code
