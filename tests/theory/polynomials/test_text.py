"""Text to polynomials and back; what is no polynomial is refused in one line."""

import pytest

from theory.polynomials.expression import parse, write
from theory.polynomials.grammar import read
from theory.polynomials.trees import degree_bound, show


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "invalid syntax"),
        ("x.__class__", "invalid syntax"),
        ("x^y", "exponent"),
        ("x^-1", "whole number"),
        ("x^(1/2)", "whole number"),
        ("x/y", "divisor"),
        ("x/0", "division by zero"),
        ("0.5*x", "not an integer"),
        ("1e3*x", "not an integer"),
        ("x y", "invalid syntax"),
        ("2x", "invalid syntax"),
        ("x +", "invalid syntax"),
        ("", "invalid syntax"),
        ("(" * 300 + "x" + ")" * 300, "nested"),
        ("-" * 300 + "x", "nested"),
        ("x^100000", "degree"),
        ("(x^100)^1000", "degree"),
        ("((2^1000)^1000)^1000*x", "digits"),
        ("x" * 200_000, "characters"),
        ("9" * 2000 + "*x", "digits"),
    ],
)
def test_text_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_expansion_is_limited() -> None:
    with pytest.raises(ValueError, match=r"large|terms"):
        parse("(x + y + z + u)^200", ("x", "y", "z", "u"))


@pytest.mark.parametrize("text", ["-x^2", "2^3*x", "x*-y", "x**2", "+x", "-(x - y)*3/4", "x - -y"])
def test_text_round_trip(text: str) -> None:
    once = parse(text, ("x", "y"))
    assert parse(write(once), ("x", "y")) == once
    assert parse(show(read(text)), ("x", "y")) == once
    assert degree_bound(read(text)) >= once.degree
