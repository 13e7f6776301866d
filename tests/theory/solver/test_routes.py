"""Four independent routes to a value agree on every germ to which two of them apply."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import Final

import pytest
from random_germs import change, germ, moved, product_of_forms

from theory.certificate import Node
from theory.polynomials.expression import Polynomial, parse
from theory.polynomials.germ import Germ
from theory.solver.routes import arrangement_route, blow_up_route, newton_route, plane_route

Route = Callable[[Germ], Node | None]
Pair = tuple[str, str]

WORK: Final = 60
ROUTES: Final[Mapping[str, Route]] = {
    "newton": newton_route,
    "plane": plane_route,
    "blow-up": lambda g: blow_up_route(g, WORK),
    "arrangement": arrangement_route,
}
LEAST: Final[Mapping[Pair, int]] = {
    ("newton", "plane"): 60,
    ("newton", "blow-up"): 60,
    ("plane", "blow-up"): 60,
    ("blow-up", "arrangement"): 60,
    ("plane", "arrangement"): 60,
}


def monomial(rng: random.Random, names: Sequence[str], most: int) -> str:
    exponents = [0] * len(names)
    for _ in range(rng.randint(1, most)):
        exponents[rng.randrange(len(names))] += 1
    return "*".join(f"{v}^{k}" for v, k in zip(names, exponents, strict=True) if k)


def polynomial(rng: random.Random, names: Sequence[str], most: int) -> str:
    monomials = dict.fromkeys(monomial(rng, names, most) for _ in range(rng.randint(1, 3)))
    return " + ".join(f"({rng.choice((1, 1, -1, 2, -3))})*{text}" for text in monomials)


def plane_germ(rng: random.Random) -> Germ:
    """Return a product of powers of one or two sparse polynomials, sometimes moved."""
    factors = [
        ([polynomial(rng, "xy", 5)], rng.choice((1, 2, 2, 3))) for _ in range(rng.randint(1, 2))
    ]
    density = rng.choice((None, None, (1, 2), (2, 3)))
    g = germ(factors, "xy", None, density)
    return g if density else moved(g, change_of_plane(rng))


def change_of_plane(rng: random.Random) -> list[Polynomial]:
    first, second = rng.choice(
        [
            ("x", "y"),
            ("x", "y"),
            ("x + y", "y"),
            ("x", "y - 2*x"),
            ("x", "y + x^2"),
            ("x - y^2", "y"),
        ]
    )
    return [parse(first, ("x", "y")), parse(second, ("x", "y"))]


def lines(rng: random.Random, names: Sequence[str], most: int) -> Germ:
    rows = []
    while len(rows) < rng.randint(2, most):
        row = [rng.choice((0, 0, 1, 1, -1, 2)) for _ in names]
        if any(row):
            rows.append(tuple(map(Fraction, row)))
    powers = [Fraction(rng.choice((1, 2, 2, 3))) for _ in rows]
    return product_of_forms(rows, powers, names)


def space_germ(rng: random.Random) -> Germ:
    """Return an ideal in three variables with one to three sparse generators."""
    generators = [polynomial(rng, "xyz", 3) for _ in range(rng.randint(1, 3))]
    g = germ([(generators, 2)], "xyz")
    return g if rng.random() < 0.8 else moved(g, change(rng, ("x", "y", "z")))


FAMILIES: Final[Mapping[str, tuple[Callable[[random.Random], Germ], int]]] = {
    "plane": (plane_germ, 260),
    "lines": (lambda rng: lines(rng, "xy", 5), 100),
    "planes": (lambda rng: lines(rng, "xyz", 5), 70),
    "space": (space_germ, 160),
}


def answers(g: Germ, routes: Mapping[str, Route]) -> dict[str, tuple[Fraction, int | None]]:
    """Return value and multiplicity by every route that has an exact answer."""
    results = {name: route(g) for name, route in routes.items()}
    return {
        name: (node.lower, node.multiplicity)
        for name, node in results.items()
        if node is not None and node.exact
    }


def compare(
    germs: Sequence[Germ], routes: Mapping[str, Route]
) -> tuple[Counter[Pair], int, list[str]]:
    """Return comparisons by pair, germs with two answers at least, and what does not agree."""
    pairs: Counter[Pair] = Counter()
    compared, wrong = 0, []
    for g in germs:
        said = answers(g, routes)
        compared += len(said) > 1
        for one, two in combinations(said, 2):
            pairs[one, two] += 1
            if said[one] != said[two]:
                wrong.append(f"{one} {said[one]}, {two} {said[two]}: {g}")
    return pairs, compared, wrong


def drawn(seed: int) -> list[Germ]:
    found = []
    for make, count in FAMILIES.values():
        rng = random.Random(seed)
        found += [make(rng) for _ in range(count)]
    return found


def test_routes_agree() -> None:
    pairs, compared, wrong = compare(drawn(1), ROUTES)
    print(f"\n{compared} germs, comparisons: {dict(pairs)}")
    assert not wrong, wrong[:3]
    assert compared >= 500
    for pair, least in LEAST.items():
        assert pairs[pair] >= least, pair


def doubled(g: Germ) -> Node | None:
    """Return the polyhedron's answer with one more pole wherever two facets meet."""
    node = newton_route(g)
    if node is None or node.multiplicity is None or node.multiplicity < 2:
        return node
    return replace(node, multiplicity=node.multiplicity + 1)


def unshifted(g: Germ) -> Node | None:
    """Return the plane's answer as if every multiplicity were one."""
    node = plane_route(g)
    return node and replace(node, multiplicity=1)


def heavier(g: Germ) -> Node | None:
    """Return the arrangement's answer with one hyperplane forgotten where there are several."""
    if len(g.factors) < 3:
        return arrangement_route(g)
    return arrangement_route(replace(g, factors=g.factors[1:]))


@pytest.mark.parametrize(
    ("name", "wrong_route"), [("newton", doubled), ("plane", unshifted), ("arrangement", heavier)]
)
def test_a_wrong_route_is_caught(name: str, wrong_route: Route) -> None:
    other = "plane" if name != "plane" else "newton"
    routes = {other: ROUTES[other], name: wrong_route}
    _, _, wrong = compare(drawn(2)[:360], routes)
    assert len(wrong) >= 5
