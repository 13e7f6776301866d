"""Faults provoked many times and rates measured: trials, kept in pieces, that make one table.

A trial is a function of its number and an empty folder. Its outcomes are appended to
the folder ``build/trust`` as they come, so that a stopped measurement goes on where it was; their
counts are in ``results/trust/v1``.
"""

import csv
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tqdm import tqdm

from llcbench import files

COLUMNS = ("row", "trials", "hits", "note")


class Outcome(NamedTuple):
    """What one trial says about one row of the table.

    Attributes:
        row: The row.
        hit: For an attack, whether it was mishandled; for a rate, whether the event occurred.
        note: What went wrong, in one line; shown for mishandled attacks.
    """

    row: str
    hit: bool
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """Trials of one kind.

    Attributes:
        name: Name of its files.
        kind: An attack must never be mishandled; a rate is reported.
        trials: Number of trials of the committed result.
        run: One trial, of its number and an empty folder.
        quick: Number of trials in the test suite.
    """

    name: str
    kind: Literal["attack", "rate"]
    trials: int
    run: Callable[[int, Path], list[Outcome]]
    quick: int = 0


def attempt(experiment: Experiment, index: int) -> list[Outcome]:
    """Return the outcomes of one trial; an attack that raises is mishandled."""
    with tempfile.TemporaryDirectory(prefix="trust-", ignore_cleanup_errors=True) as folder:
        try:
            return experiment.run(index, Path(folder))
        except Exception as error:
            if experiment.kind == "rate":
                raise
            return [Outcome(experiment.name, True, f"{type(error).__name__}: {error}"[:300])]


def measure(experiment: Experiment, folder: Path, minutes: float | None = None) -> bool:
    """Make the missing trials; return whether all are there.

    Args:
        experiment: What to try.
        folder: Holds the outcomes so far and takes the new ones.
        minutes: Stop after the trial that passes this time.
    """
    path = folder / f"{experiment.name}.jsonl"
    done = {index for index, _ in kept(path)}
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    missing = [index for index in range(experiment.trials) if index not in done]
    with path.open("a") as handle:
        for index in tqdm(missing, desc=experiment.name, unit="trial"):
            # A line that a kill has cut short is ended first.
            handle.write("\n" + json.dumps([index, *attempt(experiment, index)]))
            handle.flush()
            if minutes is not None and time.monotonic() - start > 60 * minutes:
                break
    return len({index for index, _ in kept(path)}) >= experiment.trials


def kept(path: Path) -> Iterator[tuple[int, list[Outcome]]]:
    """Yield the trials of a file; a last line cut by a kill is none."""
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            index, *outcomes = json.loads(line)
        except ValueError:
            continue
        yield index, [Outcome(*outcome) for outcome in outcomes]


def summarise(trials: Iterator[tuple[int, list[Outcome]]], path: Path) -> None:
    """Write the counts of each row, with the first note of a hit."""
    counts: dict[str, list[int]] = {}
    notes: dict[str, str] = {}
    for _, outcomes in trials:
        for row, hit, note in outcomes:
            count = counts.setdefault(row, [0, 0])
            count[0] += 1
            count[1] += hit
            if hit:
                notes.setdefault(row, note)
    with files.replacing(path) as temporary, temporary.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([row, *counts[row], notes.get(row, "")] for row in counts)
