"""Zero rules for one equation: a change of sign, a definite quadratic, a plane curve."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from theory.algebra.factoring import factors
from theory.algebra.ring import Poly, coefficient_list, degree, evaluate, text, used
from theory.algebra.univariate import real_roots_between, resultant, root_count
from theory.meter import charge
from theory.solver.zeros.problem import UNKNOWN, ZeroProblem, ZeroStatus, witness

GRID = tuple(Fraction(a, b) for a, b in ((1, 1), (3, 1), (1, 3), (12, 1), (1, 12)))


def sign_change(problem: ZeroProblem) -> ZeroStatus | None:
    """An irreducible polynomial that changes sign inside one cell has zeros off the others.

    Its zero set separates a cell there, so it is no subset of a hypersurface that it does not
    share a factor with.
    """
    (p,) = problem.system
    irreducible = factors(p)
    if len(irreducible) != 1 or not irreducible[0][2] or irreducible[0][1] != 1:
        return None
    variables = sorted(used(p))
    if len(variables) > 5:
        return None
    positive, negative = _opposite(p, variables)
    if positive is None or negative is None:
        return None
    return ZeroStatus(
        "nonempty",
        witness(
            "sign change",
            equation=text(p),
            variables=[str(p.ring.symbols[i]) for i in variables],
            positive=[str(x) for x in positive],
            negative=[str(x) for x in negative],
        ),
    )


def _opposite(
    p: Poly, variables: Sequence[int]
) -> tuple[list[Fraction] | None, list[Fraction] | None]:
    """Return points of one orthant at which the polynomial has opposite signs, if any are seen.

    Floating point only proposes the points; their signs are then computed exactly.
    """
    charge(20)
    sizes = list(product(GRID[: 3 if len(variables) > 3 else 5], repeat=len(variables)))
    exponents = np.array([[e[i] for i in variables] for e in p.keys()], dtype=float)
    coefficients = np.array([float(c) for c in p.values()])
    points = np.array([[float(x) for x in row] for row in sizes])
    monomials = np.exp(np.log(points) @ exponents.T)
    for signs in product((1, -1), repeat=len(variables)):
        flips = np.prod(np.where(exponents % 2 == 1, np.array(signs), 1), axis=1)
        values = monomials @ (coefficients * flips)
        scale = monomials @ np.abs(coefficients)
        high, low = int(np.argmax(values / scale)), int(np.argmin(values / scale))
        ends = [[s * x for s, x in zip(signs, sizes[k], strict=True)] for k in (high, low)]
        if values[high] > 0 > values[low]:
            top, bottom = (_value(p, variables, at) for at in ends)
            if top > 0 > bottom:
                return ends[0], ends[1]
    return None, None


def _value(p: Poly, variables: Sequence[int], at: Sequence[Fraction]) -> Any:
    for i, x in zip(variables, at, strict=True):
        p = evaluate(p, i, x)
    return p.LC if p else p.ring.domain.zero


def discriminant(problem: ZeroProblem) -> ZeroStatus | None:
    """A quadratic whose discriminant never vanishes and is negative in every cell is definite."""
    (p,) = problem.system
    for i in sorted(used(p)):
        parts = coefficient_list(p, i)
        if len(parts) != 3:
            continue
        c, b, a = parts
        rest = b**2 - 4 * a * c
        cells = [h for h in problem.nonzero if not used(h) & {i}]
        if any(len(h) > 1 for h in cells):
            cells = [h for h in cells if len(h) == 1]
        never = problem.below([rest], cells)
        if never.answer != "empty":
            continue
        variables = sorted(used(rest).union(*(used(h) for h in cells)))
        negative = True
        for signs in product((1, -1), repeat=len(variables)):
            q = rest
            for j, s in zip(variables, signs, strict=True):
                q = evaluate(q, j, s)
            negative = negative and bool(q) and bool(q.LC < 0)
        if negative:
            return ZeroStatus(
                "empty",
                witness(
                    "discriminant",
                    [never],
                    equation=text(p),
                    variable=str(p.ring.symbols[i]),
                    cells=[text(h) for h in cells],
                ),
            )
    return None


def plane_curve(problem: ZeroProblem) -> ZeroStatus:
    """Decide a plane curve by its points over one sample of every interval of its shadow."""
    (p,) = problem.system
    irreducible = factors(p)
    if len(irreducible) != 1 or not irreducible[0][2] or degree(p) > 16:
        return UNKNOWN
    i, j = sorted(used(p))
    lead = coefficient_list(p, j)[-1]
    critical = resultant(p, p.diff(j), j) * lead
    for x in real_roots_between(critical, i):
        if root_count(evaluate(p, i, x), j):
            # The root is simple, so the curve has an arc there, and the conditions meet an
            # irreducible curve in finitely many points only.
            return ZeroStatus(
                "nonempty",
                witness(
                    "arc",
                    equation=text(p),
                    variables=[str(p.ring.symbols[i]), str(p.ring.symbols[j])],
                    value=str(x),
                ),
            )
    result = problem.below([p, p.diff(i), p.diff(j)])
    if result.answer == "unknown":
        return result
    return ZeroStatus(
        result.answer,
        witness(
            "curve",
            [result],
            equation=text(p),
            variables=[str(p.ring.symbols[i]), str(p.ring.symbols[j])],
        ),
    )
