"""Text to polynomials and back; what is no polynomial is refused in one line."""

from contextlib import suppress

import pytest

from theory.polynomials.characters import GREEK, SUPERSCRIPTS, is_name
from theory.polynomials.expression import parse, write
from theory.polynomials.grammar import read
from theory.polynomials.trees import Number, degree_bound, names, show


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
        ("2x", r"write \* between '2' and 'x'"),
        ("x(y)", r"write \* between"),
        ("(x)(y)", r"write \* between"),
        ("(x y)", r"write \* between"),
        ("x²3", r"write \* between"),
        ("1/2²x", r"write \* between"),
        ("x²^3", "two powers"),
        ("x²**3", "two powers"),
        ("x²¹²³⁴", "degree"),
        ("x^²", "invalid syntax"),
        ("²x", "invalid syntax"),
        ("x⁻¹", "SUPERSCRIPT MINUS"),
        ("xⁿ", "SUPERSCRIPT LATIN SMALL LETTER N"),
        ("x₁", "SUBSCRIPT ONE.*write '1'"),
        ("xﬁ", "LIGATURE FI.*write 'fi'"),
        ("x – y", "EN DASH"),
        ("ｘ", "FULLWIDTH LATIN SMALL LETTER X.*write 'x'"),
        ("x^２", "FULLWIDTH DIGIT TWO.*write '2'"),
        ("x^\u0662", "ARABIC-INDIC DIGIT TWO"),
        ("\u0445", "CYRILLIC SMALL LETTER HA"),
        ("\u03bf", "OMICRON"),
        ("\u00b5", "MICRO SIGN.*write 'μ'"),
        ("\u212a", "KELVIN SIGN.*write 'K'"),
        ("\u2126", "OHM SIGN.*write 'Ω'"),
        ("e\u0301", "COMBINING ACUTE ACCENT"),
        ("\u00e9", "WITH ACUTE"),
        ("\U0001d465", "MATHEMATICAL ITALIC SMALL X.*write 'x'"),
        ("x\u200b", "ZERO WIDTH SPACE"),
        ("½x", "VULGAR FRACTION ONE HALF"),
        ("x\0", "invalid syntax"),
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


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x²y³", "x^2*y^3"),
        ("(x²y³)^2", "x^4*y^6"),
        ("(x²y³)²", "x^4*y^6"),
        ("x¹⁰", "x^10"),
        ("x⁰ + 0⁰", "2"),
        ("-x²", "-(x^2)"),
        ("x^2²", "x^4"),
        ("2³x*y", "8*x*y"),
        ("2³(x + y)²x", "8*(x + y)*(x + y)*x"),
        ("(x²)³", "x^6"),
        ("x²y/2", "x^2*y/2"),
        ("y/2*x²y", "1/2*x^2*y^2"),
        ("x·y × x ⋅ y ∗ y", "x^2*y^3"),
        ("x − y", "x - y"),
        ("-x^2", "-(x^2)"),
        ("x^2^3", "x^8"),
        ("x^-0", "1"),
        ("2^-0", "1"),
        ("x - y - x", "-y"),
        ("x/2/3*y", "1/6*x*y"),
        ("x/(1+1)*2", "x"),
        ("((1+1)*x)^2", "4*x^2"),
        ("(1+1)*x^4 + x^2*y^2", "2*x^4 + x^2*y^2"),
        ("x^(1+1)", "x^2"),
        ("x^(4/2)", "x^2"),
        ("x^((1+1)*3)", "x^6"),
        ("(3-1)*x", "2*x"),
        ("0*x + (x-x) + y", "y"),
        ("(x-x)^0", "1"),
        ("(0*x)^0", "1"),
        ("0^0*x", "x"),
        ("1^999999999999*x", "x"),
    ],
)
def test_spellings_of_one_polynomial(text: str, plain: str) -> None:
    assert parse(text, ("x", "y")) == parse(plain, ("x", "y"))


def test_a_constant_is_a_number() -> None:
    for text in ("1+1", "(3-1)*2", "2^3", "(1+1)/3", "-(1-3)", "2²", "0^0", "(1+1)^2^2"):
        assert isinstance(read(text), Number), text
    assert not isinstance(read("(x-x)+1"), Number)


@pytest.mark.parametrize("letter", [*GREEK, "_", "A", "z", "xy", "x1", "_2", "αx2"])
def test_names(letter: str) -> None:
    assert is_name(letter)
    assert names(read(f"{letter}^2*{letter}")) == (letter,)


@pytest.mark.parametrize("text", ["", "1", "1x", "x^2", "x²", "x y", "x.y", "x\n", "é", "ο", "x-"])
def test_what_is_no_name(text: str) -> None:
    assert not is_name(text)


def test_a_letter_means_itself_or_is_refused() -> None:
    """No character of the first plane is taken for another one, alone or behind a name."""
    read_as: dict[str, str] = {}
    for code in range(128, 0x10000):
        letter = chr(code)
        for text in (letter, f"x{letter}"):
            with suppress(ValueError):
                (read_as[letter],) = names(read(text))
    powers = {letter for letter, name in read_as.items() if name == "x"}
    spaces = {letter for letter in powers if letter.isspace()}
    assert powers - spaces == set(SUPERSCRIPTS)
    assert {letter for letter in read_as if letter not in powers} == set(GREEK)
    assert all(read_as[letter] == f"x{letter}" for letter in GREEK)


def test_messages_are_short() -> None:
    for text in ("x" * 90_000 + "²³^2", "(" + "x+" * 40_000, "é" * 50_000, "1" * 900 + "x"):
        with pytest.raises(ValueError, match="cannot read") as caught:
            read(text)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "text",
    ["9^999*" * 10_000 + "x", "+".join(f"1/{k}" for k in range(1, 9000)), "(9^900)^900", "2^10^10"],
)
def test_numbers_stay_short(text: str) -> None:
    with pytest.raises(ValueError, match=r"digits|degree"):
        read(text)


def test_expansion_is_limited() -> None:
    with pytest.raises(ValueError, match=r"large|terms"):
        parse("(x + y + z + u)^200", ("x", "y", "z", "u"))


@pytest.mark.parametrize("text", ["-x^2", "2^3*x", "x*-y", "x**2", "+x", "-(x - y)*3/4", "x - -y"])
def test_text_round_trip(text: str) -> None:
    once = parse(text, ("x", "y"))
    assert parse(write(once), ("x", "y")) == once
    assert parse(show(read(text)), ("x", "y")) == once
    assert degree_bound(read(text)) >= once.degree
