"""Solves the hard germs of ``hard_germs.toml`` and writes what came out.

``python -m tests.benchmarks.hard_germs`` writes ``results/theory/v1/hard_germs.csv``; names of
groups as arguments restrict it to these and write nothing. Every germ of the list is in the table,
whether it was solved or not.
"""

import csv
import statistics
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

from theory import RLCT, SumOfSquares, rlct

LIST: Final = Path(__file__).with_name("hard_germs.toml")
TABLE: Final = Path(__file__).parents[2] / "results" / "theory" / "v1" / "hard_germs.csv"
COLUMNS: Final = (
    "germ", "at", "value", "multiplicity", "lower", "upper", "exact", "seconds", "method",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A germ of the list.

    Attributes:
        K: Text, or the generators of a sum of squares.
        at: The point; variables that are missing are 0.
        absolute: Take ``|K|``.
        known: Value and multiplicity by a theorem or by construction, None if there is neither.
    """

    K: str | tuple[str, ...]
    at: dict[str, int | str]
    absolute: bool
    known: tuple[Fraction, int] | None

    @property
    def text(self) -> str:
        """Return K as one line."""
        if isinstance(self.K, str):
            return self.K
        return " + ".join(f"({g})^2" for g in self.K)

    @property
    def place(self) -> str:
        """Return the point as one line, empty for the origin."""
        return ", ".join(f"{name}={value}" for name, value in self.at.items())


class Outcome(NamedTuple):
    """What the solver said of a case, and after how many seconds."""

    case: Case
    coefficient: RLCT
    seconds: float


class Summary(NamedTuple):
    """How many germs there are, how many have an exact answer, and the times in seconds."""

    germs: int
    exact: int
    median: float
    tail: float


def cases(groups: Sequence[str] = ()) -> list[Case]:
    """Return the germs of some groups of the list, by default of all.

    Raises:
        ValueError: If there is no such group.
    """
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))
    for group in groups:
        if group not in listed:
            raise ValueError(f"no group {group!r}; there are {', '.join(listed)}")
    return [_case(entry) for group in groups or listed for entry in listed[group]]


def _case(entry: dict[str, Any]) -> Case:
    known = entry.get("known")
    return Case(
        entry["K"] if "K" in entry else tuple(entry["squares"]),
        entry.get("at", {}),
        entry.get("absolute", False),
        known and (Fraction(known[0]), known[1]),
    )


def solve(case: Case) -> Outcome:
    """Solve one case with the default settings."""
    start = time.perf_counter()
    K = case.K if isinstance(case.K, str) else SumOfSquares(case.K)
    found = rlct(K, at=case.at, absolute=case.absolute)
    return Outcome(case, found, time.perf_counter() - start)


def summary(outcomes: Sequence[Outcome]) -> Summary:
    """Return the share of exact answers, the median time and its 95 % quantile."""
    seconds = [outcome.seconds for outcome in outcomes]
    return Summary(
        len(outcomes),
        sum(outcome.coefficient.exact for outcome in outcomes),
        statistics.median(seconds),
        statistics.quantiles(seconds, n=20, method="inclusive")[-1],
    )


def row(outcome: Outcome) -> tuple[str, ...]:
    """Return the line of the table for one case."""
    result = outcome.coefficient
    return (
        outcome.case.text,
        outcome.case.place,
        str(result.value) if result.exact else "",
        "" if result.multiplicity is None else str(result.multiplicity),
        str(result.lower),
        str(result.upper),
        str(result.exact).lower(),
        f"{outcome.seconds:.3g}",
        result.method,
    )


def write(outcomes: Sequence[Outcome], path: Path = TABLE) -> None:
    """Write the table, one line a germ in the order of the list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(row, outcomes))


def main(groups: Sequence[str]) -> None:
    """Solve the list, print what has no exact answer, and write the table if all was solved."""
    outcomes = []
    for case in cases(groups):
        outcomes.append(solve(case))
        result = outcomes[-1].coefficient
        if not result.exact:
            print(f"[{result.lower}, {result.upper}]  {case.text[:90]}  {case.place}", flush=True)
    total = summary(outcomes)
    print(
        f"{total.exact} of {total.germs} exact, median {total.median:.3f} s, "
        f"95 % {total.tail:.2f} s"
    )
    if not groups:
        write(outcomes)


if __name__ == "__main__":
    main(sys.argv[1:])
