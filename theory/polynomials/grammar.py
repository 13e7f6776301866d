"""The grammar of polynomials as text.

    sum     = product { ("+" | "-") product }
    product = power { ("*" | "/") power }
    power   = sign power | atom superscript | atom [ ("^" | "**") power ]
    atom    = integer | name | "(" sum ")"

A divisor and an exponent are constants, ``-x^2`` is ``-(x^2)``, ``x^2^3`` is ``x^(2^3)`` and
``x^0`` is 1. Every name is a variable, also one of several letters: ``xy`` is one variable, ``x*y``
a product. The sign of a product is needed but after a superscript: ``x²y³`` is ``x^2*y^3``.
Nothing is evaluated by the interpreter: any other character or word order is a syntax error.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NoReturn, final

from theory.polynomials.characters import GREEK, SUPERSCRIPTS, plain, quoted, superscript
from theory.polynomials.trees import (
    MAX_DIGITS,
    Number,
    Symbol,
    Tree,
    constant,
    degree_bound,
    power,
    product,
    sum_of,
)

MAX_LENGTH = 100_000
MAX_DEPTH = 100
MAX_DEGREE = 10_000

_TOKEN = re.compile(
    r"\s*(?:([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+)"
    rf"|([A-Za-z_{GREEK}][A-Za-z0-9_{GREEK}]*)|([{SUPERSCRIPTS}]+)|(\*\*|[-+*/^()]))"
)


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
        self.text = plain(text.strip())
        self.tokens = list(self._tokenise())
        self.position = 0
        self.depth = 0
        # Where a factor with a superscript ends: another one may follow without a sign.
        self.raised = -1
        self.degree = room * MAX_DEGREE
        # Python converts no longer text to an integer.
        self.digits = min(room * MAX_DIGITS, 4_300)

    def whole(self) -> Tree:
        tree = self.sum()
        if self._peek():
            self._fail(self._unread())
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
        return sum_of(terms, self.digits)

    def product(self) -> Tree:
        factors = [self.power()]
        while True:
            if self._peek() == "/":
                self._next()
                factors.append(Number(1 / self._divisor()))
            elif self._peek() == "*":
                self._next()
                factors.append(self.power())
            elif self.raised == self.position and (self._at_name() or self._peek() == "("):
                factors.append(self.power())
            else:
                return product(factors, self.digits)

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
        self.raised = -1
        if self._at_superscript():
            tree = self._raised(base, self._integer(superscript(self._next())))
            if self._peek() in ("^", "**"):
                self._fail("two powers of one factor; write parentheses")
            self.raised = self.position
            return tree
        if self._peek() not in ("^", "**"):
            return base
        self._next()
        exponent = constant(self.power())
        self.raised = -1
        if exponent is None:
            raise ValueError(f"the exponent in {quoted(self.text)} must be a constant")
        return self._raised(base, exponent)

    def atom(self) -> Tree:
        token = self._next()
        if token == "(":
            tree = self.sum()
            if self._peek() != ")":
                self._fail(self._unread())
            self._next()
            return tree
        if token[:1].isdecimal() or token[:1] == ".":
            if not token.isdecimal():
                raise ValueError(
                    f"{quoted(token)} in {quoted(self.text)} is not an integer;"
                    " write rationals as 3/2"
                )
            return Number(self._integer(token))
        if token[:1].isalpha() or token[:1] == "_":
            return Symbol(token)
        return self._fail()

    def _raised(self, base: Tree, exponent: Fraction) -> Tree:
        size = 0 if constant(base) in (0, 1, -1) else max(degree_bound(base), 1)
        if exponent.denominator != 1 or exponent < 0 or exponent * size > self.degree:
            raise ValueError(
                f"exponent {quoted(str(exponent))[1:-1]} in {quoted(self.text)} must be a whole"
                f" number, degree <= {self.degree}"
            )
        return power(base, int(exponent), self.digits)

    def _integer(self, digits: str) -> Fraction:
        if len(digits) > self.digits:
            raise ValueError(f"a number has more than {self.digits} digits")
        return Fraction(int(digits))

    def _divisor(self) -> Fraction:
        divisor = constant(self.power())
        self.raised = -1
        if divisor is None:
            raise ValueError(f"the divisor in {quoted(self.text)} must be a constant")
        if divisor == 0:
            raise ValueError(f"division by zero in {quoted(self.text)}")
        return divisor

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

    def _unread(self) -> str:
        """Return how a sign between two factors was left out, if that is the fault."""
        before, after = self.tokens[self.position - 1], self._peek()
        if after and after not in ("+", "-", "*", "/", "^", "**", ")"):
            return f"write * between {quoted(before)} and {quoted(after)}"
        return ""

    def _at_name(self) -> bool:
        token = self._peek()
        return token[:1].isalpha() or token[:1] == "_"

    def _at_superscript(self) -> bool:
        return self._peek()[:1] in tuple(SUPERSCRIPTS)

    def _fail(self, reason: str = "") -> NoReturn:
        raise ValueError(
            f"cannot read {quoted(self.text)} as a polynomial: invalid syntax"
            + (f": {reason}" if reason else "")
        )


def _negative(tree: Tree) -> Tree:
    if isinstance(tree, Number):
        return Number(-tree.value)
    return product([Number(Fraction(-1)), tree])
