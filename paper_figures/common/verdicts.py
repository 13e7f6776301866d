"""From an interval to a verdict.

A claim holds if its whole 95 % interval lies where the claim says, it fails if the whole interval
lies elsewhere, and otherwise the data do not decide.
"""

from collections.abc import Sequence

from llcbench.report.figures.paper_figure import Verdict
from paper_figures.common.intervals import Interval


def decided(yes: bool, no: bool, good: Verdict = "reproduced") -> Verdict:
    """Return what two questions say; if neither is answered by yes, the data do not decide.

    Args:
        yes: Whether the interval lies wholly where the claim says.
        no: Whether it lies wholly elsewhere.
        good: What a claim is that holds, such as ``reproduced with a difference``.
    """
    return good if yes else "not reproduced" if no else "not decided"


def above(found: Interval, limit: float, good: Verdict = "reproduced") -> Verdict:
    """Decide a claim that a value is larger than a limit."""
    return decided(found.low > limit, found.high < limit, good)


def within(found: Interval, least: float, most: float) -> Verdict:
    """Decide a claim that a value lies between two limits, both counting as inside."""
    inside = least <= found.low and found.high <= most
    return decided(inside, found.high < least or found.low > most)


def each_above(found: Sequence[Interval], limit: float) -> Verdict:
    """Decide a claim that every one of several values is larger than a limit.

    One that is surely smaller refutes it.
    """
    return decided(
        all(each.low > limit for each in found), any(each.high < limit for each in found)
    )
