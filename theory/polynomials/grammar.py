"""The grammar of polynomials as text.

    sum     = [sign] product { ("+" | "-") product }
    product = power { ("*" | "/") power }
    power   = atom [ ("^" | "**") ["+"] whole-number-constant ]
    atom    = integer | name | "(" sum ")" | sign power

A divisor and an exponent are constants. Nothing is evaluated by the interpreter: any other
character or word order is a syntax error.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NoReturn, final

from theory.polynomials.trees import (
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    Tree,
    constant,
    degree_bound,
)

MAX_LENGTH = 100_000
MAX_DEPTH = 100
MAX_DEGREE = 10_000
MAX_DIGITS = 1_000

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([^\W\d]\w*)|(\*\*|[-+*/^()]))")


def read(text: str, room: int = 1) -> Tree:
    """Return the tree of a polynomial written as text.

    Args:
        text: What to read.
        room: Factor of all limits on size; more than 1 for text that a program wrote.

    Raises:
        ValueError: If the text is not a polynomial with rational coefficients, or too large.
    """
    if len(text) > room * MAX_LENGTH:
        raise ValueError(
            f"polynomial text has {len(text)} characters, more than {room * MAX_LENGTH}"
        )
    return _Reader(text, room).whole()


@final
class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, room: int) -> None:
        self.text = text.strip()
        self.tokens = list(self._tokenise())
        self.position = 0
        self.depth = 0
        self.degree = room * MAX_DEGREE
        self.digits = room * MAX_DIGITS

    def whole(self) -> Tree:
        tree = self.sum()
        if self._peek():
            self._fail()
        return tree

    def sum(self) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"polynomial text is nested more than {MAX_DEPTH} deep")
        terms = [self.product()]
        while self._peek() in ("+", "-"):
            minus = self._next() == "-"
            term = self.product()
            terms.append(_negative(term) if minus else term)
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Sum(tuple(terms))

    def product(self) -> Tree:
        factors = [self.power()]
        while self._peek() in ("*", "/"):
            if self._next() == "*":
                factors.append(self.power())
                continue
            divisor = constant(self.power())
            if divisor is None:
                raise ValueError(f"the divisor in {self.text!r} must be a constant")
            if divisor == 0:
                raise ValueError(f"division by zero in {self.text!r}")
            factors.append(Number(1 / divisor))
        return factors[0] if len(factors) == 1 else Product(tuple(factors))

    def power(self) -> Tree:
        if self._peek() in ("+", "-"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ValueError(f"polynomial text is nested more than {MAX_DEPTH} deep")
            minus = self._next() == "-"
            operand = self.power()
            self.depth -= 1
            return _negative(operand) if minus else operand
        base = self.atom()
        if self._peek() not in ("^", "**"):
            return base
        self._next()
        exponent = constant(self.power())
        if exponent is None:
            raise ValueError(f"the exponent in {self.text!r} must be a constant")
        fixed = constant(base)
        if fixed is not None and exponent * _bits(fixed) > 4 * self.digits:
            raise ValueError(f"a constant power has more than {self.digits} digits")
        size = max(degree_bound(base), 1)
        if exponent.denominator != 1 or exponent < 0 or exponent * size > self.degree:
            raise ValueError(
                f"exponent {exponent} in {self.text!r} must be a whole number,"
                f" degree <= {self.degree}"
            )
        return Power(base, int(exponent))

    def atom(self) -> Tree:
        token = self._next()
        if token == "(":
            tree = self.sum()
            if self._next() != ")":
                self._fail()
            return tree
        if token[:1].isdigit() or token[:1] == ".":
            if not token.isdecimal():
                raise ValueError(
                    f"{token} in {self.text!r} is not an integer; write rationals as 3/2"
                )
            if len(token) > self.digits:
                raise ValueError(f"a number has more than {self.digits} digits")
            return Number(Fraction(int(token)))
        if token and token not in "+-**/^()":
            return Symbol(token)
        return self._fail()

    def _tokenise(self) -> Iterator[str]:
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                self._fail()
            position = match.end()
            yield match.group(match.lastindex or 0)

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self.position += 1
        return token

    def _fail(self) -> NoReturn:
        raise ValueError(f"cannot read {self.text!r} as a polynomial: invalid syntax")


def _negative(tree: Tree) -> Tree:
    if isinstance(tree, Number):
        return Number(-tree.value)
    return Product((Number(Fraction(-1)), tree))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())
