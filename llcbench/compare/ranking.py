"""Order and ties: entries that the runs cannot tell apart share a rank."""

from itertools import combinations

import numpy as np

from llcbench.compare.metrics import Metric
from llcbench.compare.pairs import Arena, Difference

# Two entries are told apart at this level after Holm's correction for all pairs.
ALPHA = 0.1


def differences(arena: Arena, metric: Metric, names: list[str]) -> list[Difference]:
    """Return all pairs of entries in one metric, corrected for their number."""
    pairs = combinations(range(len(names)), 2)
    return arena.differences(metric, [(a, b, (names[a], names[b])) for a, b in pairs])


def told_apart(found: Difference) -> bool:
    """Return whether two entries differ on problems like these."""
    return found.scope == "problems" and found.adjusted < ALPHA


def ranked(names: list[str], losses: list[float], found: list[Difference]) -> dict[str, int | None]:
    """Return ranks, best entry first; entries that tie share one, those without a figure have none.

    The order is that of wins less losses per opponent, pair by pair on the problems that both
    tried, so that nobody gains from supporting easy problems only; with equal problems it is the
    order of the metric. The best entry opens a group; whoever follows joins it unless told apart
    from somebody in it, and then opens the next group, whose rank is one more than the number of
    entries before it. So nobody in a group is told apart from anybody else in it.

    Args:
        names: Entries.
        losses: Their losses, each on all its own problems; they decide between equals.
        found: Differences of all pairs.
    """
    points = dict.fromkeys(names, 0.0)
    met = dict.fromkeys(names, 0)
    apart = set()
    for pair in found:
        if pair.value is None:
            continue
        points[pair.first] -= np.sign(pair.value)
        points[pair.second] += np.sign(pair.value)
        for name in (pair.first, pair.second):
            met[name] += 1
        if told_apart(pair):
            apart |= {(pair.first, pair.second), (pair.second, pair.first)}
    own = dict(zip(names, losses, strict=True))

    def standing(name: str) -> tuple[float, float, str]:
        return -points[name] / max(met[name], 1), own[name], name

    ranks: dict[str, int | None] = {}
    group: list[str] = []
    rank = 1
    measured = [name for name in names if not np.isnan(own[name])]
    for place, name in enumerate(sorted(measured, key=standing), start=1):
        if any((other, name) in apart for other in group):
            group, rank = [], place
        group.append(name)
        ranks[name] = rank
    return ranks | {name: None for name in sorted(names) if name not in ranks}
