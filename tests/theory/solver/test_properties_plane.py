"""Properties that every answer about a plane germ has, on drawn germs."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from theory import SumOfSquares, rlct
from theory.coefficient import RLCT
from theory.polynomials.expression import Polynomial, parse, write

F = Fraction


def pair(coefficient: RLCT) -> tuple[Fraction, int | None]:
    return coefficient.value, coefficient.multiplicity


MONOMIALS = st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda e: sum(e) > 0)
POLYNOMIALS = st.dictionaries(
    MONOMIALS, st.integers(-3, 3).filter(bool), min_size=1, max_size=4
).map(lambda terms: Polynomial(("x", "y"), {e: F(c) for e, c in terms.items()}))
LIGHT = settings(max_examples=40, deadline=None, derandomize=True)


def compose(f: Polynomial, first: str, second: str) -> str:
    x, y = parse(first, ("x", "y")), parse(second, ("x", "y"))
    total = Polynomial(("x", "y"), {})
    for (i, j), c in f.terms.items():
        total = total + Polynomial(("x", "y"), {(0, 0): c}) * x**i * y**j
    return write(total)


@LIGHT
@given(POLYNOMIALS, st.integers(-2, 2), st.integers(-2, 2), st.sampled_from([1, 2, 3]))
def test_invariance_under_coordinate_changes(f: Polynomial, a: int, b: int, k: int) -> None:
    before = pair(rlct(f, absolute=True))
    assert pair(rlct(compose(f, f"x + {a}*y", "y"), absolute=True)) == before
    assert pair(rlct(compose(f, "x", f"y + {b}*x^{k}"), absolute=True)) == before
    # A local analytic diffeomorphism that is no polynomial automorphism.
    assert pair(rlct(compose(f, "x + x*y", f"y - {a}*x^2*y"), absolute=True)) == before


@LIGHT
@given(POLYNOMIALS, st.integers(1, 5), st.integers(1, 3))
def test_permutation_rescaling_and_powers(f: Polynomial, scale: int, power: int) -> None:
    before = pair(rlct(f, absolute=True))
    assert pair(rlct(compose(f, "y", "x"), absolute=True)) == before
    assert pair(rlct(compose(f, f"{scale}*x", f"-{power}*y"), absolute=True)) == before
    assert pair(rlct(f"-{scale}/7*({write(f)})", absolute=True)) == before
    value, m = pair(rlct(f"({write(f)})^{power}", absolute=True))
    assert (value * power, m) == before
    assert pair(rlct(f"({write(f)})*(1 + x - y^2)", absolute=True)) == before


@LIGHT
@given(POLYNOMIALS, POLYNOMIALS)
def test_sums_and_products_in_disjoint_variables(f: Polynomial, g: Polynomial) -> None:
    one, two = rlct(f"({write(f)})^2"), rlct(f"({write(g)})^2")
    other = write(Polynomial(("u", "v"), g.terms))
    total = rlct(f"({write(f)})^2 + ({other})^2")
    assert total.value == one.value + two.value
    assert total.multiplicity == (one.multiplicity or 0) + (two.multiplicity or 0) - 1
    product = rlct(f"({write(f)})^2*({other})^2")
    best = min(one.value, two.value)
    assert product.value == best
    assert product.multiplicity == sum(p.multiplicity or 0 for p in (one, two) if p.value == best)


@LIGHT
@given(POLYNOMIALS, POLYNOMIALS)
def test_monotonicity(f: Polynomial, g: Polynomial) -> None:
    small = rlct(f"({write(f)})^2")
    assert rlct(f"({write(f)})^2 + ({write(g)})^2").value >= small.value
    assert rlct(f"({write(f)})^2*({write(g)})^2").value <= small.value
    d, o = 2, min(sum(e) for e in f.terms)
    assert F(1, 2 * o) <= small.value <= F(d, 2 * o)


@LIGHT
@given(POLYNOMIALS, POLYNOMIALS)
def test_an_ideal_does_not_depend_on_its_generators(f: Polynomial, g: Polynomial) -> None:
    a, b = write(f), write(g)
    before = pair(rlct(SumOfSquares([a, b])))
    assert pair(rlct(SumOfSquares([a, f"({b}) + (2 - x)*({a})"]))) == before
    assert pair(rlct(SumOfSquares([f"({a}) + ({b})", f"({a}) - ({b})"]))) == before
    assert pair(rlct(SumOfSquares([a, b, f"x*({a})", f"({a})*(1 + y)"]))) == before


@LIGHT
@given(st.lists(MONOMIALS, min_size=1, max_size=5), st.integers(0, 3), st.integers(0, 3))
def test_monomial_ideals_by_their_polygon(exponents: list[tuple[int, int]], h: int, k: int) -> None:
    """Sums of squares of monomials are nondegenerate: a search over all rays is the polygon."""
    terms = {e: F(1) for e in exponents}
    f = Polynomial(("x", "y"), terms)
    generators = [f"x^{i}*y^{j}" for i, j in exponents]
    coefficient = rlct(SumOfSquares(generators), prior={"x": h, "y": k})
    rays = [(p, q) for p in range(9) for q in range(9) if p + q]
    ratios = [
        F(p * (1 + h) + q * (1 + k), 2 * least)
        for p, q in rays
        if (least := min(p * i + q * j for i, j in f.terms))
    ]
    assert coefficient.value == min(ratios)
    attained = {
        F(p, p + q)
        for p, q in rays
        if (least := min(p * i + q * j for i, j in f.terms))
        and F(p * (1 + h) + q * (1 + k), 2 * least) == min(ratios)
    }
    # The minimum is attained on one ray, or on a whole cone: then two divisors cross.
    assert coefficient.multiplicity == (1 if len(attained) == 1 else 2)
