"""Certified elementary bounds that hold for every germ."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from theory.certificate import Node
from theory.polynomials.germ import Factor, Germ
from theory.polynomials.germ_text import germ_data


def elementary(germ: Germ) -> Node:
    """Return bounds by orders: Hoelder's from below, weighted blow-ups from above.

    ``1/lambda <= max N/nu + sum c ord(J)``, and every positive weight w gives
    ``lambda <= w.nu / (w.N + sum c ord_w(J))``. The node stores the best weight that was tried.
    """
    total = max(
        (n / nu for n, nu in zip(germ.monomial, germ.density, strict=True)), default=Fraction(0)
    )
    for factor in germ.factors:
        total += factor.exponent * _order(factor, (1,) * len(germ.variables))
    best = min(_weights(germ), key=lambda w: (weighted_ratio(germ, w), w))
    data = {"germ": germ_data(germ), "weights": list(best)}
    return Node("order bound", 1 / total, weighted_ratio(germ, best), None, data)


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
