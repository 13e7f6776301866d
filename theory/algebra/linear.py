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
    # Each is a positive multiple with integer entries, which no sign and no ratio below sees.
    goal = [Fraction(t) for t in target]
    table = [
        [p[i] * t.denominator for p in points]
        + [t.denominator * int(i == j) for j in range(n)]
        + [t.numerator]
        for i, t in enumerate(goal)
    ]
    table.append([1] * size + [0] * n + [1])
    basis = [size + i for i in range(n)] + [-1]
    while basis[-1] == -1:
        column = next((j for j in range(size + n) if table[-1][j] > 0), None)
        if column is None:
            raise ValueError("the target lies outside the polyhedron")
        ratios = [
            (Fraction(table[i][-1], table[i][column]), basis[i], i)
            for i in range(n + 1)
            if table[i][column] > 0
        ]
        row = min(ratios)[2]
        _clear(table, row, column)
        basis[row] = column
        if table[-1][-1] == 0 and basis[-1] == -1:
            break
    if basis[-1] == -1 and table[-1][-1] != 0:
        raise ValueError("the target lies outside the polyhedron")
    weights = [Fraction(0)] * size
    for row, column in enumerate(basis):
        if 0 <= column < size:
            weights[column] = Fraction(table[row][-1], table[row][column])
    return weights


def _clear(table: list[list[int]], row: int, column: int) -> None:
    """Make a column zero outside one row; every other row is multiplied by a positive number."""
    head = table[row]
    pivot = head[column]
    for i, other in enumerate(table):
        entry = other[column]
        if i != row and entry:
            up, down = (pivot, entry) if pivot > 0 else (-pivot, -entry)
            table[i] = _coprime([up * a - down * b for a, b in zip(other, head, strict=True)])


def _coprime(row: list[int]) -> list[int]:
    divisor = gcd(*row)
    return [x // divisor for x in row] if divisor > 1 else row


def _whole(row: Sequence[int | Fraction]) -> list[int]:
    """Return a positive multiple with integer entries."""
    if all(type(x) is int for x in row):
        return [int(x) for x in row]
    scale = lcm(*(x.denominator for x in row))
    return [x.numerator * (scale // x.denominator) for x in row]


def rank(vectors: Sequence[Sequence[int | Fraction]]) -> int:
    """Return the rank of some rational vectors."""
    return len(_echelon([_whole(v) for v in vectors], len(vectors[0]) if vectors else 0))


def _echelon(table: list[list[int]], size: int) -> list[int]:
    """Clear column after column in place; return the columns of the pivots, which rows are in."""
    pivots: list[int] = []
    for column in range(size):
        done = len(pivots)
        pivot = next((i for i in range(done, len(table)) if table[i][column]), None)
        if pivot is None:
            continue
        table[done], table[pivot] = table[pivot], table[done]
        _clear(table, done, column)
        pivots.append(column)
    return pivots


def kernel(rows: Sequence[Sequence[int | Fraction]], size: int) -> list[tuple[int, ...]]:
    """Return a basis of the kernel with coprime integers."""
    table = list({tuple(row): None for row in map(_whole, rows) if any(row)})
    reduced = [list(row) for row in table]
    pivots = _echelon(reduced, size)
    vectors = []
    for free in (c for c in range(size) if c not in pivots):
        heads = [row[column] for row, column in zip(reduced, pivots, strict=False)]
        scale = lcm(*heads) if heads else 1
        whole = [0] * size
        whole[free] = scale
        for row, column, head in zip(reduced, pivots, heads, strict=False):
            whole[column] = -row[free] * (scale // head)
        vectors.append(tuple(_coprime(whole)))
    return vectors
