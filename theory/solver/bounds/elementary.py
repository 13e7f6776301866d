"""Elementary bounds: by orders, which hold for every germ, and by ranks of linear parts."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from theory.algebra.linear import rank
from theory.certificate import Node
from theory.polynomials.germ import Factor, Germ, germ_data


def elementary(germ: Germ) -> Node:
    """Return bounds by orders: Hoelder's from below, weighted blow-ups from above.

    ``1/lambda <= max N/nu + sum c ord(J)``, and every positive weight w gives
    ``lambda <= w.nu / (w.N + sum c ord_w(J))``. The node stores the best weight that was tried.
    """
    best = min(_weights(germ), key=lambda w: (weighted_ratio(germ, w), w))
    return _bounds(germ, best, weighted_ratio(germ, best))


def simplest(germ: Germ) -> Node:
    """Return the bounds of `elementary` for equal weights alone, in one pass over the terms."""
    size = sum(germ.monomial, Fraction(0)) + _total_order(germ)
    return _bounds(germ, (1,) * len(germ.variables), sum(germ.density, Fraction(0)) / size)


def _bounds(germ: Germ, weights: tuple[int, ...], upper: Fraction) -> Node:
    total = max(
        (n / nu for n, nu in zip(germ.monomial, germ.density, strict=True)), default=Fraction(0)
    )
    data = {"germ": germ_data(germ), "weights": list(weights)}
    return Node("order bound", 1 / (total + _total_order(germ)), upper, None, data)


def _total_order(germ: Germ) -> Fraction:
    orders = [min(sum(e) for g in j.generators for e in g.terms) for j in germ.factors]
    return sum((j.exponent * k for j, k in zip(germ.factors, orders, strict=True)), Fraction(0))


def weighted_ratio(germ: Germ, weights: Sequence[int]) -> Fraction:
    """Return the log discrepancy over the order of K along a weighted blow-up."""
    order = sum((n * w for n, w in zip(germ.monomial, weights, strict=True)), Fraction(0))
    for factor in germ.factors:
        order += factor.exponent * _order(factor, weights)
    return sum((nu * w for nu, w in zip(germ.density, weights, strict=True)), Fraction(0)) / order


def _order(factor: Factor, weights: Sequence[int]) -> int:
    return min(
        sum(a * w for a, w in zip(e, weights, strict=True))
        for g in factor.generators
        for e in g.terms
    )


def _weights(germ: Germ) -> Iterator[tuple[int, ...]]:
    size = len(germ.variables)
    yield (1,) * size
    # Small integer weights by a fixed generator: any of them is a valid bound.
    state = 1
    for _ in range(200):
        weights = []
        for _ in range(size):
            state = state * 48_271 % 2_147_483_647
            weights.append(1 + state % 6)
        yield tuple(weights)


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
