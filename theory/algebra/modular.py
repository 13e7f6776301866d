"""Cheap proofs modulo a prime that polynomials have no common factor, or no factor at all.

All variables but one get values at which a leading coefficient stays nonzero modulo the prime.
Factors keep their degree in that variable then, so that a factor would show in the images.
"""

from collections.abc import Iterator, Sequence
from itertools import count, islice

from theory.algebra.ring import Poly, degree_in, used

# Small, so that powers modulo a polynomial are short; large enough for squarefree images. There
# is one for each image: whether a form in two variables splits may depend on the prime alone.
PRIMES = (251, 241, 239, 233, 229, 227, 223, 211, 199, 197, 193, 191)
# So many images with a repeated factor speak for a polynomial with one.
REPEATED = 3

Row = list[int]


def coprime(f: Poly, g: Poly) -> bool:
    """Return whether nonzero polynomials are seen to have no common factor but constants."""
    return all(_coprime_in(f, g, i) for i in used(f) & used(g))


def _coprime_in(f: Poly, g: Poly, index: int) -> bool:
    """Return whether no common factor contains the variable, as far as two points show."""
    top = degree_in(f, index)
    for values, prime in islice(_points(f.ring.ngens), 2):
        a, b = image(f, index, values, prime), image(g, index, values, prime)
        if a is None or b is None or len(a) <= top:
            continue
        if len(_gcd(a, b, prime)) == 1:
            return True
    return False


def squarefree(p: Poly) -> bool:
    """Return whether a nonzero polynomial is seen to have no factor twice but constants."""
    return all(degree_in(p, i) == 1 or _squarefree_in(p, i) for i in used(p))


def _squarefree_in(p: Poly, index: int) -> bool:
    """Return whether no repeated factor contains the variable, as far as two points show."""
    top = degree_in(p, index)
    for values, prime in islice(_points(p.ring.ngens), 2):
        a = image(p, index, values, prime)
        if a is not None and len(a) > top and len(_gcd(a, _slope(a, prime), prime)) == 1:
            return True
    return False


def irreducible(p: Poly, index: int) -> bool:
    """Return whether a polynomial is seen to be irreducible over the rationals.

    Its coefficients in powers of the variable must have no common factor, so that every factor
    contains the variable. The degree of a factor is a sum of degrees of factors of each image.
    """
    top = degree_in(p, index)
    possible, repeated = set(range(1, top // 2 + 1)), 0
    for values, prime in islice(_points(p.ring.ngens), len(PRIMES)):
        if not possible:
            return True
        a = image(p, index, values, prime)
        if a is None or len(a) <= top:
            continue
        degrees = factor_degrees(a, prime)
        if degrees is None:
            repeated += 1
            if repeated == REPEATED:
                return False
            continue
        sums = {0}
        for d in degrees:
            sums |= {s + d for s in sums}
        possible &= sums
    return not possible


def image(p: Poly, index: int, values: Sequence[int], prime: int) -> Row | None:
    """Return the coefficients in one variable at a point modulo a prime, lowest power first.

    The others are replaced by the values; the result has no leading zeros. None if the prime
    divides a denominator.
    """
    row = [0] * (1 + degree_in(p, index))
    for e, c in p.items():
        term = c.numerator
        if c.denominator != 1:
            if c.denominator % prime == 0:
                return None
            term *= pow(c.denominator, -1, prime)
        for i, k in enumerate(e):
            if k and i != index:
                term = term * pow(values[i], k, prime) % prime
        row[e[index]] += term
    return _trimmed([c % prime for c in row])


def remainder(a: Row, b: Row, prime: int) -> Row:
    """Return the remainder of a division modulo a prime."""
    a, inverse, size = list(a), pow(b[-1], -1, prime), len(b)
    while len(a) >= size:
        factor, shift = a.pop() * inverse % prime, len(a) - size + 1
        if factor:
            for i in range(size - 1):
                a[shift + i] = (a[shift + i] - factor * b[i]) % prime
    return _trimmed(a)


def factor_degrees(f: Row, prime: int) -> list[int] | None:
    """Return the degrees of the irreducible factors modulo a prime, None if one is repeated."""
    if len(_gcd(f, _slope(f, prime), prime)) > 1:
        return None
    degrees: list[int] = []
    power, rest = remainder([0, 1], f, prime), f
    for d in count(1):
        if len(rest) - 1 < 2 * d:
            break
        power = _power(power, prime, rest, prime)
        moved = power + [0] * (2 - len(power))
        moved[1] = (moved[1] - 1) % prime
        part = _gcd(rest, _trimmed(moved), prime)
        degrees += [d] * ((len(part) - 1) // d)
        if len(part) > 1:
            rest = _quotient(rest, part, prime)
            power = remainder(power, rest, prime)
    return [*degrees, len(rest) - 1] if len(rest) > 1 else degrees


def _points(size: int) -> Iterator[tuple[list[int], int]]:
    """Yield points modulo primes, always the same ones."""
    seed = 1
    for trial in count():
        prime, values = PRIMES[trial % len(PRIMES)], []
        for _ in range(size):
            seed = (seed * 1103515245 + 12345) % 2**31
            values.append(1 + (seed >> 8) % (prime - 1))
        yield values, prime


def _trimmed(a: Row) -> Row:
    while a and not a[-1]:
        a.pop()
    return a


def _slope(f: Row, prime: int) -> Row:
    return _trimmed([k * c % prime for k, c in enumerate(f)][1:])


def _gcd(a: Row, b: Row, prime: int) -> Row:
    while b:
        a, b = b, remainder(a, b, prime)
    return a


def _quotient(a: Row, b: Row, prime: int) -> Row:
    a, inverse, size = list(a), pow(b[-1], -1, prime), len(b)
    factors = []
    while len(a) >= size:
        factor, shift = a.pop() * inverse % prime, len(a) - size + 1
        factors.append(factor)
        for i in range(size - 1):
            a[shift + i] = (a[shift + i] - factor * b[i]) % prime
    return factors[::-1]


def _power(base: Row, exponent: int, modulus: Row, prime: int) -> Row:
    result = [1]
    for bit in bin(exponent)[2:]:
        result = _product(result, result, modulus, prime)
        if bit == "1":
            result = _product(result, base, modulus, prime)
    return result


def _product(a: Row, b: Row, modulus: Row, prime: int) -> Row:
    if not a or not b:
        return []
    row = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        if x:
            for j, y in enumerate(b):
                row[i + j] += x * y
    return remainder([c % prime for c in row], modulus, prime)
