"""Tools of the checkers: the error, what a node states, identities modulo a prime.

The code here is separate from the solver's: it shares the text format of polynomials and nothing
that takes a decision.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from math import lcm
from typing import Any

from theory.certificate import Node
from theory.polynomials.expression import Polynomial
from theory.polynomials.germ import Factor, Germ, read_germ
from theory.polynomials.trees import Number, Power, Product, Sum, Symbol, Tree

# Mersenne prime; an identity of degree d that is false survives one point with odds d / 2^61.
PRIME = 2**61 - 1
POINTS = 5


class CertificateError(ValueError):
    """A certificate that does not prove its claim."""


def defect(error: Exception) -> str:
    """Return what is wrong with a document in which this was raised: a part that it lacks, or it.

    A part that is missing is the commonest, and the text of its error is the name alone.
    """
    return f"{error} is missing" if isinstance(error, KeyError) else repr(error)


# Confirms the claim of a node from its data and its children's claims.
Checker = Callable[[Node], None]


def require(condition: object, reason: str) -> None:
    """Reject the certificate unless a condition holds.

    Raises:
        CertificateError: If it does not.
    """
    if not condition:
        raise CertificateError(reason)


def germ_of(node: Node) -> Germ:
    """Return the germ that a node makes its claim about."""
    germ = read_germ(node.data["germ"])
    require(len(set(germ.variables)) == len(germ.variables), "a variable has two places")
    require(all(n >= 0 for n in germ.monomial), "a negative exponent")
    require(all(nu > 0 for nu in germ.density), "a density that cannot be integrated")
    require(all(f.exponent > 0 and f.generators for f in germ.factors), "an empty factor")
    return germ


def same_claim(node: Node, claim: tuple[Fraction, Fraction | None, int | None]) -> None:
    """Reject a node whose claim is not the given one."""
    require((node.lower, node.upper, node.multiplicity) == claim, f"claim of {node.rule!r}")


def residue(value: Fraction) -> int:
    """Return a rational modulo the prime."""
    require(value.denominator % PRIME, "a denominator divisible by the test prime")
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME


def sample(seed: str, names: Sequence[str]) -> list[dict[str, int]]:
    """Return points for identities, fixed by the text of what is tested."""
    return [
        {
            name: int.from_bytes(sha256(f"{seed}|{k}|{name}".encode()).digest()) % PRIME
            for name in names
        }
        for k in range(POINTS)
    ]


def value(polynomial: Polynomial, point: Mapping[str, int]) -> int:
    """Return the value of a polynomial modulo the prime."""
    total = 0
    for exponents, coefficient in polynomial.terms.items():
        term = residue(coefficient)
        for name, exponent in zip(polynomial.variables, exponents, strict=True):
            term = term * pow(point[name], exponent, PRIME) % PRIME
        total += term
    return total % PRIME


def tree_value(tree: Tree, point: Mapping[str, int]) -> int:
    """Return the value of an expression modulo the prime."""
    match tree:
        case Number(number):
            return residue(number)
        case Symbol(name):
            return point[name]
        case Power(base, exponent):
            return pow(tree_value(base, point), exponent, PRIME)
        case Sum(terms):
            return sum(tree_value(term, point) for term in terms) % PRIME
        case Product(factors):
            total = 1
            for factor in factors:
                total = total * tree_value(factor, point) % PRIME
            return total


def common_scale(*germs: Germ) -> int:
    """Return L such that ``K^L`` is a polynomial for every germ."""
    numbers = [f.exponent for germ in germs for f in germ.factors]
    numbers += [n for germ in germs for n in germ.monomial]
    return 2 * lcm(*(number.denominator for number in numbers))


def germ_value(germ: Germ, point: Mapping[str, int], scale: int) -> int:
    """Return ``K^scale`` modulo the prime, with sums of squares for ideals."""
    total = 1
    for name, n in zip(germ.variables, germ.monomial, strict=True):
        total = total * pow(point[name], int(n * scale), PRIME) % PRIME
    for factor in germ.factors:
        total = total * factor_value(factor, point, scale) % PRIME
    return total


def factor_value(factor: Factor, point: Mapping[str, int], scale: int) -> int:
    """Return ``|J|^(exponent scale)`` modulo the prime."""
    square = sum(value(g, point) ** 2 for g in factor.generators) % PRIME
    return pow(square, int(factor.exponent * scale / 2), PRIME)


def proportional(pairs: Sequence[tuple[int, int]]) -> bool:
    """Return whether two lists of values differ by a constant factor that is not zero."""
    (first, second), *rest = pairs
    return bool(first and second) and all((a * second - b * first) % PRIME == 0 for a, b in rest)


def rationals(values: Sequence[Any]) -> list[Fraction]:
    """Return rationals written as text."""
    return [Fraction(item) for item in values]
