"""Centres that are no rational points: conjugate germs at irrational tangents, and towers.

A germ B(x, y; t) is multiplied over the conjugates of t = sqrt(2) or t = 2^(1/3). Its orders only
depend on which terms vanish and on signs, so a rational stand-in for t gives the truth: t = 1 and
t = -1 for the two square roots, t = 1 for the real cube root, whose complex conjugates contribute
like definite quadratic forms of the same order.
"""

import random
from fractions import Fraction

import pytest
import sympy
from plane_oracle import as_product, truth

from theory import rlct, verify
from theory.polynomials.expression import parse

# Blocks without a tangent that two values of t share; roots of t appear at the second level.
BLOCKS = (
    "y - t*x",
    "y - t*x - x^2",
    "y - t*x + t*x^2",
    "(y - t*x)^2 - t*x^4",
    "(y - t*x)^2 - x^3",
    "(y - t*x)^2 - t*x^3",
    "(y - t*x)^2 + x^4",
    "(y - t*x)^2 - 4*x^4",
    "(y - t*x)^3 - t*x^4",
    "(y - t*x - x^2)^2 - t*x^5",
    "(y - t*x)^2 + t*x^4",
    "((y - t*x)^2 - t^2*x^4)^2 - x^9",
)
TOWERS = (
    "((y - t*x)^2 - t*x^4)^2 - x^9",
    "((y - t*x)^2 - t*x^4)^2 + x^10",
    "((y - t*x)^2 - t*x^4)^2 - t*x^10",
    "((y - t*x)^2 - t*x^4)^2 - x^6*(y - t*x)*x",
)


def conjugates(block: str, minimal: str) -> str:
    x, y, t = sympy.symbols("x y t")
    names = {"x": x, "y": y, "t": t}
    terms = parse(block, ("t", "x", "y")).terms
    whole = sum(
        sympy.Rational(c.numerator, c.denominator) * t**a * x**i * y**j
        for (a, i, j), c in terms.items()
    )
    relation = {"t^2 - 2": t**2 - 2, "t^3 - 2": t**3 - 2}[minimal]
    norm = sympy.Poly(sympy.resultant(relation, whole, names["t"]), x, y)
    return " + ".join(f"({c})*x^{i}*y^{j}" for (i, j), c in norm.terms())


def at(block: str, value: int) -> str:
    return block.replace("t", f"({value})")


def order(block: str) -> int:
    return min(i + j for _, i, j in parse(block, ("t", "x", "y")).terms)


@pytest.mark.parametrize("seed", range(3))
def test_square_roots(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(14):
        chosen = rng.sample(BLOCKS, rng.choice((1, 2, 2)))
        factors = [(block, rng.choice((1, 1, 2, 3))) for block in chosen]
        stand_in = [(at(block, t), k) for block, k in factors for t in (1, -1)]
        expected = truth(stand_in)
        K = as_product([(conjugates(block, "t^2 - 2"), k) for block, k in factors])
        coefficient = rlct(K, absolute=True)
        assert (coefficient.value, coefficient.multiplicity) == expected, factors


@pytest.mark.parametrize("seed", range(2))
def test_cube_roots(seed: int) -> None:
    rng = random.Random(50 + seed)
    for _ in range(8):
        chosen = rng.sample(BLOCKS, rng.choice((1, 1, 2)))
        factors = [(block, rng.choice((1, 1, 2))) for block in chosen]
        stand_in = [(at(block, 1), k) for block, k in factors]
        pairs = sum(order(block) * k for block, k in factors)
        expected = truth([*stand_in, ("y^2 + x^2", pairs)])
        K = as_product([(conjugates(block, "t^3 - 2"), k) for block, k in factors])
        coefficient = rlct(K, absolute=True)
        assert (coefficient.value, coefficient.multiplicity) == expected, factors


@pytest.mark.parametrize("block", TOWERS)
@pytest.mark.parametrize("power", [1, 2])
def test_towers(block: str, power: int) -> None:
    expected = truth([(at(block, 1), power), (at(block, -1), power)])
    coefficient = rlct(as_product([(conjugates(block, "t^2 - 2"), power)]), absolute=True)
    assert (coefficient.value, coefficient.multiplicity) == expected
    assert any(
        node.data.get("field", {}).get("minimal", "").startswith("t^4")
        for node in _walk(coefficient)
    )
    assert verify(coefficient)


def _walk(result: object) -> list[object]:
    certificate = getattr(result, "certificate", None)
    assert certificate is not None
    return list(certificate.walk())


def test_a_tie_across_an_irrational_centre() -> None:
    # Two double tangents y = +-sqrt(2) x, K = f^2: the first divisor has nu/N = 2/8, the next ones,
    # at the irrational points, 3/12, and they cross it.
    K = conjugates("(y - t*x)^2 - t*x^4", "t^2 - 2")
    found = rlct(f"({K})^2", absolute=True)
    assert (found.value, found.multiplicity) == (Fraction(1, 4), 2)
