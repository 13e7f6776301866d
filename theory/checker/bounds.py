"""Checkers of the rules that bound lambda when no value is found."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from theory.algebra.linear import rank
from theory.certificate import Node
from theory.checker.base import Checker, germ_of, require, same_claim
from theory.checker.children import check_same_germ, germ_below
from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.germ import ROOM, Factor, Germ


def check_order_bound(node: Node) -> None:
    """Hoelder's inequality from below, a weighted blow-up from above."""
    germ = germ_of(node)
    weights = [int(w) for w in node.data["weights"]]
    require(len(weights) == len(germ.variables) and min(weights) > 0, "weights are positive")

    def order(ray: Sequence[int]) -> Fraction:
        total = Fraction(0)
        for factor in germ.factors:
            sizes = [
                sum(a * w for a, w in zip(e, ray, strict=True))
                for g in factor.generators
                for e in g.terms
            ]
            total += factor.exponent * min(sizes)
        return total

    sizes = [n / nu for n, nu in zip(germ.monomial, germ.density, strict=True)]
    inverse = max(sizes) + order([1] * len(weights))
    require(all(nu >= 1 for nu in germ.density), "the density is unbounded")
    top = sum((nu * w for nu, w in zip(germ.density, weights, strict=True)), Fraction(0))
    along = sum((n * w for n, w in zip(germ.monomial, weights, strict=True)), Fraction(0))
    same_claim(node, (1 / inverse, top / (along + order(weights)), None))


def check_linear_rank(node: Node) -> None:
    """R coordinates lie in the ideal, and the rest of it has order two in the others."""
    germ = germ_of(node)
    require(all(nu >= 1 for nu in germ.density), "the density is unbounded")
    inverse = max(n / nu for n, nu in zip(germ.monomial, germ.density, strict=True))
    size, ranks = len(germ.variables), node.data["ranks"]
    for factor, claimed in zip(germ.factors, ranks, strict=True):
        require(claimed == rank([_linear_part(g) for g in factor.generators]), "another rank")
        least = min(sum(e) for g in factor.generators for e in g.terms)
        inverse += factor.exponent / claimed if claimed else factor.exponent * least
    plain = not any(germ.monomial) and all(nu == 1 for nu in germ.density)
    upper = None
    if plain and len(ranks) == 1:
        require(min(sum(e) for g in germ.factors[0].generators for e in g.terms), "a unit")
        upper = (ranks[0] + Fraction(size - ranks[0], 2)) / germ.factors[0].exponent
    same_claim(node, (1 / inverse, upper, None))


def _linear_part(g: Polynomial) -> list[Fraction]:
    units = [tuple(int(i == j) for j in range(len(g.variables))) for i in range(len(g.variables))]
    return [Fraction(g.terms.get(unit, 0)) for unit in units]


def check_zero_set(node: Node) -> None:
    """The graph is a coordinate subspace in other coordinates; K has its order along it."""
    germ = germ_of(node)
    graph = {name: parse(text, germ.variables, ROOM) for name, text in node.data["graph"].items()}
    places = [germ.variables.index(name) for name in graph]
    require(places, "no equation")
    for i, phi in zip(places, graph.values(), strict=True):
        require(all(sum(e) for e in phi.terms), "the graph misses the point")
        require(not any(e[j] for e in phi.terms for j in places), "the graph is not solved")
        free = not germ.monomial[i] and germ.density[i] == 1
        require(free or not phi.terms, "a coordinate with a density was shifted")
    total = sum((germ.monomial[i] for i in places), Fraction(0))
    for factor in germ.factors:
        moved = [_shifted(g, graph) for g in factor.generators]
        total += factor.exponent * min(sum(e[i] for i in places) for g in moved for e in g.terms)
    require(total > 0, "K does not vanish on the graph")
    measure = sum((germ.density[i] for i in places), Fraction(0))
    same_claim(node, (Fraction(0), measure / total, None))


def _shifted(g: Polynomial, graph: Mapping[str, Polynomial]) -> Polynomial:
    """Return the polynomial in the coordinates ``x_i - phi_i``."""
    images = [parse(name, g.variables) for name in g.variables]
    images = [
        x + graph[name] if name in graph else x for name, x in zip(g.variables, images, strict=True)
    ]
    total = Polynomial(g.variables, {})
    for exponents, c in g.terms.items():
        term = Polynomial(g.variables, {(0,) * len(images): c})
        for image, e in zip(images, exponents, strict=True):
            if e:
                term = term * image**e
        total = total + term
    return total


def check_smaller_ideal(node: Node) -> None:
    """Fewer generators make K smaller, and lambda smaller or equal."""
    (below,) = node.children
    _check_smaller(germ_of(node), germ_below(below))
    same_claim(node, (below.lower, None, None))


def check_squeezed(node: Node) -> None:
    """The value of a smaller ideal is an upper bound, and its pole is simple."""
    below, above = node.children
    germ = germ_of(node)
    _check_smaller(germ, germ_below(below))
    check_same_germ(above, germ)
    require(below.exact and below.multiplicity == 1, "the smaller ideal has no simple pole")
    require(below.lower == above.upper, "the bounds do not meet")
    same_claim(node, (below.lower, below.lower, 1))


def _check_smaller(germ: Germ, smaller: Germ) -> None:
    """Reject another germ than one with some generators left out."""
    same = (germ.variables, germ.monomial, germ.density)
    require(same == (smaller.variables, smaller.monomial, smaller.density), "another germ")
    pairs: Sequence[tuple[Factor, Factor]] = list(zip(germ.factors, smaller.factors, strict=True))
    for whole, part in pairs:
        require(whole.exponent == part.exponent, "another exponent")
        require(all(g in whole.generators for g in part.generators), "another generator")


RULES: dict[str, Checker] = {
    "order bound": check_order_bound,
    "linear rank": check_linear_rank,
    "zero set": check_zero_set,
    "smaller ideal": check_smaller_ideal,
    "squeezed": check_squeezed,
}
