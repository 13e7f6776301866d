"""Bounds by the rank of the linear parts of the generators."""

from fractions import Fraction

from theory.algebra.linear import rank
from theory.certificate import Node
from theory.polynomials.germ import Factor, Germ
from theory.polynomials.germ_text import germ_data


def rank_bound(germ: Germ) -> Node | None:
    """Return bounds by linear parts, None if no generator has one or the density is unbounded.

    If the linear parts of J have rank r, then r coordinates lie in J and the rest of J, in the
    d - r others, has order 2 or more: ``r <= lct(J) <= r + (d - r)/2``. The lower bounds of
    several factors combine by Hoelder's inequality, ``1/lambda <= max N/nu + sum c/lct(J)``, under
    any density with ``nu >= 1``. The upper bound, ``(d + r)/(2 c)``, is for one factor alone under
    the flat density; for ``K = sum g_i^2``, where c = 2, it is ``r/2 + (d - r)/4``.
    """
    ranks = [linear_rank(factor) for factor in germ.factors]
    if not any(ranks) or any(nu < 1 for nu in germ.density):
        return None
    total = max(n / nu for n, nu in zip(germ.monomial, germ.density, strict=True))
    for factor, size in zip(germ.factors, ranks, strict=True):
        order = min(sum(e) for g in factor.generators for e in g.terms)
        total += factor.exponent / size if size else factor.exponent * order
    upper = None
    if len(ranks) == 1 and not any(germ.monomial) and all(nu == 1 for nu in germ.density):
        upper = (len(germ.variables) + ranks[0]) / (2 * germ.factors[0].exponent)
    return Node("linear rank", 1 / total, upper, None, {"germ": germ_data(germ), "ranks": ranks})


def linear_rank(factor: Factor) -> int:
    """Return the rank of the linear parts of the generators at the origin."""
    rows = []
    for g in factor.generators:
        row = [Fraction(0)] * len(g.variables)
        for e, c in g.terms.items():
            if sum(e) == 1:
                row[e.index(1)] = Fraction(c)
        rows.append(row)
    return rank(rows)
