"""Exact linear algebra over the rationals: ranks, kernels, convex combinations."""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm


def convex_weights(points: Sequence[Sequence[int]], target: Sequence[Fraction]) -> list[Fraction]:
    """Return ``mu >= 0``, sum 1, with ``sum mu_j p_j <= target`` in every coordinate.

    Phase one of the simplex method in Fractions with Bland's rule, which cannot cycle.

    Raises:
        ValueError: If there is no such combination.
    """
    n, size = len(target), len(points)
    # Rows: sum mu p + slack = target (target >= 0), sum mu = 1; artificial variable in the last.
    rows = [
        [Fraction(p[i]) for p in points]
        + [Fraction(int(i == j)) for j in range(n)]
        + [Fraction(target[i])]
        for i in range(n)
    ]
    last = [Fraction(1)] * size + [Fraction(0)] * n + [Fraction(1)]
    basis = [size + i for i in range(n)] + [-1]
    table = [*rows, last]
    while basis[-1] == -1:
        column = next((j for j in range(size + n) if table[-1][j] > 0), None)
        if column is None:
            raise ValueError("the target lies outside the polyhedron")
        ratios = [
            (table[i][-1] / table[i][column], basis[i], i)
            for i in range(n + 1)
            if table[i][column] > 0
        ]
        row = min(ratios)[2]
        _pivot(table, row, column)
        basis[row] = column
        if table[-1][-1] == 0 and basis[-1] == -1:
            break
    if basis[-1] == -1 and table[-1][-1] != 0:
        raise ValueError("the target lies outside the polyhedron")
    weights = [Fraction(0)] * size
    for row, column in enumerate(basis):
        if 0 <= column < size:
            weights[column] = table[row][-1]
    return weights


def _pivot(table: list[list[Fraction]], row: int, column: int) -> None:
    scale = table[row][column]
    table[row] = [value / scale for value in table[row]]
    for i, other in enumerate(table):
        if i != row and other[column]:
            factor = other[column]
            table[i] = [a - factor * b for a, b in zip(other, table[row], strict=True)]


def rank(vectors: Sequence[Sequence[int | Fraction]]) -> int:
    """Return the rank of some rational vectors."""
    rows = [[Fraction(x) for x in v] for v in vectors]
    done = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(done, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        for i in range(done + 1, len(rows)):
            if rows[i][column]:
                factor = rows[i][column] / rows[done][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[done], strict=True)]
        done += 1
    return done


def kernel(rows: Sequence[Sequence[Fraction]], size: int) -> list[tuple[int, ...]]:
    """Return a basis of the kernel with coprime integers."""
    table = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(size):
        done = len(pivots)
        pivot = next((i for i in range(done, len(table)) if table[i][column]), None)
        if pivot is None:
            continue
        table[done], table[pivot] = table[pivot], table[done]
        head = table[done][column]
        table[done] = [x / head for x in table[done]]
        for i, row in enumerate(table):
            if i != done and row[column]:
                factor = row[column]
                table[i] = [a - factor * b for a, b in zip(row, table[done], strict=True)]
        pivots.append(column)
    found = []
    for free in (c for c in range(size) if c not in pivots):
        vector = [Fraction(0)] * size
        vector[free] = Fraction(1)
        for row, column in zip(table, pivots, strict=False):
            vector[column] = -row[free]
        scale = lcm(*(x.denominator for x in vector))
        whole = [int(x * scale) for x in vector]
        divisor = gcd(*whole)
        found.append(tuple(x // divisor for x in whole))
    return found
