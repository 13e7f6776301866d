"""The section of ``results/trust.md`` on mutations, from the committed outcomes."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from mutate import RESULT

HEAD = """
## Mutations

Small changes of meaning in the modules that decide a number or a verdict, one at a time,
each in a copy of the tree against the tests that mirror the module (`make mutants`). Killed:
at least one of them fails. Not tried: source or tests have changed since.

| area | mutations | not tried | killed | survived | share killed |
|---|---:|---:|---:|---:|---:|
"""
SURVIVORS = """
Survivors:

| file | mutation | why |
|---|---|---|
"""


def section(path: Path = RESULT) -> str:
    """Return the section; empty if nothing has been tried."""
    return rendered(csv.DictReader(path.read_text().splitlines())) if path.exists() else ""


def rendered(rows: Iterable[Mapping[str, str]]) -> str:
    """Return counts per area and every mutation that survived, with its reason."""
    rows = list(rows)
    text = HEAD
    for area in [*sorted({row["area"] for row in rows}), ""]:
        outcomes = [row["outcome"] for row in rows if area in ("", row["area"])]
        killed, survived = outcomes.count("killed"), outcomes.count("survived")
        share = f"{killed / (killed + survived):.1%}" if killed + survived else "-"
        numbers = (len(outcomes), len(outcomes) - killed - survived, killed, survived, share)
        text += f"| {area or 'all'} | {' | '.join(map(str, numbers))} |\n"
    left = [row for row in rows if row["outcome"] == "survived"]
    text += SURVIVORS if left else ""
    for row in left:
        why = row["reason"] or "no reason yet: a test is missing"
        text += f"| `{row['file']}` | {_cell(row['meaning'])} | {_cell(why)} |\n"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
