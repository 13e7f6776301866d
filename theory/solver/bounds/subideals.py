"""Lower bounds by leaving out generators, and the value if an upper bound meets one."""

from collections.abc import Callable, Iterator
from itertools import combinations

from theory.certificate import Node
from theory.polynomials.expression import Polynomial
from theory.polynomials.germ import Factor, Germ, germ_data

MAX_TRIED = 10


def smaller_ideals(germ: Germ) -> list[Germ]:
    """Return the germ with one or two generators of one factor left out, high orders first."""
    candidates = [
        _with_generators(germ, k, kept)
        for count in (1, 2)
        for k, factor in enumerate(germ.factors)
        for kept in _kept(factor, count)
    ]
    return candidates[:MAX_TRIED]


def _kept(factor: Factor, count: int) -> Iterator[tuple[Polynomial, ...]]:
    """Yield the generators without some; those of the highest order are left out first."""
    places = range(len(factor.generators))
    ordered = sorted(places, key=lambda i: (-_order(factor.generators[i]), i))
    if len(places) > count:
        for gone in combinations(ordered, count):
            yield tuple(g for i, g in enumerate(factor.generators) if i not in gone)


def _order(g: Polynomial) -> int:
    return min(sum(e) for e in g.terms)


def _with_generators(germ: Germ, index: int, generators: tuple[Polynomial, ...]) -> Germ:
    factor = Factor(generators, germ.factors[index].exponent)
    factors = (*germ.factors[:index], factor, *germ.factors[index + 1 :])
    return Germ(germ.variables, factors, germ.monomial, germ.density)


def smaller_ideal_bounds(
    germ: Germ, upper: Node, solve: Callable[[Germ], Node | None]
) -> tuple[Node, ...]:
    """Return nodes with lower bounds of lambda by ideals with fewer generators.

    ``|J'| <= |J|`` for an ideal J' inside J, so ``K >= K'`` and ``lambda(K) >= lambda(K')``. If an
    upper bound of lambda(K) is equal to lambda(K') and the multiplicity of K' is 1, then
    ``vol{K < t} <= vol{K' < t}`` leaves K no higher one.

    Args:
        germ: The germ of K.
        upper: A node with the best upper bound of lambda(K).
        solve: Solves a germ with less work; None when there is none left.
    """
    data = {"germ": germ_data(germ)}
    best: Node | None = None
    for smaller in smaller_ideals(germ):
        below = solve(smaller)
        if below is None:
            break
        if below.exact and below.lower == upper.upper and below.multiplicity == 1:
            return (Node("squeezed", below.lower, below.lower, 1, data, (below, upper)),)
        if best is None or below.lower > best.lower:
            best = Node("smaller ideal", below.lower, None, None, data, (below,))
    return () if best is None else (best,)
