"""Properties that every answer in three and four variables has, on drawn germs.

Bounds always have to hold; exact answers have to agree, and a stated share of all has to be exact.
"""

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from random_germs import (
    image,
    linear_change,
    moved,
    polynomial_change,
    random_case,
    text_of,
)  # fmt: skip

from theory import SumOfSquares, rlct, verify
from theory.coefficient import RLCT
from theory.polynomials.expression import parse, write
from theory.polynomials.germ import Germ

F = Fraction
SEEDS = st.integers(0, 10_000)
LIGHT = settings(max_examples=15, deadline=None, derandomize=True)
TIMEOUT = 4.0


def solved(g: Germ, scale: str = "1") -> RLCT:
    found = rlct(f"{scale}*{text_of(g)}", timeout=TIMEOUT, absolute=True)
    assert 0 < found.lower <= found.upper
    return found


def agree(one: RLCT, two: RLCT) -> None:
    """Two answers about the same number: intervals meet, exact answers are equal."""
    assert one.lower <= two.upper
    assert two.lower <= one.upper
    if one.exact and two.exact:
        assert (one.value, one.multiplicity) == (two.value, two.multiplicity)


@LIGHT
@given(SEEDS)
def test_invariance_under_linear_and_polynomial_changes(seed: int) -> None:
    rng = random.Random(seed)
    g, (value, multiplicity) = random_case(rng)
    for change in (linear_change, polynomial_change):
        coefficient = solved(moved(g, change(rng, g.variables)))
        assert coefficient.lower <= value <= coefficient.upper
        if coefficient.exact:
            assert coefficient.multiplicity == multiplicity


@LIGHT
@given(SEEDS, st.integers(2, 5))
def test_invariance_under_rescaling_and_permutation(seed: int, scale: int) -> None:
    rng = random.Random(seed)
    g, _ = random_case(rng)
    before = solved(g)
    agree(before, solved(g, f"{scale}/7"))
    names = list(g.variables)
    stretched = [parse(f"{rng.choice((-1, 1)) * scale}*{v}", names) for v in names]
    agree(before, solved(moved(g, stretched)))
    rng.shuffle(names)
    agree(before, solved(moved(g, [parse(v, g.variables) for v in names])))


@LIGHT
@given(SEEDS, st.sampled_from([("u^2", "1/2", 1), ("u^2*v^2", "1/2", 2), ("u^4 + v^6", "5/12", 1)]))
def test_sums_and_products_in_disjoint_variables(seed: int, other: tuple[str, str, int]) -> None:
    g, (value, m) = random_case(random.Random(seed))
    K = f"({text_of(g)})^2"
    text, second, k = other
    half, right = value / 2, F(second)
    total = rlct(f"{K} + {text}", timeout=TIMEOUT)
    assert total.lower <= half + right <= total.upper
    assert total.multiplicity in (None, m + k - 1)
    product = rlct(f"{K}*({text})", timeout=TIMEOUT)
    best = min(half, right)
    assert product.lower <= best <= product.upper
    expected = m * (half == best) + k * (right == best)
    assert product.multiplicity in (None, expected)


@LIGHT
@given(SEEDS)
def test_monotonicity(seed: int) -> None:
    """More generators make the ideal larger and K too: lambda does not fall."""
    rng = random.Random(seed)
    g, (value, _) = random_case(rng)
    h, (other, _) = random_case(rng)
    generators = [write(p) for p in g.factors[0].generators]
    more = [write(image(p, [parse(v, h.variables) for v in h.variables], h.variables))
            for p in h.factors[0].generators]  # fmt: skip
    if len(generators) < 2 or len(more) < 2:
        return
    whole = rlct(SumOfSquares([*generators, *more]), timeout=TIMEOUT)
    assert whole.upper >= max(value, other)
    part = rlct(SumOfSquares(generators[:1]), timeout=TIMEOUT)
    assert part.lower <= value


def test_a_stated_share_is_exact_and_verified() -> None:
    rng = random.Random(77)
    exact = 0
    for k in range(30):
        g, (value, multiplicity) = random_case(rng)
        coefficient = solved(moved(g, linear_change(rng, g.variables)))
        assert coefficient.lower <= value <= coefficient.upper
        assert coefficient.multiplicity in (None, multiplicity)
        exact += coefficient.exact
        if k % 3 == 0:
            assert verify(coefficient)
    assert exact >= 27
