"""Random polynomials in many spellings, garbage, and expressions as wide as text can be.

An expression is a tree that is evaluated here, in rational arithmetic; no code of the reader takes
part in the expected value.
"""

import random
import string
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from experiment import Experiment, Outcome

from theory import SumOfSquares, rlct
from theory.meter import ticking
from theory.polynomials.expression import parse
from theory.polynomials.grammar import read
from theory.polynomials.trees import names

F = Fraction
NAMES = ("x", "y", "z1", "α", "long_name", "X")
PER_TRIAL = 10
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

# ("number", value), ("name", name), (operator, left, right), ("minus", tree), ("power", tree, k).
Tree = tuple[Any, ...]


def tree(rng: random.Random, depth: int) -> Tree:
    """Return a random expression."""
    if depth == 0 or rng.random() < 0.15:
        if rng.random() < 0.3:
            return ("number", rng.choice((0, 1, 1, 2, 3, 7, 12)))
        return ("name", rng.choice(NAMES[: rng.choice((2, 3, 6))]))
    kind = rng.choice(("+", "+", "-", "*", "*", "*", "/", "minus", "power", "power", "constant"))
    if kind == "constant":
        return (rng.choice("+-*"), ("number", rng.randint(0, 4)), ("number", rng.randint(0, 4)))
    if kind == "/":
        return ("/", tree(rng, depth - 1), _divisor(rng))
    if kind == "minus":
        return ("minus", tree(rng, depth - 1))
    if kind == "power":
        return ("power", tree(rng, depth - 1), rng.choice((0, 1, 2, 2, 2, 3)))
    return (kind, tree(rng, depth - 1), tree(rng, depth - 1))


def _divisor(rng: random.Random) -> Tree:
    number = ("number", rng.randint(1, 5))
    return rng.choice((number, ("+", number, ("number", 1)), ("power", number, 2)))


def value(node: Tree, point: dict[str, Fraction]) -> Fraction:
    """Return the value at a point."""
    match node:
        case ("number", number):
            return F(number)
        case ("name", name):
            return point[name]
        case ("minus", inner):
            return -value(inner, point)
        case ("power", inner, exponent):
            return value(inner, point) ** int(exponent)
        case (sign, left, right):
            a, b = value(left, point), value(right, point)
            return {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b
    raise AssertionError(node)


# How tightly a node binds: a sum, a product, a sign, a power, an atom.
_RANK = {"+": 0, "-": 0, "*": 1, "/": 1, "minus": 2, "power": 3}


def spell(node: Tree, rng: random.Random) -> str:
    """Return one of many texts of a tree."""

    def gap() -> str:
        return rng.choice(("", "", "", " ", "  ", "\t", "\n", "\u00a0"))

    def part(inner: Tree, least: int) -> str:
        text = spell(inner, rng)
        if _RANK.get(inner[0], 4) < least or rng.random() < 0.1:
            return f"({gap()}{text}{gap()})"
        return text

    match node:
        case ("number", number):
            return str(number)
        case ("name", name):
            return str(name)
        case ("minus", inner):
            return rng.choice(("-", "-", "−")) + gap() + part(inner, 2)
        case ("power", inner, exponent):
            return part(inner, 4) + _exponent(int(exponent), rng)
        case ("+" | "-" as sign, left, right):
            shown = "−" if sign == "-" and rng.random() < 0.2 else sign
            return part(left, 0) + gap() + shown + gap() + part(right, 1)
        case (sign, left, right):
            first, second = part(left, 1), part(right, 2)
            if sign == "/":
                return first + gap() + "/" + gap() + second
            raised = first[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹" and "/" not in first
            if raised and (second[0].isalpha() or second[0] == "(") and rng.random() < 0.8:
                return first + second
            return first + gap() + rng.choice("***·×⋅") + gap() + second
    raise AssertionError(node)


def _exponent(exponent: int, rng: random.Random) -> str:
    plain = rng.choice(
        (
            str(exponent),
            f"({exponent})",
            f"({exponent - 1}+1)" if exponent else "(1-1)",
            f"({2 * exponent}/2)",
            f"+{exponent}",
        )
    )
    raised = str(exponent).translate(SUPERSCRIPT)
    return rng.choice((f"^{plain}", f"**{plain}", f" ^ {plain}", raised, raised))


def _point(rng: random.Random) -> dict[str, Fraction]:
    return {name: F(rng.randint(-9, 9), rng.randint(1, 5)) for name in NAMES}


def random_expressions(index: int, folder: Path) -> list[Outcome]:
    """Read ten expressions, each in three spellings, and evaluate them at three points."""
    outcomes = []
    for number in range(PER_TRIAL):
        rng = random.Random(f"expressions {index} {number}")
        node = tree(rng, rng.choice((2, 3, 4)))
        texts = [spell(node, rng) for _ in range(3)]
        points = [_point(rng) for _ in range(3)]
        wrong = ""
        for text in texts:
            polynomial = parse(text, NAMES)
            for point in points:
                if polynomial([point[name] for name in NAMES]) != value(node, point):
                    wrong = f"{text!r} at {point}"
        outcomes.append(Outcome("random expressions, read and evaluated", bool(wrong), wrong[:200]))
    return outcomes


def _answer(K: Any) -> str:
    """Return the coefficient, or the kind of refusal, of a potential."""
    try:
        result = rlct(K, timeout=2, absolute=True)
    except ValueError as error:
        message = str(error)
        if "\n" in message or len(message) > 300:
            return f"a message of {len(message)} characters"
        for reason in ("identically zero", "not zero", "too large"):
            if reason in message:
                return reason
        return message
    return f"{result.lower} {result.upper} {result.multiplicity}"


def spellings_of_one_germ(index: int, folder: Path) -> list[Outcome]:
    """The coefficient does not depend on how a sum of squares is written."""
    outcomes = []
    for number in range(PER_TRIAL):
        rng = random.Random(f"germs {index} {number}")
        terms = [_monomial(rng) for _ in range(rng.choice((1, 2, 3)))]
        potential = terms[0]
        for term in terms[1:]:
            potential = ("+", potential, term)
        texts = [spell(potential, rng) for _ in range(3)]
        answers = {_answer(text): text for text in texts}
        roots = [_root(term, rng) for term in terms]
        squares = _answer(SumOfSquares(roots))
        wrong = "" if list(answers) == [squares] else f"{answers} {roots}: {squares}"
        outcomes.append(Outcome("spellings of one germ, one coefficient", bool(wrong), wrong[:200]))
    return outcomes


def _monomial(rng: random.Random) -> Tree:
    """Return a square of a monomial, with a positive constant that is a sum."""
    names_ = rng.sample(NAMES[:3], rng.choice((1, 2)))
    inner: Tree = ("power", ("name", names_[0]), rng.randint(1, 3))
    for name in names_[1:]:
        inner = ("*", inner, ("power", ("name", name), rng.randint(1, 2)))
    constant = rng.choice(
        (("number", 1), ("+", ("number", 1), ("number", 1)), ("-", ("number", 3), ("number", 1)))
    )
    if rng.random() < 0.5:
        return ("power", ("*", constant, inner), 2)
    return ("*", constant, ("power", inner, 2))


def _root(term: Tree, rng: random.Random) -> str:
    """Return a generator whose square is a term, but for its constant."""
    return spell(term[1] if term[0] == "power" else term[2][1], rng)


_ALPHABET = (
    string.printable + "²³⁻ⁿ₁₂·×−–—ﬁαβοаеé\u0301ｘ２٢½√∑∂≤'\"\u200b\u202e\ufeff\U0001d465\x00"
)
_PIECES = (
    "x", "y", "2", "0", "1e5", ".5", "x²", "(", ")", "^", "**", "*", "/", "+", "-", " ", "sin",
    "lambda", "__import__('os')", "x[0]", "x.y", "{x}", "%s", "\\", ";", "=", "1/0", "0/0", "^-1",
    "^(1/2)", "^y", "9" * 60, "^99999999999", "∞", "π", "√x", "x₁", "10**10**10",
)  # fmt: skip


def garbage(index: int, folder: Path) -> list[Outcome]:
    """Random characters and pieces of syntax: a polynomial, or one line of a ValueError."""
    outcomes = []
    for number in range(PER_TRIAL):
        rng = random.Random(f"garbage {index} {number}")
        if number % 2:
            text = "".join(rng.choice(_ALPHABET) for _ in range(rng.randint(0, 30)))
        else:
            text = "".join(rng.choice(_PIECES) for _ in range(rng.randint(1, 9)))
        outcomes.append(Outcome("random garbage", *_handled(read, text)))
        outcomes.append(Outcome("random garbage as a potential", *_handled(_solve, text)))
    return outcomes


def _solve(text: str) -> object:
    return rlct(text, timeout=1, absolute=True)


def _handled(call: Callable[[str], object], text: str) -> tuple[bool, str]:
    start = time.monotonic()
    try:
        with ticking():
            call(text)
    except ValueError as error:
        message = str(error)
        if "\n" in message or len(message) > 300 or not message:
            return True, f"{text!r}: {message!r}"[:200]
    except Exception as error:
        return True, f"{text!r}: {type(error).__name__}: {error}"[:200]
    else:
        # What was read has only names that stand in the text, letter for letter.
        known = names(read(text))
        if any(name not in text for name in known):
            return True, f"{text!r}: names {known}"[:200]
    late = time.monotonic() - start
    return late > 5, f"{text!r}: {late:.0f} s"


WIDE: dict[str, str] = {
    "1000 factors in two variables": "*".join(f"(x + {i}*y)^2" for i in range(1, 1001)),
    "1000 factors in three variables": "*".join(f"(x + {i}*y + z)^2" for i in range(1, 1001)),
    "1000 factors in 1001 variables": "*".join(f"(x{i} + x{i + 1})^2" for i in range(1000)),
    "1000 monomial factors": "*".join(f"x{i}^2" for i in range(1000)),
    "1000 units": "*".join(f"(x{i}^2 + 1)" for i in range(1000)) + "*y^2",
    "3000 squares in 3000 variables": "+".join(f"x{i}^2" for i in range(3000)),
    "3000 squares in 51 variables": "+".join(f"(x{i % 50} + {i}*y)^2" for i in range(3000)),
    "3000 squares of products": "+".join(f"(x{i}*x{i + 1})^2" for i in range(3000)),
    "3000 squares in the plane": "+".join(f"(x + {i}*y^2)^2" for i in range(3000)),
    "2000 variables in a square": "(" + "+".join(f"x{i}" for i in range(2000)) + ")^2",
    "2000 variables": "+".join(f"x{i}^2*x{(i + 7) % 2000}^4" for i in range(2000)),
    "10000 parentheses": "(" * 10_000 + "x" + ")" * 10_000 + "^2",
    "10000 signs": "-" * 10_000 + "x^2",
    "a huge exponent": "x^2 + y^999999999999",
    "(x+y)^100000": "(x+y)^100000",
    "(x+y+z)^10000 and more": "(x+y+z)^10000 + x^2",
    "powers of powers": "((((((((x^2+y)^2+x)^2+y)^2+x)^2+y)^2+x)^2+y)^2+x)^2",
    "4000 terms": "(" + "+".join(f"{i}*x^{i % 97}*y^{i % 89}*z" for i in range(1, 4000)) + ")^2-x",
    "1500 expansions": "+".join(f"(x+y+z+w)^20*x^{i}" for i in range(1500)) + "-x*y",
    "large numbers": "(9^300*x + 8^300*y)^100 + z^2*x",
}
LIMIT = 5.0


def wide_expressions(index: int, folder: Path) -> list[Outcome]:
    """A value, bounds or one line, within the time limit and a fifth of it."""
    case = list(WIDE)[index % len(WIDE)]
    rlct("x^2*y^2")
    start, note = time.monotonic(), ""
    try:
        with ticking():
            result = rlct(WIDE[case], timeout=LIMIT)
        if not 0 < result.lower <= result.upper:
            note = f"{case}: {result}"
    except ValueError as error:
        if "\n" in str(error) or len(str(error)) > 300:
            note = f"{case}: a message of {len(str(error))} characters"
    late = time.monotonic() - start
    if late > 1.2 * LIMIT:
        note = f"{case}: {late:.1f} s for a limit of {LIMIT:.0f} s"
    return [Outcome("wide expressions, time limit of rlct", bool(note), note)]


EXPERIMENTS = [
    Experiment("random-expressions", "attack", 100, random_expressions, quick=10),
    Experiment("spellings", "attack", 30, spellings_of_one_germ, quick=2),
    Experiment("garbage", "attack", 100, garbage, quick=10),
    Experiment("wide-expressions", "attack", len(WIDE), wide_expressions),
]
