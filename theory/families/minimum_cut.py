"""Minimum cuts on a few dozen nodes with exact integers, and the lattice of all minimum cuts.

The cuts of the chain program have at most as many nodes as the network has layers, so a plain
blocking-flow algorithm on dictionaries of integers is fast enough and never overflows. The set-up
of a general graph library costs five times as much as the whole computation at this size.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class CutLattice:
    """The minimising sets of one cut problem.

    Attributes:
        value: the least value of the function.
        least: the smallest minimising set (the intersection of all).
        greatest: the largest minimising set (the union of all).
        height: how many sets a longest strictly growing sequence of minimising sets has, less one.
    """

    value: int
    least: frozenset[int]
    greatest: frozenset[int]
    height: int


def minimise_set_function(
    weights: Sequence[int],
    separation: Mapping[tuple[int, int], int],
    implications: Iterable[tuple[int, int]],
    excluded: Iterable[int],
) -> CutLattice:
    """Minimise ``sum_{i in S} u_i + sum p_ij [i in S, j not in S]`` over admissible sets S.

    Admissible: ``i in S`` implies ``j in S`` for every implication (i, j), and no excluded element
    is in S. The empty set is admissible, so the value is at most 0.

    Args:
        weights: ``u_i`` for the elements ``0 .. n-1``.
        separation: ``p_ij >= 0`` for ordered pairs.
        implications: ordered pairs.
        excluded: elements that must stay outside.

    Returns:
        The value and the lattice of all minimising sets.

    Source: maximum flow and minimum cut; the minimum cuts are the sets that are closed in the
    residual graph, so strong components count the steps of a longest sequence.
    """
    n = len(weights)
    source, sink = n, n + 1
    residual: list[dict[int, int]] = [{} for _ in range(n + 2)]
    gain = sum(-u for u in weights if u < 0)
    # More than any finite cut needs, so an arc of this capacity is never part of a minimum.
    infinite = gain + sum(separation.values()) + 1

    def add(i: int, j: int, capacity: int) -> None:
        residual[i][j] = residual[i].get(j, 0) + capacity
        residual[j].setdefault(i, 0)

    for i, weight in enumerate(weights):
        if weight < 0:
            add(source, i, -weight)
        elif weight > 0:
            add(i, sink, weight)
    for (i, j), penalty in separation.items():
        add(i, j, penalty)
    for i, j in implications:
        add(i, j, infinite)
    for i in excluded:
        add(i, sink, infinite)
    flow = _saturate(residual, source, sink)

    forward = [frozenset(j for j, c in arcs.items() if c > 0) for arcs in residual]
    backward = [frozenset(i for i in range(n + 2) if j in forward[i]) for j in range(n + 2)]
    inside = _reachable(forward, source)
    outside = _reachable(backward, sink)
    free = [i for i in range(n) if i not in inside and i not in outside]
    components = {_reachable(forward, i) & _reachable(backward, i) for i in free}
    return CutLattice(
        value=flow - gain,
        least=frozenset(i for i in range(n) if i in inside),
        greatest=frozenset(i for i in range(n) if i not in outside),
        height=len(components),
    )


def _saturate(residual: list[dict[int, int]], source: int, sink: int) -> int:
    """Send a maximum flow through the residual graph, in place, and return its amount (Dinic)."""
    total = 0
    level = _levels(residual, source)
    while sink in level:
        untried = [deque(arcs) for arcs in residual]
        total += _push(residual, level, untried, source, sink, sum(residual[source].values()))
        level = _levels(residual, source)
    return total


def _push(
    residual: list[dict[int, int]],
    level: Mapping[int, int],
    untried: list[deque[int]],
    node: int,
    sink: int,
    amount: int,
) -> int:
    """Send up to ``amount`` from a node along arcs that climb one level; return what arrived."""
    if node == sink:
        return amount
    sent = 0
    while untried[node]:
        target = untried[node][0]
        capacity = min(residual[node][target], amount - sent)
        if capacity > 0 and level.get(target) == level[node] + 1:
            arrived = _push(residual, level, untried, target, sink, capacity)
            residual[node][target] -= arrived
            residual[target][node] += arrived
            sent += arrived
            if sent == amount:
                break
        # The arc is saturated or its end is blocked: it carries nothing more in this phase.
        untried[node].popleft()
    return sent


def _levels(residual: list[dict[int, int]], source: int) -> dict[int, int]:
    """Return the number of arcs from the source to every node that it still reaches."""
    level = {source: 0}
    queue = deque([source])
    while queue:
        i = queue.popleft()
        for j, capacity in residual[i].items():
            if capacity > 0 and j not in level:
                level[j] = level[i] + 1
                queue.append(j)
    return level


def _reachable(arcs: Sequence[frozenset[int]], start: int) -> frozenset[int]:
    """Return the nodes that can be reached from ``start``, itself included."""
    seen = {start}
    stack = [start]
    while stack:
        for j in arcs[stack.pop()] - seen:
            seen.add(j)
            stack.append(j)
    return frozenset(seen)
