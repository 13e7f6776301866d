"""Coefficients of sums and products from those of their parts, by hand."""

from fractions import Fraction

import pytest

from theory.coefficient import RLCT
from theory.combine import at_deepest, direct_sum, equivalent, product


def part(lower, order, upper=None, *, scope="local", provisional=False, source="a") -> RLCT:
    low = Fraction(lower)
    return RLCT(
        lower=low, upper=low if upper is None else Fraction(upper), multiplicity=order,
        scope=scope, method="closed form", source=source, conditions=f"at {source}",
        multiplicity_provisional=provisional,
    )  # fmt: skip


def read(rlct: RLCT) -> tuple[Fraction, Fraction, int | None]:
    return rlct.lower, rlct.upper, rlct.multiplicity


HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def test_values_of_a_sum_add_and_orders_less_one() -> None:
    assert read(direct_sum(part("1/2", 2), part("1/3", 3))) == (HALF + THIRD, HALF + THIRD, 4)
    assert read(direct_sum(part("1/2", 1))) == (HALF, HALF, 1)
    three = direct_sum(part("1/2", 2), part("1/2", 2), part("1/2", 2))
    assert read(three) == (Fraction(3, 2), Fraction(3, 2), 4)


def test_bounds_of_a_sum_add_and_an_unknown_order_stays_unknown() -> None:
    found = direct_sum(part("1/2", 2), part("1/3", None, "1/2"))
    assert read(found) == (Fraction(5, 6), Fraction(1), None)


def test_a_product_has_the_least_value_and_the_orders_that_attain_it() -> None:
    assert read(product(part("1/2", 2), part("1/3", 3), part("1/3", 1))) == (THIRD, THIRD, 4)
    assert read(product(part("1/2", 2), part("1/3", 3))) == (THIRD, THIRD, 3)


def test_bounds_of_a_product_are_the_least_ones() -> None:
    found = product(part("1/2", None, "2/3"), part("1/3", None, "3/4"))
    assert read(found) == (THIRD, Fraction(2, 3), None)
    # An order is known only if all parts are.
    assert read(product(part("1/3", 2), part("1/2", None, "2/3")))[2] is None


@pytest.mark.parametrize("rule", [direct_sum, product])
def test_one_provisional_order_makes_a_provisional_whole(rule) -> None:
    sure, doubtful = part("1/2", 1), part("1/2", 2, provisional=True)
    assert rule(sure, doubtful).multiplicity_provisional
    assert not rule(sure, sure).multiplicity_provisional


@pytest.mark.parametrize("rule", [direct_sum, product])
def test_sources_and_conditions_of_all_parts_are_named(rule) -> None:
    found = rule(part("1/2", 1, source="a"), part("1/2", 1, source="b"), part("1", 1, source="a"))
    assert (found.source, found.conditions) == ("a; b", "at a; at b")
    with pytest.raises(ValueError, match="cannot mix local and global"):
        rule(part("1/2", 1), part("1/2", 1, scope="global"))
    with pytest.raises(ValueError, match="at least one part"):
        rule()


def test_an_equivalent_potential_keeps_everything_and_says_why() -> None:
    found = equivalent(part("1/2", 2), "x and y change places")
    assert read(found) == (HALF, HALF, 2)
    assert (found.scope, found.conditions) == ("local", "by equivalence: x and y change places")
    assert found.proof[-1].rule == "equivalence"
    deepest = at_deepest(part("1/2", 2), "at the origin")
    assert (deepest.scope, deepest.proof[-1].rule, read(deepest)) == (
        "global", "minimum", (HALF, HALF, 2),
    )  # fmt: skip
