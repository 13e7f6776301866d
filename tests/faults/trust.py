"""Attacks and rates: ``python tests/faults/trust.py [NAME ...] [--minutes M] [--again]``.

Makes the missing trials of the named experiments, all by default, one after the other, then their
counts in ``results/trust/v1`` and the page ``results/trust.md``.
"""

import argparse
import csv
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / "build" / "trust"
COUNTS = ROOT / "results" / "trust" / "v1"
PAGE = ROOT / "results" / "trust.md"

if __name__ == "__main__":
    # As tests/conftest.py does for tests.
    sys.path += sorted({str(path.parent) for path in (ROOT / "tests").rglob("*.py")})

import platforms  # noqa: E402
import table  # noqa: E402
from experiment import Experiment, kept, measure, summarise  # noqa: E402

from llcbench import files  # noqa: E402
from llcbench.intervals import clopper_pearson  # noqa: E402

INTRODUCTION = """# Trust

What was tried to make the product silently wrong, lose something, or write where it should not; and
how often its error bars cover and its gates ring. `make trust` makes this page, for an hour and
more, resumable; `tests/faults` repeats a part of each attack in the tests.
"""
ATTACKS = """
## Attacks

A trial is mishandled if anything but the right result or one clear line comes out. The last column
is the largest share of mishandled trials that is compatible with the count, at 95 %.

| attack | trials | mishandled | share at most |
|---|---:|---:|---:|
"""
RATES = """
## Rates

In brackets the exact binomial interval at 95 %.

| event | trials | rate |
|---|---:|---|
"""


def experiments() -> list[Experiment]:
    """Return all experiments beside this file."""
    modules = [*sorted(HERE.glob("attacks_*.py")), *sorted(HERE.glob("rates_*.py"))]
    return [e for path in modules for e in importlib.import_module(path.stem).EXPERIMENTS]


def page() -> str:
    """Return the page of all committed counts."""
    attacks, rates = ATTACKS, RATES
    for experiment in experiments():
        for row, trials, hits, note in _counts(experiment.name):
            low, high = clopper_pearson(hits, trials)
            if experiment.kind == "rate":
                rates += f"| {row} | {trials} | {hits / trials:.4g} [{low:.4g}, {high:.4g}] |\n"
            else:
                said = f"{hits}: {note}" if hits else "0"
                attacks += f"| {row} | {trials} | {said} | {high:.2g} |\n"
    return INTRODUCTION + attacks + rates + table.section() + platforms.section()


def _counts(name: str) -> Iterator[tuple[str, int, int, str]]:
    path = COUNTS / f"{name}.csv"
    if path.exists():
        with path.open(newline="") as handle:
            for line in csv.DictReader(handle):
                yield line["row"], int(line["trials"]), int(line["hits"]), line["note"]


def main() -> None:
    known = {experiment.name: experiment for experiment in experiments()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--minutes", type=float, help="stop each experiment after this time")
    parser.add_argument("--again", action="store_true", help="forget earlier trials")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no experiment {sorted(unknown)}; there are {', '.join(known)}")
    for name in options.names or known:
        if options.again:
            (KEPT / f"{name}.jsonl").unlink(missing_ok=True)
        if measure(known[name], KEPT, options.minutes):
            summarise(kept(KEPT / f"{name}.jsonl"), COUNTS / f"{name}.csv")
    files.write(PAGE, page())


if __name__ == "__main__":
    main()
