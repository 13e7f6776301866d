"""Simplification keeps the ideal and finds the simple generators."""

from fractions import Fraction

import pytest

from theory.algebra.ring import polynomial_ring, read, text
from theory.solver.recursion.canonical import canonical
from theory.solver.recursion.generators import reduced_generators
from theory.solver.recursion.simplifications import simplify
from theory.solver.recursion.states import Ideal, State

RING = polynomial_ring(("x", "y", "z"))


def state(*ideals: tuple[list[str], int]) -> State:
    return State(
        RING,
        3,
        tuple(Ideal(tuple(read(RING, g) for g in gens), Fraction(c)) for gens, c in ideals),
        (Fraction(0),) * 3,
        (Fraction(1),) * 3,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["x", "x*y+z^2"], ["x", "z^2"]),
        (["x^2", "x^3*y+y^5*z"], ["x^2", "y^5*z"]),
        (["x+y", "x-y"], ["x", "y"]),
        (["x*(1+y)"], ["x"]),
        (["x*y", "x*y+z^2", "z^2*y"], ["x*y", "z^2"]),
        (["x^2-y", "x^2*z-y*z"], ["x^2-y"]),
    ],
)
def test_generators(before: list[str], after: list[str]) -> None:
    start = state((before, 2))
    found = reduced_generators(start, start.ideals[0].generators, {})
    assert sorted(map(text, found)) == sorted(text(read(RING, g)) for g in after)


def test_monomials_and_equal_factors_are_collected() -> None:
    simple, _ = simplify(state((["x^2*(x-y^2)"], 2), (["(y^2-x)^3"], 1), (["x*z+1"], 5)))
    assert simple.monomial == (4, 0)
    assert [(len(j.generators), j.exponent) for j in simple.ideals] == [(1, 5)]


def test_common_factors_leave_an_ideal() -> None:
    simple, _ = simplify(state((["x*y", "x*z"], 2)))
    assert simple.monomial == (2, 0, 0)
    assert sorted(map(text, simple.ideals[0].generators)) == ["y", "z"]


def test_constant_directions_are_dropped() -> None:
    simple, log = simplify(state((["(x-y)^2", "(x-z)^3"], 2)))
    assert simple.vanishing == 2
    assert "constant direction" in [step["op"] for step in log]


def test_states_that_differ_by_names_become_equal() -> None:
    one = canonical(state((["x^2-y*z", "z^3"], 2)))[0]
    two = canonical(state((["z^2-x*y", "y^3"], 2)))[0]
    assert one.key == two.key
