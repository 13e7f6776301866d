"""Leaf-labelled trees with a path of inner nodes, and the edges between two leaves."""

from itertools import combinations


def nodes(leaves: int, inner: int) -> list[int]:
    """Return the inner node that each leaf hangs on; inner nodes are ``0 .. inner`` on a path.

    The ends of the path carry at least two leaves and every other node one, so that no inner node
    has degree two; spare leaves hang on node 0. Without inner edges the tree is a star.

    Raises:
        ValueError: If there are too few leaves for the inner edges.
    """
    if leaves < 1 or inner < 0 or (inner and leaves < inner + 3):
        raise ValueError(f"{inner} inner edges need at least {inner + 3} leaves, got {leaves}")
    if inner == 0:
        return [0] * leaves
    rest = [*range(1, inner), inner, inner]
    return [0] * (leaves - len(rest)) + rest


def paths(leaves: int, inner: int) -> list[tuple[int, ...]]:
    """Return the edges between every two leaves ``i < j``, in the order of ``combinations``.

    Edge ``i < leaves`` belongs to leaf i and edge ``leaves + k`` joins inner nodes k and k + 1.
    """
    homes = nodes(leaves, inner)
    return [
        (i, j, *range(leaves + homes[i], leaves + homes[j]))
        for i, j in combinations(range(leaves), 2)
    ]
