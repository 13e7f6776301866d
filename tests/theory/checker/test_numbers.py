"""Numbers of a foreign certificate are refused before they are written out."""

from fractions import Fraction

import pytest

import theory
from theory.certificate import check_numbers, rational

PLAIN = theory.rlct("x^2*y^4").to_json()


def replaced(value: object, text: str, other: str) -> object:
    """Return JSON with another text wherever one stands."""
    if isinstance(value, dict):
        return {key: replaced(item, text, other) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, text, other) for item in value]
    return other if value == text else value


@pytest.mark.parametrize("text", ["1e999999999", "-1E999999999", " 1.5e99999999 ", "1_0e9_9"])
def test_an_exponent_is_refused(text: str) -> None:
    """`Fraction` would take minutes and gigabytes for it."""
    forged = replaced(PLAIN, "1/4", text)
    assert forged != PLAIN
    with pytest.raises(ValueError, match="is no rational such as"):
        check_numbers(forged)
    assert not theory.verify(forged)
    assert theory.verify(PLAIN)


def test_a_rational_is_read_exactly() -> None:
    assert [rational(text) for text in ("3", "-3/2", " +1 ")] == [3, Fraction(-3, 2), 1]
    for text in ("1e9", "1.5", "1/0", "", "x", "1//2", "9" * 5000, "\u0661"):
        with pytest.raises(ValueError, match=r"is no rational|denominator 0"):
            rational(text)
