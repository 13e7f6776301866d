"""The section of ``results/trust.md`` on mutations, from the committed outcomes."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from mutate import RESULT

HEAD = """
## Mutations

Small changes of meaning in the modules that decide a number or a verdict, one at a time,
each in a copy of the tree against the tests that mirror the module (`make mutants`). Killed:
at least one of them fails.

| area | mutations | killed | share |
|---|---:|---:|---:|
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
    """Return counts per area and every mutation that was not killed, with its reason."""
    rows = list(rows)
    text = HEAD
    for area in [*sorted({row["area"] for row in rows}), ""]:
        own = [row for row in rows if area in ("", row["area"])]
        killed = sum(row["outcome"] == "killed" for row in own)
        share = f"{killed / len(own):.1%}" if own else "-"
        text += f"| {area or 'all'} | {len(own)} | {killed} | {share} |\n"
    left = [row for row in rows if row["outcome"] != "killed"]
    if left:
        text += SURVIVORS
    for row in left:
        why = row["reason"] or (row["outcome"] if row["outcome"] != "survived" else "no reason yet")
        text += f"| `{row['file']}` | {_cell(row['meaning'])} | {_cell(why)} |\n"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
