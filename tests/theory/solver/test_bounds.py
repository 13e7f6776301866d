"""Bounds for germs without a value: they hold, are the stated ones, and are checked."""

import copy
from fractions import Fraction
from typing import Any

import pytest

from theory.certificate import Node, from_json
from theory.checker.verify import verify
from theory.polynomials.expression import parse
from theory.polynomials.germ import Factor, Germ, germ_data
from theory.solver.bounds.elementary import elementary, rank_bound
from theory.solver.bounds.subideals import smaller_ideal_bounds, smaller_ideals
from theory.solver.bounds.zero_sets import zero_set_bound
from theory.solver.budget import WorkBudget
from theory.solver.recursion.portfolio import solve_germ
from theory.solver.rules import solve_any

F = Fraction


def germ(*factors: tuple[list[str], int], names: str = "xyz", monomial=None, density=None) -> Germ:
    variables = tuple(names)
    return Germ(
        variables,
        tuple(Factor(tuple(parse(g, variables) for g in gs), F(c)) for gs, c in factors),
        tuple(map(F, monomial or [0] * len(names))),
        tuple(map(F, density or [1] * len(names))),
    )


def value_of(g: Germ) -> Fraction:
    node = solve_germ(g, 1500)
    assert node.exact
    return node.lower


def light(g: Germ) -> Node:
    return solve_any(g, WorkBudget(160_000), helped=False)


def rejects(node: Node, *path: Any, value: Any) -> bool:
    """Return whether the node passes as it is and fails with one entry changed."""
    plain = node.to_json()
    changed = copy.deepcopy(plain)
    place = changed
    for key in path[:-1]:
        place = place[key]
    assert place[path[-1]] != value
    place[path[-1]] = value
    return verify(from_json(plain)) and not verify(from_json(changed))


RANKS = [
    (germ((["x", "y+z^2", "z^3"], 2)), "1", "5/4"),
    (germ((["x+y", "x+y+z^2"], 2)), "1/2", "1"),
    (germ((["x*y+z"], 2)), "1/2", "1"),
    (germ((["x", "y", "z"], 2)), "3/2", "3/2"),
    (germ((["x+y*z", "y^2"], 4)), "1/4", "1/2"),
    (germ((["x", "y"], 2), (["z^2"], 2)), "1/5", None),
    (germ((["x", "y"], 2), monomial=[0, 0, 4]), "1/5", None),
    (germ((["x+y^2*z", "z^2"], 2), density=[1, 2, 1]), "1/2", None),
]


@pytest.mark.parametrize(("g", "lower", "upper"), RANKS)
def test_linear_parts_bound_the_value(g: Germ, lower: str, upper: str | None) -> None:
    node = rank_bound(g)
    assert node is not None
    assert (node.lower, node.upper) == (F(lower), None if upper is None else F(upper))
    value = value_of(g)
    assert node.lower <= value
    assert node.upper is None or value <= node.upper
    assert rejects(node, "lower", value=str(node.lower + F(1, 100)))
    assert rejects(node, "data", "ranks", 0, value=node.data["ranks"][0] + 1)
    if node.upper is not None:
        assert rejects(node, "upper", value=str(node.upper - F(1, 100)))
        # Every coordinate counts: under another density the formula is another one.
        assert rejects(node, "data", "germ", "density", 0, value="2")


def test_no_linear_part_or_an_unbounded_density_gives_no_rank_bound() -> None:
    assert rank_bound(germ((["x^2", "y*z"], 2))) is None
    assert rank_bound(germ((["x", "y*z"], 2), density=["1/2", 1, 1])) is None


ZERO_SETS = [
    # Both generators vanish on x = y^2, which is no coordinate subspace.
    (germ((["(x-y^2)*(z-x^3)", "(x-y^2)*(z+y)"], 2)), "1/2", 1),
    (germ((["(x-y^2)^2*(z+y)"], 2)), "1/4", 1),
    # z = 2 x y, then x = 0 or y = 0.
    (germ((["z-2*x*y", "x*y*(z+x)"], 2)), "1", 2),
    (germ((["x-y^2", "z"], 4), (["x-y^2"], 2)), "1/3", 2),
    (germ((["(x-y^2)*z"], 2), density=[1, 1, 3]), "1/2", 1),
]


@pytest.mark.parametrize(("g", "upper", "size"), ZERO_SETS)
def test_a_smooth_zero_set_bounds_the_value(g: Germ, upper: str, size: int) -> None:
    node = zero_set_bound(g)
    assert node is not None
    assert node.upper == F(upper)
    assert len(node.data["graph"]) == size
    assert value_of(g) <= node.upper
    name = next(n for n, phi in node.data["graph"].items())
    assert rejects(node, "upper", value=str(node.upper - F(1, 100)))
    assert rejects(node, "lower", value="1/100")
    assert rejects(node, "data", "graph", value={name: "1"})
    assert rejects(node, "data", "graph", value={name: f"{name}^2"})
    assert rejects(node, "data", "graph", value={})


def test_a_coordinate_with_a_density_is_not_shifted() -> None:
    plain = germ((["x-y^2"], 2), names="xyz")
    node = zero_set_bound(plain)
    assert node is not None
    assert node.data["graph"] == {"x": "y^2"}
    for key in ("monomial", "density"):
        heavy = germ((["x-y^2"], 2), names="xyz", **{key: [2, 1, 1]})
        assert zero_set_bound(heavy) is None
    assert rejects(node, "data", "germ", "density", 0, value="2")
    assert zero_set_bound(germ((["x^2+y^2+z^2"], 2))) is None


def test_fewer_generators_bound_from_below() -> None:
    g = germ((["x^2-y*z", "y^2", "z^3"], 2))
    value = value_of(g)
    kept = [smaller.factors[0].generators for smaller in smaller_ideals(g)]
    assert [len(generators) for generators in kept] == [2] * 3 + [1] * 3
    assert kept[0] == g.factors[0].generators[:2]
    top = elementary(g)
    (node,) = smaller_ideal_bounds(g, top, light)
    assert node.rule == "smaller ideal"
    assert F(0) < node.lower <= value
    assert node.upper is None
    assert rejects(node, "lower", value=str(node.lower + F(1, 100)))
    other = "x*y*z"
    assert rejects(node, "data", "germ", "factors", 0, "generators", value=[other])


def test_a_smaller_ideal_that_meets_an_upper_bound_gives_the_value() -> None:
    g = germ((["x*y", "y*z", "z*x", "x^2-y^3"], 2))
    value = value_of(g)
    assert smaller_ideals(g)[0].factors[0].generators == g.factors[0].generators[1:]
    made_up = Node("best bounds", F(0), value, None, {"germ": germ_data(g)}, ())
    (node,) = smaller_ideal_bounds(g, made_up, light)
    assert (node.rule, node.lower, node.upper, node.multiplicity) == ("squeezed", value, value, 1)
    assert not verify(node)
    (node,) = smaller_ideal_bounds(g, light(g), light)
    assert rejects(node, "multiplicity", value=2)
    assert rejects(node, "lower", value=str(value / 2))
    below = node.children[0].to_json()
    assert rejects(node, "children", value=[below, below])


def test_three_tanh_units() -> None:
    """The value 5/6 of Aoyagi's formula (H + i^2 + i)/(4 i + 2) with i^2 <= H, here H = 3, i = 1.

    The recursion alone leaves bounds. Without the generator of degree six the value is 5/6 with a
    simple pole, and 5/6 is also an upper bound.
    """
    units = [("a", "b"), ("c", "d"), ("e", "f")]
    generators = ["+".join(f"{v}*{w}^{k}" for v, w in units) for k in (1, 3, 5)]
    g = germ((generators, 2), names="abcdef")
    top = solve_germ(g, 40)
    assert top.lower < top.upper == F(5, 6)
    (node,) = smaller_ideal_bounds(g, top, light)
    assert (node.rule, node.lower, node.upper, node.multiplicity) == (
        "squeezed",
        F(5, 6),
        F(5, 6),
        1,
    )
    assert verify(node)
