"""Regular points, monomials and products of norms."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.families import norm_product, normal_crossing, regular


@pytest.mark.parametrize(("dim", "value"), [(1, "1/2"), (3, "3/2"), (10, "5")])
def test_regular(dim: int, value: str) -> None:
    assert (regular(dim).value, regular(dim).multiplicity) == (Fraction(value), 1)


@pytest.mark.parametrize(
    ("exponents", "prior", "vanishing", "value", "multiplicity"),
    [
        ((2, 4), None, None, "1/4", 1),
        ((2, 4), None, (0,), "1/2", 1),
        ((2, 4), None, (True, False), "1/2", 1),
        ((4, 4), None, None, "1/4", 2),
        ((2, 2, 2), None, None, "1/2", 3),
        ((4, 2), (1, 0), None, "1/2", 2),
        ((0, 2), None, None, "1/2", 1),
        ((6,), (Fraction(1, 2),), None, "1/4", 1),
    ],
)
def test_normal_crossing(
    exponents: Any, prior: Any, vanishing: Any, value: str, multiplicity: int
) -> None:
    result = normal_crossing(exponents, prior, vanishing)
    assert (result.value, result.multiplicity) == (Fraction(value), multiplicity)


@pytest.mark.parametrize(
    ("dims", "powers", "value", "multiplicity"),
    [
        ((1, 1), (1, 1), "1/2", 2),
        ((3, 2), (1, 1), "1", 1),
        ((2, 4), (1, 2), "1", 2),
        ((Fraction(3, 2), 2), (1, 1), "3/4", 1),
        ((1, 1, 1, 1), (1, 1, 1, 1), "1/2", 4),
    ],
)
def test_norm_product(dims: Any, powers: Any, value: str, multiplicity: int) -> None:
    result = norm_product(dims, powers)
    assert (result.value, result.multiplicity) == (Fraction(value), multiplicity)


@pytest.mark.parametrize(
    ("exponents", "prior"),
    [((2, 4), (0, 0)), ((4, 4), (0, 0)), ((4, 2, 6), (1, 0, 2)), ((2, 2, 3), (1, 1, 2))],
)
def test_monomials_against_the_poles_of_the_zeta_function(
    exponents: tuple[int, ...], prior: tuple[int, ...]
) -> None:
    """The integral over the unit cube, done symbolically, has the predicted largest pole."""
    sympy = pytest.importorskip("sympy")
    z, w = sympy.symbols("z w", positive=True)
    zeta = sympy.Integer(1)
    for k, h in zip(exponents, prior, strict=True):
        zeta *= sympy.integrate(w ** (k * z + h), (w, 0, 1))
    # The poles are at negative z, where the integral is continued.
    free = sympy.Symbol("free")
    poles = sympy.roots(sympy.denom(sympy.together(zeta)).subs(z, free), free)
    result = normal_crossing(exponents, prior)
    largest = max(poles)
    assert largest == -sympy.Rational(result.value.numerator, result.value.denominator)
    assert poles[largest] == result.multiplicity


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=5),
)
def test_norms_are_monomials_in_polar_coordinates(blocks: list[tuple[int, int]]) -> None:
    dims, powers = zip(*blocks, strict=True)
    one = norm_product(dims, powers)
    other = normal_crossing([2 * p for p in powers], [d - 1 for d in dims])
    assert (one.value, one.multiplicity) == (other.value, other.multiplicity)


@pytest.mark.parametrize("dim", [0, -1, 2.0, True, "3", None])
def test_regular_rejects(dim: Any) -> None:
    with pytest.raises(ValueError, match="dim must be an integer of at least 1, got"):
        regular(dim)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2, -1),), r"exponents\[1\] must be .* at least 0, got -1"),
        (((2.0,),), r"exponents\[0\] must be .* got 2.0"),
        (((),), "exponents must have at least 1 entry, got 0"),
        (((2, 2), (0,)), "prior must have 2 entries, one for each exponent, got 1"),
        (((2, 2), (0, -1)), r"prior\[1\] must be .* above -1, got -1"),
        (((2, 2), None, (2,)), r"vanishing\[0\] must be an integer between 0 and 1, got 2"),
        (((2, 2), None, (True,)), "vanishing must have 2 booleans"),
        (((2, 2), None, ()), "K is not zero at the point"),
        (((2, 0), None, (1,)), "K is not zero at the point"),
    ],
)
def test_normal_crossing_rejects(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normal_crossing(*arguments)


@pytest.mark.parametrize(
    ("dims", "powers", "message"),
    [
        ((1, 0), (1, 1), r"dims\[1\] must be .* above 0, got 0"),
        ((1.5,), (1,), r"dims\[0\] must be .* got 1.5"),
        ((1, 1), (1,), "powers must have 2 entries, one for each block, got 1"),
        ((1,), (True,), r"powers\[0\] must be .* got True"),
    ],
)
def test_norm_product_rejects(dims: Any, powers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        norm_product(dims, powers)
