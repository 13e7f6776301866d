"""Certified sums of squares by completing squares, and factors of expanded polynomials."""

from collections.abc import Iterator
from fractions import Fraction

from theory.algebra.sympy_untyped import SYMPY
from theory.polynomials.expression import Exponents, Polynomial

Square = tuple[Fraction, Polynomial]

# Larger polynomials are left as they are; the answer then rests on other rules.
MAX_FACTOR_TERMS = 400
MAX_FACTOR_DEGREE = 24
MAX_FACTOR_VARIABLES = 60
MAX_TRIALS = 60
MAX_SQUARE_TERMS = 400


def as_squares(f: Polynomial) -> list[Square] | None:
    """Return positive weights and generators with ``f = sum w g^2``; None if none was found.

    Squares are completed in one variable after the other, so that every positive semidefinite
    quadratic form, and every polynomial with positive coefficients and even exponents, is found.
    """
    return _complete(f, [MAX_TRIALS])


def factorised(f: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
    """Return the constant and the irreducible factors with their powers, if f is not too large."""
    if len(f.terms) > MAX_FACTOR_TERMS or f.degree > MAX_FACTOR_DEGREE or not f.degree:
        return Fraction(1), [(f, 1)]
    if len(f.variables) > MAX_FACTOR_VARIABLES:
        return _factorised_within(f)
    polynomials = SYMPY.ring(list(f.variables), SYMPY.QQ)[0]
    terms = {e: SYMPY.QQ(c.numerator, c.denominator) for e, c in f.terms.items()}
    element = polynomials.from_dict(terms)
    constant, factors = element.factor_list()
    squares = [
        (Polynomial(f.variables, {tuple(e): _fraction(c) for e, c in factor.terms()}), int(power))
        for factor, power in factors
    ]
    return _fraction(constant), squares


def _factorised_within(f: Polynomial) -> tuple[Fraction, list[tuple[Polynomial, int]]]:
    """Factor in the variables that occur: the library recurses over all of a ring."""
    size = len(f.variables)
    used = [i for i in range(size) if any(e[i] for e in f.terms)]
    if len(used) > MAX_FACTOR_VARIABLES:
        return Fraction(1), [(f, 1)]
    small = Polynomial(
        tuple(f.variables[i] for i in used),
        {tuple(e[i] for i in used): c for e, c in f.terms.items()},
    )
    place = {i: k for k, i in enumerate(used)}

    def whole(e: Exponents) -> Exponents:
        return tuple(e[place[i]] if i in place else 0 for i in range(size))

    constant, factors = factorised(small)
    return constant, [
        (Polynomial(f.variables, {whole(e): c for e, c in g.terms.items()}), power)
        for g, power in factors
    ]


def _complete(f: Polynomial, trials: list[int]) -> list[Square] | None:
    if all(c > 0 and all(k % 2 == 0 for k in e) for e, c in f.terms.items()):
        return [
            (c, Polynomial(f.variables, {tuple(k // 2 for k in e): Fraction(1)}))
            for e, c in f.terms.items()
        ]
    trials[0] -= 1
    if trials[0] < 0 or len(f.terms) > MAX_SQUARE_TERMS:
        return None
    for index in range(len(f.variables)):
        rows = _rows(f, index)
        degree = max(rows)
        lead = rows[degree]
        if degree == 0 or degree % 2 or any(map(any, lead.terms)):
            continue
        weight = next(iter(lead.terms.values()))
        if weight < 0:
            return None
        for root, rest in _square_roots(f, index, degree // 2, weight):
            below = _complete(rest, trials)
            if below is not None:
                return [(weight, root), *below]
    return None


def _square_roots(
    f: Polynomial, index: int, half: int, weight: Fraction
) -> Iterator[tuple[Polynomial, Polynomial]]:
    """Yield ``q, f - weight q^2`` with q of the given degree in one variable, short ones first."""
    names = f.variables
    q = Polynomial(names, {_power(len(names), index, half): Fraction(1)})
    rest = f + _scaled(q * q, -weight)
    yield q, rest
    for k in range(half - 1, -1, -1):
        row = _rows(rest, index).get(half + k)
        if row is None:
            continue
        terms = {_raised(e, index, k): c / (2 * weight) for e, c in row.terms.items()}
        q = q + Polynomial(names, terms)
        rest = f + _scaled(q * q, -weight)
        yield q, rest


def _rows(f: Polynomial, index: int) -> dict[int, Polynomial]:
    """Return the coefficients of the powers of one variable."""
    rows: dict[int, dict[Exponents, Fraction]] = {}
    for e, c in f.terms.items():
        rows.setdefault(e[index], {})[_raised(e, index, -e[index])] = c
    return {k: Polynomial(f.variables, terms) for k, terms in rows.items()}


def _raised(exponents: Exponents, index: int, by: int) -> Exponents:
    return (*exponents[:index], exponents[index] + by, *exponents[index + 1 :])


def _power(size: int, index: int, exponent: int) -> Exponents:
    return tuple(exponent * (i == index) for i in range(size))


def _scaled(f: Polynomial, by: Fraction) -> Polynomial:
    return Polynomial(f.variables, {e: c * by for e, c in f.terms.items()})


def _fraction(value: object) -> Fraction:
    numerator, denominator = getattr(value, "numerator", 0), getattr(value, "denominator", 1)
    return Fraction(int(numerator), int(denominator))
