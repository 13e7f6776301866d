"""Witnesses and parts that were forged on purpose are rejected by the check that they are for."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from theory.algebra.ring import polynomial_ring
from theory.checker.replay import replay
from theory.checker.states import Seen

F = Fraction
RING = polynomial_ring(("y", "x", "t", "s"))
Y, X, T, S = RING.gens


@pytest.mark.parametrize(
    ("system", "nonzero", "witness"),
    [
        # x + y^2 = 0 has real points; with integer weights x = -1 would have to be looked at.
        (
            [X + Y**2], [X, Y],
            {
                "rule": "scaling", "variable": "x", "weights": [0.25, 0.5, 0, 0], "values": [1],
                "parts": [{"rule": "definite", "equation": "y^2 + 1", "parts": [{"rule": "unit"}]}],
            },
        ),
        # The only zero has t = 1, which the condition excludes.
        (
            [(T - 1) ** 2 + (S - 1) ** 2], [T - 1],
            {
                "rule": "line", "variable": "t", "value": "1",
                "parts": [{"rule": "sturm", "variable": "s", "parts": []}],
            },
        ),
    ],
)  # fmt: skip
def test_false_witnesses_about_zeros(
    system: list[Any], nonzero: list[Any], witness: Mapping[str, Any]
) -> None:
    truth = "nonempty" if witness["rule"] == "scaling" else "empty"
    try:
        answer = replay(system, nonzero, witness)
    except ValueError:
        return
    assert answer == truth


def test_a_relation_must_not_be_left_out_of_a_product() -> None:
    ring = polynomial_ring(("y", "x", "t"))
    y, x, t = ring.gens
    one, zero = (F(1), F(1)), (F(0), F(0))
    whole = Seen(
        ring, 2, (((x,), F(2)), ((y * (t**2 - 2),), F(2))), zero, one, ((t**2 - 2, 2, y),), ()
    )
    free = whole._replace(relations=())
    whole.check_pieces([whole], of_sum=False)
    with pytest.raises(ValueError, match="relation"):
        whole.check_pieces([free], of_sum=False)
