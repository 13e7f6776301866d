"""Random plane germs whose truth is known without Newton polygons.

Three independent routes: (a) a resolution by blowing up points, on coordinates in which the
infinitely near points are rational, while the solver sees the germ after a random polynomial change
of coordinates; (b) the closed form for smooth branches from their orders of contact; (c) sums of
two squares of such curves against the same germ written as one polynomial.
"""

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
import sympy
from plane_oracle import Claim, Irrational, as_product, least, truth

from theory import SumOfSquares, rlct, verify
from theory.polynomials.expression import Polynomial, parse, write

F = Fraction

# Irreducible curves through the origin, most of them in forms that are not nondegenerate together.
BLOCKS = (
    "y", "x", "y - x", "y + x", "y - x^2", "y - x^2 - x^3", "y + x^2", "y - 2*x", "x - y^2",
    "x - y^2 + y^3", "y - x^3", "y^2 - x^3", "y^2 - 2*x^3", "y^3 - x^2", "y^2 - x^5", "y^3 - x^4",
    "y^2 + x^2", "y^2 + x^4", "(y - x)^2 + x^4", "(y - x^2)^2 + x^6", "(y - x^2)^2 - x^5",
    "y^2 - 2*x^2", "y^2 - 3*x^4", "y^3 - 2*x^3", "(y^2 - x^3)^2 - x^5*y", "(y^2 - x^3)^2 - 4*x^7",
    "(y^2 - x^3)^2 + x^7", "y^2 - x^2 + x^3", "y^4 + x^4", "y^4 - 2*x^6", "y^2 + x^3*y + x^6",
    "(y - x^2)^3 - x^7", "(x - y)^2 + y^6", "(x + y^2)^2 - y^5",
)  # fmt: skip


def draw(rng: random.Random) -> list[tuple[str, int]]:
    while True:
        chosen = rng.sample(BLOCKS, rng.choice((1, 2, 2, 3, 3, 4)))
        factors = [(text, rng.choice((1, 1, 1, 2, 2, 3))) for text in chosen]
        if sum(parse(text, ("x", "y")).degree * k for text, k in factors) <= 14:
            return factors


def change(rng: random.Random) -> tuple[str, str]:
    """Return the images of x and y under a random polynomial automorphism of the plane."""
    a, b = rng.choice((-2, -1, 1, 2)), rng.choice((-1, 1, 3))
    kind = rng.randrange(6)
    linear = [("x", "y"), ("y", "x"), ("x + y", "y"), ("x + 2*y", "x + y"), ("x", f"{b}*y")]
    first, second = rng.choice(linear)
    if kind < 2:
        second = f"{second} + {a}*({first})^{rng.choice((1, 2, 3))}"
    elif kind < 4:
        first = f"{first} + {a}*({second})^{rng.choice((1, 2))}"
    return first, second


def substitute(text: str, first: str, second: str) -> str:
    f = parse(text, ("x", "y"))
    x, y = parse(first, ("x", "y")), parse(second, ("x", "y"))
    total = Polynomial(("x", "y"), {})
    for (i, j), c in f.terms.items():
        total = total + Polynomial(("x", "y"), {(0, 0): c}) * x**i * y**j
    return write(total)


@pytest.mark.parametrize("seed", range(6))
def test_point_blow_ups_agree_after_a_change_of_coordinates(seed: int) -> None:
    rng = random.Random(seed)
    compared = 0
    while compared < 75:
        factors = draw(rng)
        try:
            expected = truth(factors)
        except Irrational:
            continue
        first, second = change(rng)
        K = as_product([(substitute(text, first, second), k) for text, k in factors])
        if rng.random() < 0.3:
            K = write(parse(K, ("x", "y")))
        coefficient = rlct(K, absolute=True)
        assert (coefficient.value, coefficient.multiplicity) == expected, (factors, first, second)
        if compared % 8 == 0:
            assert verify(coefficient)
        compared += 1


@pytest.mark.parametrize("seed", range(2))
def test_point_blow_ups_agree_under_a_monomial_density(seed: int) -> None:
    rng = random.Random(100 + seed)
    compared = 0
    while compared < 60:
        factors = draw(rng)
        prior = (rng.choice((0, 0, 1, 2, 3)), rng.choice((0, 1, 2)))
        try:
            expected = truth(factors, prior)
        except Irrational:
            continue
        K = as_product(factors)
        used = {name: h for name, h in zip("xy", prior, strict=True) if name in K}
        if len(used) < 2:
            continue
        coefficient = rlct(K, prior=used, absolute=True)
        assert (coefficient.value, coefficient.multiplicity) == expected, (factors, prior)
        compared += 1


# (b) Smooth branches, real and complex, by their orders of contact.


def contact(one: Sequence[int], two: Sequence[int]) -> int:
    """Return the order of ``p - q``; index i holds the coefficient of ``x^(i + 1)``."""
    for i, (a, b) in enumerate(zip(one, two, strict=True)):
        if a != b:
            return i + 1
    return len(one) + 1


def by_contact(
    real: Sequence[tuple[tuple[int, ...], int]],
    complex_: Sequence[tuple[tuple[int, ...], int, int]],
    axis: int,
    prior: int,
) -> Claim:
    """Return the value of ``x^axis prod (y - p)^k prod ((y - p)^2 + x^(2 s))^l``.

    The divisors are the discs of radius ``x^h`` around the branches, ``nu = 1 + prior + h``.
    """
    size = len(real[0][0]) if real else len(complex_[0][0])

    def divisor(centre: Sequence[int], h: int) -> F:
        n = axis + sum(k * min(contact(centre, p), h) for p, k in real)
        n += sum(2 * k * min(contact(centre, p), s, h) for p, s, k in complex_)
        return F(1 + prior + h, n)

    claims: list[Claim] = [(F(1 + prior, axis), 1)] if axis else []
    for centre in [p for p, _ in real] + [p for p, _, _ in complex_]:
        chain = [F(1 + prior, axis)] if axis else []
        chain += [divisor(centre, h) for h in range(1, size + 1)]
        powers = [k for p, k in real if p == centre]
        chain += [F(1, powers[0])] if powers else []
        claims += [(value, 1) for value in chain]
        claims += [(a, 2) for a, b in pairwise(chain) if a == b]
    return least(claims)


@pytest.mark.parametrize("seed", range(2))
def test_smooth_branches_by_their_contact(seed: int) -> None:
    rng = random.Random(200 + seed)
    for _ in range(60):
        size = rng.choice((2, 3, 4))
        # Few coefficients to choose from make long contacts likely.
        series = {tuple(rng.choice((0, 0, 1, -1)) for _ in range(size)) for _ in range(4)}
        listed = sorted(series)
        cut = rng.randrange(1, len(listed) + 1)
        real = [(p, rng.choice((1, 1, 2, 3))) for p in listed[:cut]]
        complex_ = [(p, rng.randrange(1, size + 1), rng.choice((1, 2))) for p in listed[cut:]]
        axis, prior = rng.choice((0, 0, 1, 2)), rng.choice((0, 0, 1, 2))
        expected = by_contact(real, complex_, axis, prior)
        shift = rng.choice(("0", "x^2", "x - 2*x^3"))
        parts = [f"(y - ({_series(p)}) - ({shift}))^{k}" for p, k in real]
        parts += [f"((y - ({_series(p)}) - ({shift}))^2 + x^{2 * s})^{k}" for p, s, k in complex_]
        K = "*".join([*parts, f"x^{axis}"])
        coefficient = rlct(K, prior={"x": prior} if axis else _if_named(K, prior), absolute=True)
        assert (coefficient.value, coefficient.multiplicity) == expected, K


def _series(p: Sequence[int]) -> str:
    return " + ".join(f"({c})*x^{i + 1}" for i, c in enumerate(p))


def _if_named(K: str, prior: int) -> Mapping[str, int]:
    return {"x": prior} if prior else {}


# (c) Ideals against their sum of squares written out.


def test_ideals_agree_with_their_expanded_sum_of_squares() -> None:
    rng = random.Random(300)
    for _ in range(60):
        texts = [as_product([(t, 1)]) for t in rng.sample(BLOCKS[:23], 2)]
        shared = rng.choice(("1", "y - x^2", "x", "x^2 + y^2"))
        generators = [f"({shared})*{text}" for text in texts]
        expanded = write(parse(" + ".join(f"({g})^2" for g in generators), ("x", "y")))
        one, two = rlct(SumOfSquares(generators)), rlct(expanded)
        assert (one.value, one.multiplicity) == (two.value, two.multiplicity), generators


def test_random_ideals_by_point_blow_ups() -> None:
    """The oracle resolves the squarefree parts of the sum of squares, which it gets expanded."""
    rng = random.Random(400)
    compared = 0
    while compared < 150:
        generators = [_random_polynomial(rng) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.4:
            shared = rng.choice(("y - x", "y - x^2", "x^2 + y^2", "x", "y^2 - x^3"))
            generators = [f"({shared})*({g})" for g in generators]
        K = parse(" + ".join(f"({g})^2" for g in generators), ("x", "y"))
        if not K.terms:
            continue
        x, y = sympy.symbols("x y")
        rational = {e: sympy.Rational(c.numerator, c.denominator) for e, c in K.terms.items()}
        _, parts = sympy.Poly.from_dict(rational, x, y).sqf_list()
        try:
            expected = truth(
                [
                    (" + ".join(f"({c})*x^{i}*y^{j}" for (i, j), c in part.terms()), int(power))
                    for part, power in parts
                ]
            )
        except Irrational:
            continue
        coefficient = rlct(SumOfSquares(generators))
        assert (coefficient.value, coefficient.multiplicity) == expected, generators
        compared += 1


def _random_polynomial(rng: random.Random) -> str:
    pairs = [(rng.randint(0, 4), rng.randint(0, 4)) for _ in range(rng.randint(1, 4))]
    terms = [f"({rng.choice((-2, -1, 1, 1, 2))})*x^{i}*y^{j}" for i, j in pairs if i + j]
    return " + ".join(terms) or "x"


# The numbers above are only as good as the oracle: it must know the classics.
@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([("y^2 - x^3", 1)], (F(5, 6), 1)),
        ([("y", 1), ("x", 1)], (F(1), 2)),
        ([("y^2 - x^5", 2)], (F(7, 20), 1)),
        ([("y^2 + x^2", 2)], (F(1, 2), 1)),
        ([("(y^2 - x^3)^2 - x^5*y", 1)], (F(5, 12), 1)),
        ([("y^2 - 3*x^2", 2)], (F(1, 2), 2)),
        ([("(y - x^3)^2 + x^8", 1)], (F(5, 8), 1)),
    ],
)
def test_the_point_oracle_knows_the_classics(
    factors: list[tuple[str, int]], expected: Claim
) -> None:
    assert truth(factors) == expected
