"""Witnesses and parts that were forged on purpose are rejected by the check that they are for."""

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import pytest
from mutation_examples import SPLITS

from theory.algebra.ring import polynomial_ring, read
from theory.checker.base import CertificateError
from theory.checker.states import Seen
from theory.checker.verify import check
from theory.checker.zeros import replay
from theory.solver.zeros.oracle import real_status

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
    whole.check_parts([whole], of_sum=False)
    with pytest.raises(ValueError, match="relation"):
        whole.check_parts([free], of_sum=False)


def holders(plain: Any, key: str) -> Iterator[dict[str, Any]]:
    """Yield the dictionaries in a certificate that have a key."""
    if isinstance(plain, dict):
        if key in plain:
            yield plain
        plain = list(plain.values())
    for value in plain if isinstance(plain, list) else []:
        yield from holders(value, key)


def proof(key: str) -> str:
    """Return the text of a proof that needs a witness."""
    text = json.dumps(SPLITS[key]().to_json())
    check(json.loads(text))
    return text


@pytest.mark.parametrize("key", sorted(SPLITS))
def test_a_missing_witness_is_refused(key: str) -> None:
    text = proof(key)
    count = sum(1 for _ in holders(json.loads(text), key))
    assert count
    for k in range(count):
        forged = json.loads(text)
        del list(holders(forged, key))[k][key]
        with pytest.raises(CertificateError, match=r"no (slopes?|coefficient)? ?witness"):
            check(forged)


@pytest.mark.parametrize("key", sorted(SPLITS))
def test_a_witness_of_another_system_is_refused(key: str) -> None:
    text, refused = proof(key), 0
    for other in ("x^2 + y^2 - 1", "x^2 + y^2 + 1", "x^3 - 2", "x*y + 1", "1", "0"):
        status = real_status([read(polynomial_ring(("x", "y")), other)], [])
        assert status.answer != "unknown"
        forged = json.loads(text)
        places = [p for p in holders(forged, key) if p[key]["rule"] != status.witness["rule"]]
        for place in places:
            place[key] = status.witness
        if places:
            with pytest.raises(CertificateError):
                check(forged)
            refused += 1
    assert refused >= 4


@pytest.mark.parametrize(
    ("key", "constant", "reason"),
    [
        ("occupied", "+2", "the region may be empty"),
        # Where t = 0 the relation t^2 = y makes t no function of y.
        ("slope witness", "", "no equation is a unit"),
    ],
)
def test_a_witness_is_replayed_on_the_system_that_it_is_for(
    key: str, constant: str, reason: str
) -> None:
    text = proof(key)
    assert "t1^2-2" in text
    # Every t^2 - 2 of the proof becomes another polynomial, also times a monomial.
    with pytest.raises(CertificateError, match=reason):
        check(json.loads(re.sub(r"-2(\*\w+)?", rf"{constant}\1" if constant else "", text)))
