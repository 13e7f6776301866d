"""Performance profiles: how often an entry is nearly the best one."""

from collections.abc import Sequence

import msgspec
import numpy as np

from llcbench.compare.runs import Array, Runs
from llcbench.compare.statistics import case_squares, mean

# Relative errors below 1 % count as equal: without that, luck in single runs would decide who
# is best, and by what factor.
FLOOR = 0.01


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The profile of an entry, a step function.

    Attributes:
        entry: Its name.
        problems: Problems that it tried and at least one other entry too.
        asked: Problems that two entries or more tried.
        ratios: Where the function steps up, in ascending order.
        shares: Its values from there on.
    """

    entry: str
    problems: int
    asked: int
    ratios: tuple[float, ...]
    shares: tuple[float, ...]

    def at(self, ratio: float) -> float:
        """Return the share of problems on which the entry is within a factor of the best."""
        place = int(np.searchsorted(self.ratios, ratio, side="right"))
        return self.shares[place - 1] if place else 0.0


def profiles(names: Sequence[str], runs: Sequence[Runs]) -> list[Profile]:
    """Return the performance profiles of entries on the same cases.

    ``rho(tau) = mean over problems of (1 - f) [e <= tau min e]``, with ``e`` the root mean squared
    relative error of the runs with an estimate, at least 1 %, the minimum over all entries, and
    ``f`` the share of failed runs: those are infinitely wrong. The mean is over the problems that
    the entry tried and at least one other one too.

    Source: Dolan and More 2002.
    """
    errors = np.array([np.sqrt(case_squares(_finished(r))) for r in runs])
    errors = np.maximum(errors, FLOOR)
    failed = np.array([mean(r.failed) for r in runs])
    tried = ~np.isnan(failed)
    shared = tried.sum(0) >= 2
    best = np.where(np.isnan(errors), np.inf, errors).min(0, initial=np.inf)
    curves = []
    for place, name in enumerate(names):
        used = tried[place] & shared
        count = int(used.sum())
        alive = used & ~np.isnan(errors[place])
        ratio = errors[place][alive] / best[alive]
        weight = (1 - failed[place][alive]) / max(count, 1)
        steps = np.unique(ratio)
        shares = [float(weight[ratio <= step].sum()) for step in steps]
        curves.append(Profile(
            entry=name, problems=count, asked=int(shared.sum()), ratios=tuple(map(float, steps)),
            shares=tuple(shares),
        ))  # fmt: skip
    return curves


def _finished(runs: Runs) -> Runs:
    """Return the runs with those that failed taken out."""
    blank: Array = np.where(runs.failed == 1, np.nan, runs.failed)
    return runs._replace(failed=blank)
