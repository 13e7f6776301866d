"""What follows from claims about parts that cover all points."""

from fractions import Fraction

import pytest

from theory.algebra.ring import polynomial_ring
from theory.checker.claims import ClaimedBounds, ClaimPart, least_claim
from theory.checker.states import Seen

F = Fraction
HALF, ONE = F(1, 2), F(1)
NOWHERE: ClaimedBounds = (True, F(0), None, None)
STATE = Seen(polynomial_ring(("x",)), 1, (), (F(2),), (ONE,), (), ())


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        # The least value, and the largest multiplicity of those that have it.
        ([(False, HALF, HALF, 1), (False, ONE, ONE, 3)], (False, HALF, HALF, 1)),
        ([(False, HALF, HALF, 1), (False, HALF, HALF, 2)], (False, HALF, HALF, 2)),
        # A part without zeros says nothing.
        ([NOWHERE, (False, ONE, ONE, 3)], (False, ONE, ONE, 3)),
        ([NOWHERE, NOWHERE], NOWHERE),
        # That of one part with the least value is unknown: it may be larger than the other.
        ([(False, HALF, HALF, 1), (False, HALF, HALF, None)], (False, HALF, HALF, None)),
        ([(False, HALF, HALF, None)], (False, HALF, HALF, None)),
        # One that may have the least value counts too.
        ([(False, HALF, HALF, 1), (False, HALF, ONE, None)], (False, HALF, HALF, None)),
        ([(False, HALF, HALF, 1), (False, HALF, None, None)], (False, HALF, HALF, None)),
        # The unknown part is above it.
        ([(False, HALF, HALF, 1), (False, ONE, None, None)], (False, HALF, HALF, 1)),
        # The value itself is between bounds.
        ([(False, HALF, ONE, None), (False, ONE, ONE, 2)], (False, HALF, ONE, None)),
        ([(False, HALF, None, None), (False, ONE, ONE, 2)], (False, HALF, ONE, None)),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_least_of_claims(
    claims: list[ClaimedBounds], expected: ClaimedBounds, order: int
) -> None:
    parts = [ClaimPart(STATE, claim, {}) for claim in claims[::order]]
    assert least_claim(parts) == expected
