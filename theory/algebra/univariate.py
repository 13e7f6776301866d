"""Real roots of polynomials in one variable and resultants, exactly."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from sympy import Poly as _SymPoly

from theory.algebra.ring import Poly, coefficient_list, degree_in
from theory.meter import WorkLimit

# Its constructor has no types.
SymPoly: Any = _SymPoly
MAX_DEGREE = 120
MAX_SYLVESTER = 16


def _univariate(p: Poly, index: int) -> Any:
    if degree_in(p, index) > MAX_DEGREE:
        raise WorkLimit("roots")
    ring = p.ring
    coefficients = [part.LC if part else ring.domain.zero for part in coefficient_list(p, index)]
    return SymPoly.from_list(coefficients[::-1], ring.symbols[index], domain=ring.domain)


def root_count(p: Poly, index: int) -> int:
    """Return the number of distinct real roots of a polynomial in one variable."""
    return int(_univariate(p, index).count_roots())


def real_roots_between(p: Poly, index: int) -> list[Fraction]:
    """Return one rational point in every interval between neighbouring real roots."""
    if p.is_ground:
        return [Fraction(0)]
    intervals = _isolated(p, index)
    if not intervals:
        return [Fraction(0)]
    points = [intervals[0][0] - 1]
    for (_, b), (c, _) in pairwise(intervals):
        points.append((b + c) / 2)
    points.append(intervals[-1][1] + 1)
    return points


def _isolated(p: Poly, index: int) -> list[tuple[Fraction, Fraction]]:
    """Return disjoint intervals with rational ends that are no roots, or exact roots."""
    square_free = _univariate(p, index).sqf_part()
    step = Fraction(1, 64)
    while True:
        intervals = [
            (Fraction(int(a.p), int(a.q)), Fraction(int(b.p), int(b.q)))
            for (a, b), _ in square_free.intervals(eps=step)
        ]
        if all(a[1] < b[0] for a, b in pairwise(intervals)):
            return intervals
        step /= 64


def resultant(p: Poly, q: Poly, index: int) -> Poly:
    """Return the resultant in one variable as a polynomial in the others of the same ring.

    Raises:
        WorkLimit: If the degrees are too large.
    """
    a, b = coefficient_list(p, index)[::-1], coefficient_list(q, index)[::-1]
    m, n = len(a) - 1, len(b) - 1
    if m + n > MAX_SYLVESTER * 2:
        raise WorkLimit("resultant")
    ring = p.ring
    rows = [[ring.zero] * i + a + [ring.zero] * (n - 1 - i) for i in range(n)]
    rows += [[ring.zero] * i + b + [ring.zero] * (m - 1 - i) for i in range(m)]
    return determinant(rows, ring)


def determinant(rows: list[list[Poly]], ring: Any) -> Poly:
    """Return a determinant by elimination without fractions (Bareiss)."""
    table = [list(row) for row in rows]
    size, sign, previous = len(table), 1, ring.one
    for k in range(size - 1):
        pivot = next((i for i in range(k, size) if table[i][k]), None)
        if pivot is None:
            return ring.zero
        if pivot != k:
            table[k], table[pivot] = table[pivot], table[k]
            sign = -sign
        for i in range(k + 1, size):
            for j in range(k + 1, size):
                value = table[i][j] * table[k][k] - table[i][k] * table[k][j]
                table[i][j] = value.quo(previous) if value else value
                if len(table[i][j]) > 3000:
                    raise WorkLimit("determinant")
        previous = table[k][k]
    result = table[-1][-1] if size else ring.one
    return -result if sign < 0 else result
