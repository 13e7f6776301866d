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


def above(interval: Interval, limit: float, good: Verdict = "reproduced") -> Verdict:
    """Decide a claim that a value is larger than a limit."""
    return decided(interval.low > limit, interval.high < limit, good)


def within(interval: Interval, least: float, most: float) -> Verdict:
    """Decide a claim that a value lies between two limits, both counting as inside."""
    inside = least <= interval.low and interval.high <= most
    return decided(inside, interval.high < least or interval.low > most)


def each_above(intervals: Sequence[Interval], limit: float) -> Verdict:
    """Decide a claim that every one of several values is larger than a limit.

    One that is surely smaller refutes it.
    """
    return decided(
        all(each.low > limit for each in intervals), any(each.high < limit for each in intervals)
    )
