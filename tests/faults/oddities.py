"""Oddities in rows of the table: estimated as without them, or refused in one line."""

import math
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from experiment import Outcome
from odd_networks import truth

# Round-off of another order of the same sums, and what rounding to bfloat16 may do to nothing else.
CLOSE = 1e-4


@dataclass(frozen=True)
class Case:
    """An oddity.

    Attributes:
        row: Row of the table.
        name: What is odd.
        run: Returns estimates with and without the oddity, or raises.
        refusal: What the message of a refusal holds; empty where there is none.
    """

    row: str
    name: str
    run: Callable[[Path], tuple[float, float]]
    refusal: str = ""


@final
class Row:
    """A row of the table, whose cases are functions of an empty folder.

    Args:
        name: Its name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: list[Case] = []

    def estimated(self, name: str) -> Callable[[Callable[[Path], Any]], None]:
        """Add a case that is estimated: it returns a value, or one and what it must be."""

        def add(run: Callable[[Path], Any]) -> None:
            def pair(folder: Path) -> tuple[float, float]:
                values = run(folder)
                return values if isinstance(values, tuple) else (values, truth())

            self.cases.append(Case(self.name, name, pair))

        return add

    def refused(self, name: str, words: str) -> Callable[[Callable[[Path], Any]], None]:
        """Add a case that is refused with some words."""

        def add(run: Callable[[Path], Any]) -> None:
            def pair(folder: Path) -> tuple[float, float]:
                run(folder)
                return math.nan, math.nan

            self.cases.append(Case(self.name, name, pair, words))

        return add


def judged(case: Case, folder: Path) -> Outcome:
    """Try a case; whatever the caller had must be as it was."""
    row = f"own networks: {case.row}"
    state = torch.get_rng_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value, wanted = case.run(folder)
    except Exception as error:
        wrong = _fault(error, case.refusal)
        return Outcome(row, bool(wrong), f"{case.name}: {wrong}" if wrong else "")
    finally:
        torch.set_rng_state(state)
    if case.refusal:
        return Outcome(row, True, f"{case.name}: was not refused")
    off = not abs(value - wanted) <= CLOSE * abs(wanted)
    return Outcome(row, off, f"{case.name}: {value} instead of {wanted}" if off else "")


def _fault(error: Exception, words: str) -> str:
    """Return what is wrong with a refusal; an empty text for a good one."""
    text = str(error)
    last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if not words or not isinstance(error, ValueError | TypeError) or "llcbench" not in last.parts:
        return f"{type(error).__name__} in {last.name}: {text.splitlines()[:1]}"
    if "\n" in text or len(text) > 500 or words not in text:
        return f"message: {text[:200]}"
    return ""
