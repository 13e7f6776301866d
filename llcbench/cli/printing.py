"""Tables on the terminal, as wide as it is."""

import shutil
import sys
from collections.abc import Iterable
from typing import Any

import click

# Columns of a table that is not printed to a terminal.
WIDTH = 180


def width() -> int:
    """Return how many characters a line of the output has."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH


def print_scores(scored: Iterable[Any]) -> None:
    """Print scores against the three truths, with what the chains measured of themselves."""
    from llcbench.report import tables
    from llcbench.report.score_table import score_table

    click.echo(tables.to_text(score_table(list(scored)), width()))
