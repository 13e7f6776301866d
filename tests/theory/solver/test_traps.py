"""One test for each mistake that a solver of this kind is known to make."""

from fractions import Fraction
from typing import Any

import pytest
from random_germs import germ

from theory import SumOfSquares, rlct
from theory.coefficient import RLCT
from theory.solver.recursion.portfolio import solve_germ
from theory.solver.routes import newton_route

F = Fraction
S = SumOfSquares


def is_exactly(coefficient: RLCT, value: str, multiplicity: int) -> bool:
    return (coefficient.value, coefficient.multiplicity) == (F(value), multiplicity)


def test_01_scale_of_the_ideal_and_of_its_squares() -> None:
    # The ideal <x> has threshold 1, the potential x^2 half of it; |x| itself is no square.
    assert is_exactly(rlct(S(["x"])), "1/2", 1)
    assert is_exactly(rlct("x^2"), "1/2", 1)
    assert is_exactly(rlct("x", absolute=True), "1", 1)


def test_02_coordinate_facets_give_no_pole() -> None:
    # y has weight zero on the facet of x^2: no divisor y = 0.
    assert is_exactly(rlct("x^2*(1 + y^2)"), "1/2", 1)
    assert is_exactly(rlct("(x^2 + y^4*z^4)*z^0"), "3/4", 2)
    assert is_exactly(rlct("x^2*y^2*(x^2 + y^4 + z^2)"), "1/2", 3)


def test_03_a_degenerate_face_gives_only_a_bound() -> None:
    g = germ([(["y - x^3"], 2)], "xy")
    assert newton_route(germ([(["x^2 - y*z", "z^2"], 2)], "xyz")) is None
    assert is_exactly(rlct("(y - x^3)^2"), "1/2", 1)
    assert solve_germ(g, 100).lower == F(1, 2)
    assert is_exactly(rlct(S(["x^2 - y*z", "z^2"])), "5/8", 1)


def test_04_right_value_with_the_wrong_multiplicity() -> None:
    assert is_exactly(rlct("(x^2 - 3*y^2)^2"), "1/2", 2)
    assert is_exactly(rlct("(x^2 + 3*y^2)^2"), "1/2", 1)


def test_05_zeros_in_all_orthants_and_only_real_ones() -> None:
    # x^3 + 2 y^3 vanishes only where x y < 0; x^2 + x y + y^2 only at complex points.
    assert is_exactly(rlct("(x^3 + 2*y^3)^2*(x - y)^0"), "1/3", 1)
    assert is_exactly(rlct("(x + y)^4*(x^2 + x*y + y^2)^2"), "1/4", 2)
    assert is_exactly(rlct("(x^2 + x*y + y^2)^2"), "1/2", 1)
    assert is_exactly(rlct("(x + y)^2*z^2"), "1/2", 2)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_06_real_and_complex_thresholds_differ(k: int) -> None:
    assert is_exactly(rlct(f"(x^2 + y^2 + z^2)^{k}"), f"3/{2 * k}", 1)


def test_07_restriction_may_have_a_larger_value() -> None:
    assert is_exactly(rlct("(x^2 + y^2 + z^2 - 2*u^2)^2"), "1/2", 1)
    assert is_exactly(rlct("(x^2 + y^2 + z^2)^2"), "3/4", 1)


def test_08_sums_of_germs_that_change_their_sign() -> None:
    # 1/2 + 1/2 with multiplicity 1 would be the rule for nonnegative summands.
    assert is_exactly(rlct("x^2 - y^2", absolute=True), "1", 2)
    assert is_exactly(rlct("x^2 + y^2"), "1", 1)
    assert is_exactly(rlct("x^3 + y^3 + z^3", absolute=True), "1", 2)


def test_09_multiplicity_counts_divisors_through_one_real_point() -> None:
    assert is_exactly(rlct("(x*y*(x - y)*(x + y))^2"), "1/4", 1)
    assert is_exactly(rlct("(x^2 - y^2)^2*z^2"), "1/2", 3)
    assert is_exactly(rlct("(x*(x - y^2))^2*(z^2 + w^2)^2"), "3/8", 1)


def test_10_pruning_keeps_ties() -> None:
    # Later charts tie with the first bound and carry the multiplicity.
    assert is_exactly(rlct("(x^3 + y^3 + z^3)^2"), "1/2", 2)
    assert is_exactly(rlct(S(["x + y^2 + z^3", "x^2 - y*z"])), "1", 2)
    assert is_exactly(rlct("(x^2 - 2*y^2*z)^2"), "1/2", 2)


def test_11_a_monomial_that_was_moved_is_not_moved_again() -> None:
    assert is_exactly(rlct("x^2*(x*y - z^2)^2"), "3/8", 1)
    assert is_exactly(rlct("x^2*y^2*z^2*(x - y)^2*(y - 2*z)^2"), "3/10", 1)


def test_12_exceptional_coordinates_are_not_shifted() -> None:
    # x carries a density: x - y^2 is no free coordinate there.
    assert is_exactly(rlct("(x - y^2)^2*(x + y^2)^2", prior={"x": 1}), "1/2", 1)
    assert is_exactly(rlct("(x + y^2*z)^2*y^2", prior={"y": 1, "x": 1}), "1/2", 1)


def test_13_a_generator_of_higher_order_on_a_face() -> None:
    assert is_exactly(rlct(S(["x^2 + y^2 - z^2", "z^3"])), "2/3", 1)
    assert is_exactly(rlct(S(["x^2 - y*z", "z^2"])), "5/8", 1)


def test_14_equal_irreducible_parts_are_merged() -> None:
    assert is_exactly(rlct("(x - y)^2*(2*y - 2*x)^2*z^2"), "1/4", 1)
    assert is_exactly(rlct("(x^2 - y*z)^2*(2*y*z - 2*x^2)^2"), "1/4", 1)


def test_15_only_monomial_densities_centred_at_the_point() -> None:
    assert is_exactly(rlct("x^4*y^2", prior={"x": 1}), "1/2", 2)
    assert is_exactly(rlct("(x - 1)^4*y^2", at={"x": 1}, prior={"x": 1}), "1/2", 2)
    with pytest.raises(ValueError, match="exponent"):
        rlct("x^2", prior={"x": "-1/2"})


def test_16_the_value_is_local() -> None:
    K = "(x - 1)^2*(x^2 + y^2 + z^2)^4"
    assert is_exactly(rlct(K), "3/8", 1)
    assert is_exactly(rlct(K, at={"x": 1}), "1/2", 1)
    assert is_exactly(rlct("x^2*(x - 1)^8", at={"x": 1}), "1/8", 1)


@pytest.mark.parametrize("K", ["1.5*x^2", "x^2.5", "1e-3*x^2"])
def test_17_floats_are_refused(K: Any) -> None:
    with pytest.raises(ValueError, match="integer"):
        rlct(K)
    with pytest.raises(ValueError, match="rational"):
        rlct("x^2", at={"x": 0.0})
